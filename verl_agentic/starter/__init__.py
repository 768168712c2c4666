"""The starter policy: a Qwen3 micro model made on the spot from expert demonstrations, cached by content."""

from verl_agentic.starter.cache import ensure_starter
from verl_agentic.starter.demonstrations import Demonstration, demonstrations
from verl_agentic.starter.settings import StarterSettings
from verl_agentic.starter.smollm2 import ensure_smollm2

__all__ = ["Demonstration", "StarterSettings", "demonstrations", "ensure_smollm2", "ensure_starter"]
