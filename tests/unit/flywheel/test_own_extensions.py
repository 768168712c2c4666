"""Hooks, operators and clients that are files of the user's are found, used, and missed by name."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from verl_agentic.core import FailureKind, Outcome, Task, UserInputError
from verl_agentic.core.chat import make_chat_model
from verl_agentic.flywheel import FlywheelHook, RoundInput, RoundResult, TaskResult, make_hooks
from verl_agentic.store import Group, TaskStatus
from verl_agentic.synthesis.base import TaskFamily
from verl_agentic.synthesis.families import load_families
from verl_agentic.synthesis.reasoning import make_operators
from verl_agentic.synthesis.reasoning.routes import ROUTES
from verl_agentic.tool_envs.registry import check_options

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
CLOCK, CLUTTER = f"{EXAMPLES}/my_family.py:ClockFamily", f"{EXAMPLES}/my_operator.py:Clutter"


def a_round(tasks: Sequence[Task], wanted: int = 4) -> RoundInput:
    half = [(FailureKind.NONE, 1.0), (FailureKind.WRONG_ANSWER, 0.0)]

    def result(task: Task) -> TaskResult:
        outcomes = tuple(Outcome(task.id, n, 1, 0, acc, acc, kind, 1) for n, (kind, acc) in enumerate(half))
        return TaskResult(task, TaskStatus.ACTIVE, (Group(task.id, 1, "u", outcomes),), (0.5,))

    return RoundInput(1, tuple(map(result, tasks)), random.Random(0), wanted, frozenset(task.id for task in tasks))


def some(family: TaskFamily, count: int = 4) -> list[Task]:
    return [family.generate(name, random.Random(name)) for name in family.structures("train")[:count]]


def called(hook: FlywheelHook, tasks: Sequence[Task]) -> RoundResult:
    return hook(a_round(tasks))


def test_a_hook_of_a_file() -> None:
    [family] = load_families(["math"])
    config = {"name": f"{EXAMPLES}/my_hook.py:DrillHook", "share": 1.0}
    [hook] = make_hooks([config], families={"math": family})
    assert len(called(hook, some(family)).new_tasks) == 4
    with pytest.raises(UserInputError, match="no such file"):
        make_hooks([{"name": "nowhere.py:DrillHook"}])


def test_the_reasoning_hook_grows_a_family_of_ones_own_by_an_operator_of_ones_own() -> None:
    [family] = load_families([CLOCK])
    [hook] = make_hooks([{"name": "reasoning", "share": 1.0, "operators": [CLUTTER]}])
    result = called(hook, some(family))
    assert {task.operator for task in result.new_tasks} == {"clutter"} and len(result.new_tasks) == 4
    with pytest.raises(UserInputError, match="operators: operator: no such file"):
        make_operators(["nowhere.py:Clutter"], ())


def test_a_kind_without_routes_is_said_to_be_skipped_and_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    [family] = load_families([CLOCK])
    [hook] = make_hooks([{"name": "reasoning", "operators": [CLUTTER]}])
    monkeypatch.delitem(ROUTES._known, "clock")
    told: list[str] = []
    given = a_round(some(family))
    result = hook(RoundInput(1, given.results, random.Random(0), 4, given.known_ids, say=told.append))
    assert result.new_tasks == [] and result.counts["skipped/clock"] == 4
    assert "verl_agentic.synthesis.reasoning.register_routes" in told[0]


def test_the_trees_hook_grows_by_an_operator_of_ones_own() -> None:
    [family] = load_families(["tree"])
    logged = f"{EXAMPLES}/my_tree_operator.py:Logged"
    hooks = make_hooks([{"name": "trees", "share": 1.0, "operators": [logged]}], families={"tree": family})
    result = called(hooks[0], some(family))
    assert {task.operator for task in result.new_tasks} == {"logged"}
    with pytest.raises(UserInputError, match="unknown operator 'logging'; known: adversary"):
        make_hooks([{"name": "trees", "operators": ["logging"]}], families={"tree": family})


def test_a_client_of_a_file() -> None:
    client = f"{EXAMPLES}/my_chat_model.py:chat_model"
    assert make_chat_model({"client": client, "url": "http://127.0.0.1:1"}).metrics()
    with pytest.raises(UserInputError, match=r"agentic\.llm lacks the key url"):
        make_chat_model({"client": client})


def test_an_environment_of_a_file_has_options_under_its_name() -> None:
    name = f"{EXAMPLES}/my_environment.py:Till"
    check_options({name: {"limit": 200}})
    with pytest.raises(UserInputError, match="its options are limit"):
        check_options({name: {"limits": 200}})
