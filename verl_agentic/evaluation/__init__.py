"""Rollouts without training: models behind a URL or in a folder play tasks, and stored trajectories are replayed."""
