"""``verl-agentic rollout``: the command, the model that it plays with, and its table."""
