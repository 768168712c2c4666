"""What a rubric asks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from verl_agentic.core import BrokenTaskError

Kind = Literal["goal", "violation"]
POLICY_ITEM = "policy"


@dataclass(frozen=True, slots=True)
class RubricItem:
    """One statement about a trajectory.

    Attributes:
        id: name of the item, unique in its rubric.
        text: the statement.
        kind: a ``goal`` should come true; a ``violation`` zeroes the reward when it does.
        weight: share of a goal in the score, relative to the other goals'.
    """

    id: str
    text: str
    kind: Kind = "goal"
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Rubric:
    """All items, and the policy that the agent was given, if there is one."""

    items: tuple[RubricItem, ...]
    policy: str | None = None


def read_rubric(ground_truth: dict[str, Any]) -> Rubric:
    """A rubric from ``{"rubric": [...], "policy": ...}``; a plain text is a goal.

    A policy adds a violation of its own, :data:`POLICY_ITEM`, unless the rubric has an item by that name.

    Raises:
        BrokenTaskError: naming the item that is not of the form, or that there is none.
    """
    entries, policy = ground_truth.get("rubric"), ground_truth.get("policy")
    if not isinstance(entries, list) or not entries:
        raise BrokenTaskError("ground_truth.rubric must be a list of items, and not empty")
    if policy is not None and not (isinstance(policy, str) and policy.strip()):
        raise BrokenTaskError("ground_truth.policy must be a text, and not empty")
    items = [_read_item(entry, position) for position, entry in enumerate(entries)]
    names = [item.id for item in items]
    if len(set(names)) < len(names):
        raise BrokenTaskError("ground_truth.rubric has two items of one id")
    if policy and POLICY_ITEM not in names:
        items.append(RubricItem(POLICY_ITEM, "The agent broke at least one rule of the policy.", "violation"))
    return Rubric(tuple(items), policy)


def _read_item(entry: Any, position: int) -> RubricItem:
    where = f"ground_truth.rubric[{position}]"
    if isinstance(entry, str):
        entry = {"text": entry}
    if not isinstance(entry, dict):
        raise BrokenTaskError(f"{where} must be a text or an object")
    if unknown := sorted(set(entry) - {"id", "text", "kind", "weight"}):
        raise BrokenTaskError(f"{where} has the unknown field {unknown[0]!r}")
    name, text = entry.get("id", str(position + 1)), entry.get("text")
    kind, weight = entry.get("kind", "goal"), entry.get("weight", 1.0)
    if not (isinstance(text, str) and text.strip() and isinstance(name, str) and name):
        raise BrokenTaskError(f"{where} needs a 'text' and, if any, a text as 'id'")
    if kind not in ("goal", "violation"):
        raise BrokenTaskError(f"{where}.kind must be goal or violation, got {kind!r}")
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not (math.isfinite(weight) and weight > 0):
        raise BrokenTaskError(f"{where}.weight must be a positive number, got {weight!r}")
    return RubricItem(name, text, kind, float(weight))
