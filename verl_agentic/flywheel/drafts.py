"""Texts of language models that no task is made of, in the form in which the store keeps them."""

from __future__ import annotations

from verl_agentic.core import Message, Rejection, Task

REJECTED = "llm-rejected"
"""Generator, and structure, of what holds such a text."""
MAX_CHARS = 20_000


def rejected_text(rejection: Rejection, kind: str, operator: str, parent: str | None = None) -> Task:
    """A text as a task that can only be quarantined: nothing plays it.

    Args:
        rejection: why, with the text; at most ``MAX_CHARS`` of it are kept.
        kind: kind of the task that it was to be.
        operator: what asked for it.
        parent: id of the task that was to be grown.
    """
    # Neither half a surrogate pair nor NUL is text to every database.
    plain = rejection.text[:MAX_CHARS].encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return Task(
        kind=kind,
        messages=[Message(role="assistant", content=plain)],
        tools=[],
        env="",
        env_args={},
        reward="",
        ground_truth={},
        structure=REJECTED,
        parent=parent,
        operator=operator,
        generator=REJECTED,
        meta={"check": rejection.reason},
    )
