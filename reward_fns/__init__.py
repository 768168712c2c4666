"""Verifiable rewards in verl's ``compute_score`` form. No verl, torch or GPU."""
