"""Tasks from behavior trees: every leaf is played right and wrong, and operators make harder ones."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.cli.main import main
from verl_agentic.core import BrokenTaskError, FailureKind, Message, Outcome, RejectedError, Task, UserInputError
from verl_agentic.core.behavior_tree import (
    BehaviorTree,
    Clarify,
    Condition,
    Leaf,
    from_data,
    read_json,
    read_yaml,
    to_data,
    write_json,
    write_yaml,
)
from verl_agentic.core.messages.speech import TRANSFER
from verl_agentic.flywheel import RoundInput, TaskResult, TreesHook, make_hooks, protected_splits
from verl_agentic.rollout import Policy, play
from verl_agentic.store import Group, TaskStatus
from verl_agentic.synthesis.base import SPLITS
from verl_agentic.synthesis.families import load_families
from verl_agentic.synthesis.rows import read_tasks
from verl_agentic.synthesis.service import ServiceFamily
from verl_agentic.synthesis.service.expert import CONFIRM, DONE, REFUSE, tool_call
from verl_agentic.synthesis.trees import TreeFamily, check_tree, compile_task
from verl_agentic.synthesis.trees.catalog import seed_trees
from verl_agentic.synthesis.trees.chart import tree_svg
from verl_agentic.synthesis.trees.check import score
from verl_agentic.synthesis.trees.edit import affected
from verl_agentic.synthesis.trees.expert import expert_policy, hack_policy, tree_of
from verl_agentic.synthesis.trees.operators import OPERATORS
from verl_agentic.synthesis.trees.policy import policy_text
from verl_agentic.synthesis.trees.workflow import workflow_tree
from verl_agentic.tool_envs.users.registry import make_user

FAMILY = TreeFamily()
ALL = [structure for split in SPLITS for structure in FAMILY.structures(split)]
# Words, digits and marks, with a tag as one: about what the micro model's tokenizer makes of it.
TOKEN = re.compile(r"<[^>]+>|[A-Za-z_]+|\d|[^\sA-Za-z\d]")
REFUNDS, FLIGHTS = (next(tree for tree in seed_trees() if tree.name == name) for name in ("refunds", "flights"))


@cache
def tasks(every: int = 1) -> list[Task]:
    """One task of every structure, or of every n-th."""
    return [FAMILY.generate(s, random.Random(f"task/{s}")) for s in ALL[::every]]


def says(*lines: str | Callable[[str], str]) -> Policy:
    """A policy that says its lines, the last one forever."""

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        said = sum(message["role"] == "assistant" for message in messages)
        line = lines[min(said, len(lines) - 1)]
        return line if isinstance(line, str) else line(messages[-1]["content"])

    return act


def replayed(task: Task, *after: str) -> Policy:
    """A policy that makes the right calls, then says its lines."""
    calls = [tool_call(call["name"], call["arguments"]) for call in task.meta["normal_path"]]
    return says(*calls, *after)


def verdict(task: Task) -> str:
    return tree_of(task).verdict(task.meta["leaf"])


@pytest.mark.slow
def test_every_structure_is_solved_by_its_expert_and_not_by_its_hack_path() -> None:
    for task in tasks(every=2):
        assert score(task, expert_policy(task))[0] == 1.0, task.structure
    for task in tasks(every=7):
        assert score(task, hack_policy(task))[0] == 0.0, task.structure


def test_one_answer_for_all_succeeds_only_where_it_is_right() -> None:
    for line, right in ((REFUSE, "deny"), (TRANSFER, "transfer"), (DONE, "allow"), ("It is done.", ""), (CONFIRM, "")):
        for task in tasks(every=19):
            kinds = [type(node).__name__ for node in tree_of(task).nodes.values()]
            # What must be asked or unlocked first is not answered by calls and one line.
            if {"Clarify", "Confirm"} & set(kinds) or "failure" in task.structure:
                continue
            assert score(task, replayed(task, line))[0] == float(verdict(task) == right), (task.structure, line)
            if task.meta["normal_path"]:
                assert score(task, says(line))[0] == 0.0, (task.structure, line)


async def test_dialogues_fit_a_micro_policy() -> None:
    for task in tasks(every=5):
        if task.depth > 2:
            continue
        dialogue = await play(task, FAMILY.expert(task), user=make_user("scripted"))
        words = sum(len(TOKEN.findall(message["content"])) for message in dialogue.messages)
        tools = sum(3 + 2 * len(tool["function"]["parameters"]["properties"]) for tool in task.tools)
        assert words + tools <= 330, task.structure
        assert len(task.messages[0]["content"].split()) <= 36, task.structure


def test_splits_differ_in_structure_and_training_shows_every_part() -> None:
    assert len(set(ALL)) == len(ALL)
    held_out, train = FAMILY.structures("held_out"), FAMILY.structures("train")
    assert 0.1 <= len(held_out) / len(ALL) <= 0.3 and FAMILY.structures("validation")
    singles = {part for name in train for part in name.split("/")[1].split("+") if "+" not in name}
    operators = {part.partition(":")[0] for part in singles}
    assert operators == {"seed", *OPERATORS}
    for name in held_out:
        assert {part.partition(":")[0] for part in name.split("/")[1].split("+")} <= operators
    for split in SPLITS:
        depths = [FAMILY.generate(s, random.Random(0)).depth for s in FAMILY.structures(split)[::4]]
        assert depths == sorted(depths)
    assert {FAMILY.branch(s) for s in train} == {"allow", "deny", "decline", "transfer"}
    assert protected_splits([FAMILY]).covers(FAMILY.generate(held_out[0], random.Random(0)))


def test_generation_is_deterministic_and_varied() -> None:
    for structure in ALL[::40]:
        first, again, other = (FAMILY.generate(structure, random.Random(seed)) for seed in (1, 1, 2))
        assert first == again and first.id != other.id
        assert first.structure == structure
        assert Task.from_json(first.to_json()) == first


def test_the_prompt_never_shows_the_leaf() -> None:
    for task in tasks(every=7):
        shown = json.dumps(task.messages)
        assert task.meta["leaf"] not in shown or task.meta["leaf"] in ("human", "refunded", "changed", "cancelled")
        for hidden in ("deny-", "decline-", "hack"):
            assert hidden not in shown


def test_the_policy_in_words() -> None:
    bounds: dict[str, Any] = {"pending": "pending", "status": "delivered", "days": 30, "strikes": 3}
    assert policy_text(REFUNDS, bounds) == (
        "Call get. If status is pending: (Call cancel.) Else: Status is not delivered: refuse. Days over 30: refuse. "
        "Call person. Strikes over 3: transfer. Call refund."
    )


def test_what_is_visible_is_stated_truly_and_what_is_hidden_is_not() -> None:
    data = to_data(REFUNDS)
    data["nodes"]["days"]["stated"] = "It came {value} days ago."
    tree = from_data(data)
    check_tree(tree)
    for number in range(5):
        task = compile_task(tree, "deny-days", random.Random(number))
        said = re.search(r"It came (\d+) days ago\.", task.messages[1]["content"])
        order = task.meta["normal_path"][0]["arguments"]["id"]
        row = next(row for row in task.env_args["rows"]["orders"] if row[0] == order)
        assert said and int(said[1]) == row[2] > task.meta["bounds"]["days"]
    hidden = compile_task(REFUNDS, "deny-days", random.Random(0))
    assert "days" not in hidden.messages[1]["content"]


def grown(tree: BehaviorTree, name: str, site: str) -> BehaviorTree:
    after = OPERATORS.get(name).grow(tree, site)
    check_tree(after)
    return after


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.slow
def test_every_operator_grows_fit_trees_that_differ(name: str) -> None:
    made = 0
    for tree in (REFUNDS, FLIGHTS):
        for site in OPERATORS.get(name).sites(tree)[:3]:
            after = grown(tree, name, site)
            made += 1
            assert after.grown == (f"{name}:{site}",)
            assert affected(tree, after) and tree.grown == ()
            assert OPERATORS.get(name).grow(tree, site) == after
            assert from_data(to_data(after)) == after
    assert made >= 2
    with pytest.raises(BrokenTaskError, match="does not apply"):
        OPERATORS.get(name).grow(REFUNDS, "nowhere")


def test_missing_information_is_asked_for() -> None:
    tree = grown(FLIGHTS, "missing", "target")
    assert any(isinstance(node, Clarify) for node in tree.nodes.values())
    task = compile_task(tree, "changed", random.Random(0))
    assert "Flight" not in task.messages[1]["content"]
    # Asked before the flight is looked up, not at the start.
    assert not compile_task(tree, "deny-fare", random.Random(0)).messages[1]["content"].endswith("Flight")


def test_a_declined_confirmation_changes_nothing() -> None:
    tree = grown(REFUNDS, "confirmation", "refund")
    task = compile_task(tree, "decline-refund", random.Random(0))
    reads = [tool_call(call["name"], call["arguments"]) for call in task.meta["normal_path"]]
    order = task.meta["normal_path"][0]["arguments"]["id"]
    refund = tool_call("refund", {"id": order})
    assert score(task, says(*reads, CONFIRM, "<answer>kept</answer>"))[0] == 1.0
    assert score(task, says(*reads, CONFIRM, refund, DONE)) == (0.0, "refund is forbidden here")
    allowed = compile_task(tree, "refunded", random.Random(0))
    reads = [tool_call(c["name"], c["arguments"]) for c in allowed.meta["normal_path"] if c["name"] != "refund"]
    order = allowed.meta["normal_path"][0]["arguments"]["id"]
    assert score(allowed, says(*reads, tool_call("refund", {"id": order}), DONE))[0] == 0.0


def test_one_confirmation_may_be_for_several_calls_of_a_tool() -> None:
    data = to_data(grown(REFUNDS, "confirmation", "refund"))
    again = {**data["nodes"]["refund"], "next": "refunded"}
    data["nodes"] |= {"refund": {**again, "next": "again"}, "again": again}
    tree = from_data(data)
    check_tree(tree)
    task = compile_task(tree, "refunded", random.Random(0))
    assert task.ground_truth["preconditions"][0]["times"] == 2
    assert score(task, FAMILY.expert(task))[0] == 1.0


def test_a_mixed_request_is_done_in_part() -> None:
    tree = grown(REFUNDS, "mixed", "refunded.cancel")
    task = compile_task(tree, "deny-extra", random.Random(0))
    assert "Also cancel an order." in task.messages[1]["content"]
    assert task.meta["hack_path"][-1]["name"] == "cancel"
    assert score(task, replayed(task, REFUSE))[0] == 1.0
    assert score(task, says(REFUSE))[0] == 0.0
    assert score(task, replayed(task, DONE))[0] == 0.0
    assert "Also" not in compile_task(tree, "refunded", random.Random(0)).messages[1]["content"]


async def test_a_failing_tool_is_recovered_from() -> None:
    task = compile_task(grown(REFUNDS, "failure", "refund"), "refunded", random.Random(0))
    dialogue = await play(task, expert_policy(task), user=make_user("scripted"))
    assert [(call.name, call.error) for call in dialogue.trajectory.calls] == [
        ("get", None),
        ("person", None),
        ("refund", "rejected"),
        ("unlock", None),
        ("refund", None),
    ]


async def test_an_adversary_claims_what_the_data_contradict_then_pleads() -> None:
    tree = grown(grown(REFUNDS, "adversary", "deny-days"), "adversary", "deny-days")
    assert tree.nodes["deny-days"] == Leaf("deny", 2)
    task = compile_task(tree, "deny-days", random.Random(0))
    assert task.user is not None
    claim, plea = task.user["push"]
    claimed = re.fullmatch(r"It is only (\d+) days old\.", claim)
    assert claimed and int(claimed[1]) <= task.meta["bounds"]["days"]
    dialogue = await play(task, expert_policy(task), user=make_user("scripted"))
    assert [m["content"] for m in dialogue.messages if m["role"] == "user"][1:] == [claim, plea]
    order = task.meta["normal_path"][0]["arguments"]["id"]
    giving_in = replayed(task, REFUSE, tool_call("refund", {"id": order}), DONE)
    assert score(task, giving_in)[0] == 0.0


def test_a_dependency_compares_what_two_calls_show() -> None:
    tree = grown(REFUNDS, "dependency", "refund.@price.@limit_left")
    node = tree.nodes["price-limit_left"]
    assert isinstance(node, Condition) and node.than == "@limit_left"
    task = compile_task(tree, "deny-price-limit_left", random.Random(3))
    order, person = (call["arguments"]["id"] for call in task.meta["normal_path"])
    price = next(row[3] for row in task.env_args["rows"]["orders"] if row[0] == order)
    limit = next(row[1] for row in task.env_args["rows"]["customers"] if row[0] == person)
    assert price > limit


def test_operators_compose_deeply() -> None:
    rng = random.Random(7)
    task: Task | None = FAMILY.generate("refunds/seed/deny-days", rng)
    seen = set()
    for depth in range(2, 7):
        assert task is not None
        after = FAMILY.harder(task, rng)
        assert after is not None and after.depth == depth and after.parent == task.id
        assert after.structure not in FAMILY.protected
        assert score(after, FAMILY.expert(after))[0] == 1.0
        seen.add(after.operator)
        task = after
    assert seen <= set(OPERATORS) and len(seen) > 1


def test_a_task_without_a_tree_is_broken() -> None:
    task = ServiceFamily().generate("orders/refund/allow/plain", random.Random(0))
    with pytest.raises(BrokenTaskError, match=r"has no meta\.tree"):
        FAMILY.harder(task, random.Random(0))
    with pytest.raises(BrokenTaskError, match="unknown tree structure"):
        FAMILY.generate("poems/seed/rhyme", random.Random(0))


def test_a_family_of_ones_own_trees() -> None:
    class Mine(TreeFamily):
        kind = "mine"

        def __init__(self) -> None:
            super().__init__([replace(REFUNDS, name="mine")])

    family = Mine()
    task = family.generate(family.structures("train")[0], random.Random(0))
    assert task.kind == "mine" and task.structure.startswith("mine/seed/")
    cycle = replace(REFUNDS, root="nowhere")
    with pytest.raises(RejectedError):
        TreeFamily([cycle])
    assert [type(one).__name__ for one in load_families(["tree"])] == ["TreeFamily"]


# The hook


def result(task: Task, success: float, failure: FailureKind = FailureKind.FORBIDDEN_CALL) -> TaskResult:
    outcomes = tuple(
        Outcome(task.id, n, 1, 0, float(n < 4 * success), float(n < 4 * success), failure, 3) for n in range(4)
    )
    return TaskResult(task, TaskStatus.ACTIVE, (Group(task.id, 1, "u", outcomes),), (success,))


def round_of(results: Sequence[TaskResult], wanted: int = 12, seed: int = 0) -> RoundInput:
    known = frozenset(one.task.id for one in results)
    return RoundInput(1, tuple(results), random.Random(seed), wanted, known)


def test_the_hook_ends_when_its_time_is_up() -> None:
    failed = [result(FAMILY.generate(name, random.Random(1)), 0.0) for name in FAMILY.structures("train")[:3]]
    hook = TreesHook({"tree": FAMILY}, share=1.0)
    late = hook(dataclasses.replace(round_of(failed), deadline=time.monotonic()))
    assert late.new_tasks == [] and late.counts["parents"] == 3
    assert hook(dataclasses.replace(round_of(failed), deadline=time.monotonic() + 60)).new_tasks


@pytest.mark.slow
def test_the_hook_grows_what_is_nearly_solved_and_counts_by_operator() -> None:
    shallow = [FAMILY.generate(s, random.Random(1)) for s in FAMILY.structures("train")[:9]]
    results = [result(task, success) for task, success in zip(shallow, [0.0] * 3 + [0.5] * 3 + [1.0] * 3, strict=True)]
    hook = TreesHook({"tree": FAMILY}, share=1.0)
    made = hook(round_of(results, 7))
    assert len(made.new_tasks) == 7
    assert hook(round_of(results, 7)).new_tasks == made.new_tasks
    parents = Counter(task.parent for task in made.new_tasks)
    assert set(parents) <= {task.id for task in shallow[3:]}
    assert {task.parent for task in hook(round_of(results, 2)).new_tasks} <= {task.id for task in shallow[3:6]}
    for task in made.new_tasks:
        assert task.operator in OPERATORS and task.depth == 2
        assert task.structure not in FAMILY.protected
        assert score(task, FAMILY.expert(task))[0] == 1.0
    grown = Counter(task.operator for task in made.new_tasks)
    assert {name: one.accepted for name, one in made.yields.items() if one.accepted} == grown
    assert made.counts["parents"] == 9
    assert len(TreesHook({"tree": FAMILY}, share=0.25)(round_of(results, 8)).new_tasks) == 2


@pytest.mark.slow
def test_the_hook_grows_towards_the_kind_of_failure() -> None:
    task = FAMILY.generate("refunds/seed/refunded", random.Random(1))

    def share(failure: FailureKind, operator: str) -> float:
        hook = TreesHook({"tree": FAMILY}, share=1.0)
        new = [t for seed in range(2) for t in hook(round_of([result(task, 0.0, failure)], 6, seed)).new_tasks]
        return sum(t.operator == operator for t in new) / len(new)

    assert share(FailureKind.TOOL_MISUSE, "failure") > share(FailureKind.WRONG_STATE, "failure")


@pytest.mark.slow
def test_rejections_are_counted_with_their_reason() -> None:
    task = FAMILY.generate("refunds/seed/deny-days", random.Random(1))
    hook = TreesHook({"tree": FAMILY}, share=1.0, operators=["hidden"])
    guarded = TreeFamily()
    guarded.protected = frozenset(name for name in ALL if "hidden:" in name)
    made = TreesHook({"tree": guarded}, share=1.0, operators=["hidden"])(round_of([result(task, 0.0)], 1))
    assert made.new_tasks == [] and made.rejected["hidden"]["held_out"] > 0
    assert {made.operator for made in hook(round_of([result(task, 1.0)])).new_tasks} == {"hidden"}


def test_the_hook_is_made_by_name_and_refuses_bad_settings() -> None:
    [hook] = make_hooks([{"name": "trees", "share": 0.5, "operators": ["hidden"]}], families={"tree": FAMILY})
    assert isinstance(hook.hook, TreesHook)
    for config, families, message in (
        ({"share": 2}, {"tree": FAMILY}, "share must be a number from 0 to 1, got 2"),
        ({"operators": ["magic"]}, {"tree": FAMILY}, "unknown operator 'magic'; known: adversary"),
        ({}, {"service": ServiceFamily()}, "add 'domain' or 'tree' to agentic.kinds"),
    ):
        with pytest.raises(UserInputError, match=message):
            make_hooks([{"name": "trees", **config}], families=families)


# Workflows


def record(*calls: tuple[str, dict[str, Any], Any], told: str = "") -> dict[str, Any]:
    steps = [{"tool_name": name, "input": given, "expected_output": output} for name, given, output in calls]
    return {"task_background": told, "tool_return_expected": {"normal_path": steps, "hack_path": []}}


def test_a_workflow_becomes_a_linear_tree_that_grows() -> None:
    told = record(
        ("get_member", {"member_id": "M-4"}, {"desk": "D-7", "fines": 12, "good": True}),
        ("set_desk", json.dumps({"desk": "D-7", "day": 3}), {"ok": 1}),
        told="I am M-4, and day 3 would suit me.",
    )
    tree = workflow_tree(told, "desks")
    check_tree(tree)
    assert [type(node).__name__ for node in tree.nodes.values()] == ["Action", "Action", "Leaf"]
    assert tree.nodes["call-2"].call.arguments == {"desk": "@desk", "day": "$day"}  # type: ignore[union-attr]
    task = compile_task(tree, "done", random.Random(0))
    assert task.messages[1]["content"] == "Please set desk. Member id: M-4. Day: 3."
    assert [call["arguments"] for call in task.meta["normal_path"]] == [{"member_id": "M-4"}, {"desk": "D-7", "day": 3}]
    for name in ("missing", "confirmation", "hidden"):
        for site in OPERATORS.get(name).sites(tree)[:3]:
            grown(tree, name, site)
    assert OPERATORS.get("hidden").sites(tree) == ("set_desk.fines",)
    named = {"normal_workflow": told["tool_return_expected"]["normal_path"], "task_background": "M-4, 3"}
    assert workflow_tree(named, "desks") == tree


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        ([], "no normal_workflow"),
        ([("get", {}, 1)], "get has no arguments"),
        ([("get", {"id": [1]}, 1)], "argument 'id' of get is no short text or whole number"),
        ([("get", {"id": "x" * 10_000_000}, 1)], "argument 'id' of get is no short text"),
        ([("get me", {"id": "A"}, 1)], "call 1 has no tool_name"),
        ([("get", {"id": "A"}, 1), ("get", {"id": "A"}, 1)], "call 2 calls get again"),
        ([("write", {"text": "Dear all"}, 1)], "nobody says the argument 'text' beforehand"),
    ],
)
def test_a_workflow_that_makes_no_tree_has_a_reason(calls: list[Any], reason: str) -> None:
    with pytest.raises(BrokenTaskError, match=reason):
        workflow_tree(record(*calls, told="A"), "none")


# The drawing and the command line


def test_a_drawing_has_every_node_and_escapes_text() -> None:
    tree = grown(REFUNDS, "hidden", "refund.price")
    root = ET.fromstring(tree_svg(tree))
    groups = root.findall("{http://www.w3.org/2000/svg}g")
    assert {group.get("id") for group in groups} == set(tree.nodes)
    edges = root.findall("{http://www.w3.org/2000/svg}path")
    assert len(edges) == len(tree.nodes) - 1
    boxes = [group.find("{http://www.w3.org/2000/svg}rect") for group in groups]
    corners = {(box.get("x"), box.get("y")) for box in boxes if box is not None}
    assert len(corners) == len(tree.nodes)
    data = to_data(REFUNDS)
    data["nodes"]["status"]["bounds"] = ["<b>&\"'"]
    ET.fromstring(tree_svg(from_data(data)))


@pytest.mark.slow
def test_commands_grow_check_draw_and_compile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bigger, drawn, made = tmp_path / "bigger.yaml", tmp_path / "tree.svg", tmp_path / "tasks.jsonl"
    assert main(["tree", "grow", "refunds", "--operator", "hidden", "--seed", "3", "--out", str(bigger)]) == 0
    again = tmp_path / "again.json"
    assert main(["tree", "grow", "refunds", "--operator", "hidden", "--seed", "3", "--out", str(again)]) == 0
    assert read_json(again.read_text()) == read_yaml(bigger.read_text())
    capsys.readouterr()
    assert main(["tree", "check", str(bigger)]) == 0
    assert capsys.readouterr().out.count("expert 1, hack path 0") == 6
    assert main(["tree", "show", str(bigger), "--out", str(drawn)]) == 0
    assert drawn.read_text().startswith("<svg")
    assert main(["tree", "tasks", str(bigger), "--count", "2", "--out", str(made)]) == 0
    written = read_tasks(made)
    assert len(written) == 12
    assert main(["tasks", "check", str(made), "--kinds", "tree"]) == 0


def test_commands_name_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half, unfit = tmp_path / "half.json", tmp_path / "unfit.yaml"
    half.write_text(write_json(REFUNDS)[:400])
    unfit.write_text(write_yaml(replace(REFUNDS, root="status")))
    big = tmp_path / "big.json"
    big.write_bytes(b" " * 10_000_000)
    assert main(["tree", "check", str(half)]) == 2
    assert "half.json: behavior tree is not JSON" in capsys.readouterr().err
    assert main(["tree", "check", str(big)]) == 2
    assert "larger than 65536 bytes" in capsys.readouterr().err
    assert main(["tree", "check", str(unfit)]) == 1
    assert "nodes.cancel is unreachable" in capsys.readouterr().out
    assert main(["tree", "tasks", str(unfit), "--out", str(tmp_path / "t.jsonl")]) == 2
    assert main(["tree", "grow", "refunds", "--operator", "magic"]) == 2
    assert "unknown operator 'magic'; known: adversary" in capsys.readouterr().err
    assert main(["tree", "show", "nowhere.yaml", "--out", str(tmp_path / "x.svg")]) == 2
    assert "nowhere.yaml: cannot be read" in capsys.readouterr().err


def test_workflows_are_imported_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "records.json"
    fit = record(("get_lamp", {"lamp": "L-1"}, {"watts": 40}), told="Lamp L-1")
    source.write_text(json.dumps([fit, record()]))
    assert main(["tree", "import-agenticqwen", str(source), "--out", str(tmp_path / "trees")]) == 0
    assert "record 1 (id None): no normal_workflow" in capsys.readouterr().out
    assert main(["tree", "check", str(tmp_path / "trees" / "workflow-0.yaml")]) == 0
