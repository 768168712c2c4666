"""Simulated users: what a user is, and the kinds there are by name."""
