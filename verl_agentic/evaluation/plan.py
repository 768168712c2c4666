"""How tasks are played and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.rollout import SessionPlan

MAX_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class PlayPlan:
    """How one task is played and judged.

    Attributes:
        session: in which world, with which user, within which limits.
        max_turn_tokens: longest message, in tokens.
        max_response_tokens: longest trajectory after the prompt, in tokens as the model counts them; ``None`` for any.
        reward: name of the reward function, ``None`` for each task's own.
        reward_kwargs: its keywords.
        llm: ``agentic.llm`` of the language model besides the policy, for rewards that ask one; ``None`` for none.
        seed: of sessions, users and sampling.
    """

    session: SessionPlan = field(default_factory=SessionPlan)
    max_turn_tokens: int = MAX_TOKENS
    max_response_tokens: int | None = None
    reward: str | None = None
    reward_kwargs: Mapping[str, Any] = field(default_factory=dict)
    llm: Mapping[str, Any] | None = None
    seed: int = 0

    @property
    def keywords(self) -> dict[str, Any]:
        """All that rewards are handed: the language model, if there is one, and ``reward_kwargs``."""
        return {**({"llm": self.llm} if self.llm else {}), **self.reward_kwargs}
