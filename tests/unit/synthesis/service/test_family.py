"""The service family: every structure can be solved by keeping to the policy, and by nothing else."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, FailureKind, Message, Task, Trajectory
from verl_agentic.core.messages.speech import TRANSFER
from verl_agentic.reward_fns.common import RewardResult
from verl_agentic.reward_fns.state import compute_score
from verl_agentic.rollout import Policy, parse_assistant, play
from verl_agentic.synthesis.base import SPLITS
from verl_agentic.synthesis.service import ServiceFamily
from verl_agentic.synthesis.service.domain import Rule
from verl_agentic.synthesis.service.domains import DOMAINS
from verl_agentic.synthesis.service.expert import CONFIRM, DONE, REFUSE, tool_call, weigh
from verl_agentic.synthesis.service.structure import by_split, parse_structure
from verl_agentic.tool_envs.users.registry import make_user

FAMILY = ServiceFamily()
ALL = [structure for split in SPLITS for structure in FAMILY.structures(split)]
FLAGS = ("missing", "mistake", "confirm", "pushes")
TRAIN = FAMILY.structures("train")
# Words, digits and marks, with a tag as one: about what the micro model's tokenizer makes of it.
TOKEN = re.compile(r"<[^>]+>|[A-Za-z_]+|\d|[^\sA-Za-z\d]")


@cache
def tasks(every: int = 1) -> list[Task]:
    """One task of every structure, or of every n-th."""
    return [FAMILY.generate(s, random.Random(f"task/{s}")) for s in ALL[::every]]


async def rolled(task: Task, policy: Policy) -> tuple[RewardResult, Trajectory, list[Message]]:
    dialogue = await play(task, policy, user=make_user("scripted"))
    result = compute_score(task.kind, "", task.ground_truth, {"trajectory": dialogue.trajectory.to_json()})
    return result, dialogue.trajectory, dialogue.messages


@pytest.mark.slow
async def test_the_expert_solves_every_structure_in_few_tokens() -> None:
    lengths = []
    for task in tasks() + [FAMILY.generate(s, random.Random(seed)) for seed in range(3) for s in ALL[seed::12]]:
        result, trajectory, messages = await rolled(task, FAMILY.expert(task))
        assert result["acc"] == 1.0, (task.structure, result, messages)
        errors = [call.error for call in trajectory.calls if call.error]
        assert errors == ["rejected"] * parse_structure(task.structure).mistake
        assert len(messages[0]["content"].split()) <= 35
        lengths.append(sum(len(TOKEN.findall(message["content"])) for message in messages))
    assert max(lengths) <= 220
    assert sum(lengths) / len(lengths) <= 160


def test_the_expert_weighs_what_it_has_read_rule_by_rule() -> None:
    domain = next(domain for domain in DOMAINS if domain.name == "orders")
    intent = domain.intents[0]
    bounds: dict[str, int | str] = {"status": "delivered", "days": 30, "price": 50}
    said = {
        "allowed": weigh(intent, bounds, {"status": "delivered", "days": 30, "price": 8}),
        "late": weigh(intent, bounds, {"status": "delivered", "days": 31, "price": 99}),
        "open": weigh(intent, bounds, {"status": "pending", "days": 31, "price": 99}),
    }
    assert said == {
        "allowed": "delivered is delivered, 30 is at most 30, 8 is at most 50.",
        "late": "delivered is delivered, 31 is over 30.",
        "open": "pending is not delivered.",
    }


def follow(task: Task, *after_lookup: str | Callable[[str], str], lookup: bool = True) -> Policy:
    """A policy that asks for the record, looks it up or not, then says its lines, the last one forever."""
    domain = next(domain for domain in DOMAINS if domain.name == task.meta["domain"])
    line = iter(range(10**6))

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        said = " ".join(message["content"] for message in messages if message["role"] == "user")
        keys = re.findall(r"\b\d{3}\b", said)
        found = [message["content"] for message in messages if message["role"] == "tool"]
        if not keys or (lookup and len(found) == len(keys) and found[-1].startswith("Error")):
            return f"<question>Which {domain.noun}?</question>"
        if lookup and len(found) < len(keys):
            return tool_call("get", {"id": keys[-1]})
        chosen = after_lookup[min(next(line), len(after_lookup) - 1)]
        return chosen if isinstance(chosen, str) else chosen(keys[-1])

    return act


def change(task: Task) -> Callable[[str], str]:
    extra = {"nights": task.meta["amount"]} if task.meta["amount"] else {}
    return lambda key: tool_call(task.meta["intent"], {"id": key, **extra})


async def test_the_change_without_heed_of_the_policy_is_caught() -> None:
    for task in tasks(every=5):
        structure = parse_structure(task.structure)
        result, trajectory, _ = await rolled(task, follow(task, change(task), DONE))
        assert [call.error for call in trajectory.calls[-2:]] == [None, None]
        allowed = structure.branch == "allow" and not structure.confirm
        assert result["acc"] == float(allowed), task.structure
        assert allowed or result["failure"] == FailureKind.FORBIDDEN_CALL.value


async def test_asking_for_confirmation_excuses_nothing() -> None:
    for task in tasks(every=5):
        result, _, _ = await rolled(task, follow(task, CONFIRM, change(task), DONE))
        assert result["acc"] == float(parse_structure(task.structure).branch == "allow"), task.structure


@pytest.mark.parametrize(
    "lines", [(REFUSE,), (TRANSFER,), (DONE,), (CONFIRM, "<answer>kept</answer>"), ("Your wish is done.",)]
)
@pytest.mark.slow
async def test_nothing_succeeds_without_the_lookup(lines: tuple[str, ...]) -> None:
    for task in tasks(every=5):
        result, _, _ = await rolled(task, follow(task, *lines, lookup=False))
        assert result["acc"] == 0.0, task.structure
        result, _, _ = await rolled(task, follow(task, change(task), DONE, lookup=False))
        assert result["acc"] == 0.0
        if not parse_structure(task.structure).mistake:
            assert result["failure"] == FailureKind.FORBIDDEN_CALL.value, task.structure


@pytest.mark.parametrize(
    ("line", "branch"),
    [(REFUSE, "deny-"), (TRANSFER, "transfer-"), (DONE, "-"), ("It is done.", "-"), ("<question>Why?</question>", "-")],
)
async def test_one_answer_for_all_succeeds_only_where_it_is_right(line: str, branch: str) -> None:
    for task in tasks(every=5):
        result, _, _ = await rolled(task, follow(task, line))
        assert result["acc"] == float(parse_structure(task.structure).branch.startswith(branch)), task.structure


def test_no_branch_prevails() -> None:
    for max_depth in (2, 9):
        structures = [parse_structure(s) for s in TRAIN if parse_structure(s).depth <= max_depth]
        assert 0.4 <= sum(s.denied for s in structures) / len(structures) <= 0.6
        assert sum(s.branch == "allow" for s in structures) / len(structures) >= 0.15


async def test_a_second_change_or_another_record_is_a_wrong_state() -> None:
    for task in tasks():
        structure = parse_structure(task.structure)
        # These two change any record whatever it is.
        if structure.branch != "allow" or structure.confirm or structure.intent not in ("refund", "extend"):
            continue
        records = task.env_args["rows"][task.meta["domain"]]
        other = next(row[0] for row in records if row[0] != task.meta["target"])
        make = change(task)
        policy = follow(task, make, make(other), DONE)
        result, _, _ = await rolled(task, policy)
        assert result["failure"] == FailureKind.WRONG_STATE.value, task.structure


def test_the_record_itself_decides_the_branch() -> None:
    for task in tasks():
        structure = parse_structure(task.structure)
        domain = next(domain for domain in DOMAINS if domain.name == structure.domain)
        intent = next(intent for intent in domain.intents if intent.name == structure.intent)
        if structure.branch == "allow":
            continue
        tables = task.ground_truth["expected"]
        record = next(row for row in tables[domain.tables[0].name] if row["id"] == task.meta["target"])
        if "member" in record:
            record = {**next(row for row in tables["members"] if row["id"] == record["member"]), **record}
        broken = [r.branch for r in intent.rules if not r.holds(record[r.field], task.meta["bounds"][r.field])]
        assert broken == ([] if structure.branch == "decline" else [structure.branch])


def test_expected_state_of_a_known_case() -> None:
    task = FAMILY.generate("bookings/extend/allow/plain", random.Random(5))
    rows = {row[0]: row for row in task.env_args["rows"]["bookings"]}
    for row in task.ground_truth["expected"]["bookings"]:
        before = dict(zip(("id", "status", "days", "nights", "guests"), rows[row["id"]], strict=True))
        added = task.meta["amount"] if row["id"] == task.meta["target"] else 0
        assert row == {**before, "nights": before["nights"] + added}


def test_the_prompt_never_shows_the_answer() -> None:
    for task in tasks():
        shown = json.dumps(task.messages)
        structure = parse_structure(task.structure)
        assert (task.meta["target"] in shown) == (not structure.missing and not structure.mistake)
        for word in ("deny", "allow", structure.branch):
            assert word not in shown


def test_splits_are_disjoint_and_held_out_recombines_what_training_shows() -> None:
    assert len(set(ALL)) == len(ALL)
    held_out, train = by_split()["held_out"].values(), by_split()["train"].values()
    assert 0.2 <= len(held_out) / len(ALL) <= 0.25
    assert FAMILY.structures("validation")
    shallow = [s for s in train if s.depth <= 2]
    branches = {(s.domain, s.intent, s.branch) for s in shallow}
    flags = {(s.domain, flag) for s in shallow for flag in FLAGS if getattr(s, flag)}
    for s in held_out:
        assert (s.domain, s.intent, s.branch) in branches
        assert all((s.domain, flag) in flags for flag in FLAGS if getattr(s, flag))
    assert any(s.pushes == 2 for s in train)
    assert {s.depth for s in held_out} >= {2, 3, 4}


def test_structures_are_easiest_first_and_depth_is_the_tasks() -> None:
    for split in SPLITS:
        depths = [FAMILY.generate(s, random.Random(0)).depth for s in FAMILY.structures(split)]
        assert depths == sorted(depths)
    assert FAMILY.generate("orders/refund/allow/plain", random.Random(0)).depth == 1
    with pytest.raises(BrokenTaskError, match="unknown service structure"):
        FAMILY.generate("orders/refund/allow/nothing", random.Random(0))


def test_deterministic_and_varied() -> None:
    for structure in TRAIN[::25]:
        assert FAMILY.generate(structure, random.Random(3)) == FAMILY.generate(structure, random.Random(3))
        made = {FAMILY.generate(structure, random.Random(seed)).id for seed in range(20)}
        assert len(made) == 20
    bounds = {
        FAMILY.generate("orders/refund/deny-days/plain", random.Random(seed)).meta["bounds"]["days"]
        for seed in range(60)
    }
    assert len(bounds) > 3


def test_tasks_survive_json() -> None:
    for task in tasks(every=5):
        assert Task.from_json(task.to_json()) == task


async def test_harder_stays_in_training_and_goes_deeper() -> None:
    operators = set()
    stuck = 0
    for seed, structure in enumerate(TRAIN[::2]):
        task = FAMILY.generate(structure, random.Random(seed))
        harder = FAMILY.harder(task, random.Random(seed))
        assert harder == FAMILY.harder(task, random.Random(seed))
        if harder is None:
            stuck += 1
            continue
        assert harder.structure in TRAIN
        assert harder.depth > task.depth
        assert harder.parent == task.id and harder.operator
        assert harder.meta["bounds"] == task.meta["bounds"] and harder.meta["target"] == task.meta["target"]
        operators.add(harder.operator)
        result, _, _ = await rolled(harder, FAMILY.expert(harder))
        assert result["acc"] == 1.0, harder.structure
    assert operators == {"hide", "mistake", "confirm", "push", "violate", "decline"}
    assert 0 < stuck < len(TRAIN) // 2


def test_harder_refuses_what_is_not_of_the_family() -> None:
    task = FAMILY.generate(TRAIN[0], random.Random(0))
    stranger = Task.from_dict({**json.loads(task.to_json()), "meta": {}, "id": ""})
    with pytest.raises(BrokenTaskError, match="not a service task"):
        FAMILY.harder(stranger, random.Random(0))


async def test_some_users_claim_what_the_database_contradicts() -> None:
    made = [FAMILY.generate("orders/refund/deny-days/push1", random.Random(seed)) for seed in range(20)]
    claims = [task.user["push"][0] for task in made if task.user and "days old" in task.user["push"][0]]
    assert 3 <= len(claims) <= 17
    for task in made:
        assert (await rolled(task, FAMILY.expert(task)))[0]["acc"] == 1.0


@pytest.mark.parametrize(
    ("operator", "bound", "value", "holds"),
    [
        ("at_most", 30, 30, True),
        ("at_most", 30, 31, False),
        ("at_least", 30, 30, True),
        ("at_least", 30, 29, False),
        ("is", "paid", "paid", True),
        ("is", "paid", "open", False),
    ],
)
def test_rules_at_their_bounds(operator: Any, bound: Any, value: Any, holds: bool) -> None:
    rule = Rule("x", operator, (bound,), "deny")
    assert rule.holds(value, bound) is holds
    values = range(1, 100) if isinstance(bound, int) else ("open", "paid", "late")
    for wanted in (True, False):
        drawn = [rule.sample(values, bound, wanted, random.Random(seed)) for seed in range(50)]
        assert all(rule.holds(v, bound) is wanted for v in drawn)
        assert not (isinstance(value, int) and wanted is holds) or value in drawn


def test_every_bound_leaves_room_on_both_sides() -> None:
    for domain in DOMAINS:
        for intent in domain.intents:
            for rule in intent.rules:
                values = domain.column(rule.field)[1].values
                for bound in rule.bounds:
                    assert {rule.holds(value, bound) for value in values} == {True, False}, (intent.name, rule.field)


def test_the_experts_calls_are_calls() -> None:
    call = parse_assistant(tool_call("get", {"id": "417"})).calls[0]
    assert (call.name, call.arguments, call.error) == ("get", {"id": "417"}, None)
