"""Hydra groups: the building blocks of recipes."""
