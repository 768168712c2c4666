"""Somebody else's worlds: all it takes is a package that can be imported where verl runs."""
