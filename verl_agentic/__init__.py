"""verl-agentic: agentic RL for verl with synthesis inside training (AgenticQwen, arXiv 2604.21590)."""

__version__ = "0.1.0"
