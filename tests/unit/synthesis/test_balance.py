"""Structures take turns by branch, so that no decision is the commonest."""

from __future__ import annotations

from collections import Counter

import pytest

from verl_agentic.core import UserInputError
from verl_agentic.starter.tasks import balanced_tasks
from verl_agentic.synthesis.balance import depth_of, shallow_structures, take_turns
from verl_agentic.synthesis.families import load_families


def test_groups_take_turns_and_then_their_members() -> None:
    structure_of = take_turns(["a1", "a2", "a3", "b1"], lambda structure: structure[0])
    assert [structure_of(turn) for turn in range(8)] == ["a1", "b1", "a2", "b1", "a3", "b1", "a1", "b1"]


def test_service_demonstrations_hold_equally_many_of_each_decision_and_depth() -> None:
    (service,) = load_families(["service"])
    tasks = [task for _, task in balanced_tasks([service], 0, 120, "train", 3, stream="test")]
    found = Counter((service.branch(task.structure), task.depth) for task in tasks)
    assert {branch for branch, _ in found} == {"allow", "decline", "deny", "transfer"}
    assert max(found.values()) - min(found.values()) <= 1


@pytest.mark.parametrize("kind", ["math", "sql", "service"])
@pytest.mark.slow
def test_shallow_structures_are_those_up_to_a_depth(kind: str) -> None:
    (family,) = load_families([kind])
    shallow = shallow_structures(family, "train", 2)
    assert {depth_of(family, structure) for structure in shallow} == {1, 2}
    assert set(shallow) < set(family.structures("train"))
    with pytest.raises(UserInputError, match=f"'{kind}' has no held_out structure of depth <= 1"):
        shallow_structures(family, "held_out", 1)
