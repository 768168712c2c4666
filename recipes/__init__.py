"""Whole recipes, chosen with ``+recipe=NAME``."""
