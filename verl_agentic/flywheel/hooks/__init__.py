"""Hooks that run between epochs, one file each, and what they are made of."""
