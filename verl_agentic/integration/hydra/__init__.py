"""Where Hydra finds recipes and groups, and what they may compute."""
