"""Pairs of ``math_pairs_blind.tsv``, labelled by somebody who had not seen the reward.

The second column is ``sure``, ``arguable`` (labelled as the documentation of equality decides) or ``missed``: right
answers that the reward is known not to accept yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from outside_case import Case

PAIRS = Path(__file__).resolve().parent / "math_pairs_blind.tsv"
WHOLE_RESPONSES = frozenset({"F", "G"})
"""Kinds whose answers are whole responses, with thoughts, tags and boxes; those of others stand within a tag or box."""


def _check(kind: str, expected: bool, reference: str, answer: str) -> Callable[[], None]:
    def check() -> None:
        from verl_agentic.reward_fns.math import answers_equal, compute_score

        if kind in WHOLE_RESPONSES:
            got = bool(compute_score("math", answer, reference)["acc"])
        else:
            got = bool(answers_equal(answer, reference))
        assert got == expected, f"{answer!r} for {reference!r}: got {int(got)}, expected {int(expected)}"

    return check


def cases() -> Iterator[Case]:
    """One per line of the file."""
    for line in PAIRS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            kind, sure, expected, reference, answer = line.split("\t")
            check = _check(kind, expected == "1", reference, answer)
            missed = sure == "missed"
            yield Case(kind, f"blind: {reference} <- {answer}", check, sure=sure == "sure", own=True, missed=missed)
