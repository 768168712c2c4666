import functools
import itertools
import random
import re
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, End, Task, Trajectory
from verl_agentic.databases.open import GuardedDatabase
from verl_agentic.reward_fns.sql import compute_score
from verl_agentic.rollout import play
from verl_agentic.synthesis.base import SPLITS, Split
from verl_agentic.synthesis.sql.family import SqlFamily

FAMILY = SqlFamily()


@functools.cache
def tasks(split: Split) -> list[Task]:
    """Two tasks of every structure of a split; generating is what takes time here."""
    return [
        FAMILY.generate(structure, random.Random(seed)) for structure in FAMILY.structures(split) for seed in range(2)
    ]


def judge(task: Task, answer: str) -> dict[str, Any]:
    info = {"trajectory": Trajectory(task.id, answer=answer, end=End.ANSWER).to_json()}
    return {**compute_score("sql", "", task.ground_truth, info)}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.slow
async def test_expert_solves_every_structure(split: Split) -> None:
    for task in tasks(split):
        dialogue = await play(task, FAMILY.expert(task))
        info = {"trajectory": dialogue.trajectory.to_json()}
        assert compute_score("sql", "", task.ground_truth, info)["acc"] == 1.0, task.messages
        assert [call.name for call in dialogue.trajectory.calls] == ["schema", "query"]
        assert all(call.error is None and call.result != "no rows" for call in dialogue.trajectory.calls)
        words = " ".join(message["content"] for message in task.messages).split()
        assert len(words) <= 30
        assert task.depth == len([part for part in task.structure.split("-") if part != "none"])
        assert len(task.ground_truth["states"]) >= 3
        assert task.ground_truth["states"][0] == task.env_args["rows"]


def mistakes(sql: str) -> list[str]:
    """Slips in the text of a query, found without the generator's own list."""
    found = []
    for old, new in ((">", ">="), (">", "<"), ("<", "<="), ("<", ">"), ("!=", "="), ("DESC", "ASC"), ("ASC", "DESC")):
        if f" {old}" in sql:
            found.append(re.sub(rf"(?<= ){re.escape(old)}(?= )|(?<= ){re.escape(old)}$", new, sql))
    for number in re.findall(r"\d+", sql):
        found += [re.sub(rf"\b{number}\b", str(int(number) + by), sql) for by in (-1, 1)]
    for one, other in itertools.permutations(("MAX", "MIN", "AVG", "SUM"), 2):
        found.append(sql.replace(one, other))
    if " AND " in sql:
        found += [re.sub(r" AND \S+ \S+ \S+", "", sql), re.sub(r"WHERE \S+ \S+ \S+ AND", "WHERE", sql)]
    if " WHERE " in sql:
        found.append(re.sub(r" WHERE .*?(?= ORDER|$)", "", sql))
        found.append(sql.replace(" AND ", " OR "))
    return [text for text in dict.fromkeys(found) if text != sql]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.slow
def test_mistakes_score_nothing(split: Split) -> None:
    for task in tasks(split):
        sql = task.ground_truth["sql"]
        assert judge(task, sql)["acc"] == 1.0
        slips = mistakes(sql)
        if task.depth > 1:
            assert slips
        for slip in slips:
            assert judge(task, slip)["acc"] == 0.0, (sql, slip)


@pytest.mark.slow
def test_own_result_as_the_answer_scores_nothing() -> None:
    for task in tasks("held_out"):
        with GuardedDatabase(task.env_args["schema"], task.env_args["rows"]) as database:
            rows = database.query(task.ground_truth["sql"]).rows
        literals = [f"('{row[0]}')" if isinstance(row[0], str) else f"({row[0]})" for row in rows]
        assert judge(task, f"VALUES {', '.join(literals)}")["acc"] == 0.0


def test_splits_are_disjoint_and_held_out_is_composed_of_seen_parts() -> None:
    train, validation, held_out = (FAMILY.structures(split) for split in SPLITS)
    everything = [*train, *validation, *held_out]
    assert len(set(everything)) == len(everything)
    short = [structure.split("-") for structure in train if structure.count("-") == 1]
    long = [structure.split("-") for structure in train if structure.count("-") == 2]
    heads, filters = {parts[0] for parts in short}, {parts[1] for parts in short}
    second = {(parts[1], parts[2]) for parts in long}
    trained_pairs = {(parts[0], part) for parts in short + long for part in parts[1:]}
    for structure in [*validation, *held_out]:
        head, *parts = structure.split("-")
        assert head in heads and set(parts) <= filters
        assert len(parts) == 1 or tuple(parts) in second
        assert {(head, part) for part in parts} - trained_pairs
    two = [s for split in SPLITS for s in FAMILY.structures(split) if s.count("-") == 1 and not s.endswith("none")]
    assert 0.2 <= sum(s in held_out for s in two) / len(two) <= 0.25


def test_generation_is_deterministic() -> None:
    for task in tasks("held_out")[::2]:
        assert FAMILY.generate(task.structure, random.Random(0)) == task
        assert FAMILY.generate(task.structure, random.Random(99)).id != task.id
        assert Task.from_json(task.to_json()) == task


async def test_harder_tasks_are_trainable_and_solvable() -> None:
    operators = set()
    for task in tasks("train")[::2]:
        child = FAMILY.harder(task, random.Random(3))
        if child is None:
            continue
        operators.add(child.operator)
        assert child.parent == task.id
        assert child.structure in FAMILY.structures("train")
        assert child.depth == task.depth + (child.operator == "add_condition")
        dialogue = await play(child, FAMILY.expert(child))
        assert judge(child, dialogue.trajectory.answer or "")["acc"] == 1.0
        assert judge(child, task.ground_truth["sql"])["acc"] == 0.0
    assert operators == {"add_condition", "add_order"}


def test_growing_is_deterministic_and_for_training_only() -> None:
    task = FAMILY.generate("count-lt", random.Random(0))
    child = FAMILY.harder(task, random.Random(1))
    assert child is not None and child == FAMILY.harder(task, random.Random(1))
    for split in ("validation", "held_out"):
        assert FAMILY.harder(tasks(split)[0], random.Random(1)) is None


async def test_hostile_queries_leave_the_session_usable() -> None:
    task = FAMILY.generate("count-lt", random.Random(0))
    table = FAMILY_TABLE.search(task.ground_truth["sql"])
    assert table is not None
    script = iter(
        [
            f"DROP TABLE {table.group(1)}",
            "SELECT load_extension('x')",
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c",
            f"SELECT COUNT(*) FROM {table.group(1)}",
        ]
    )

    def policy(messages: Any, tools: Any) -> str:
        sql = next(script, None)
        if sql is None:
            return "<answer>SELECT 1</answer>"
        return f'<tool_call>{{"name": "query", "arguments": {{"sql": "{sql}"}}}}</tool_call>'

    calls = (await play(task, policy)).trajectory.calls
    assert [call.error for call in calls] == ["rejected", "rejected", "rejected", None]
    assert calls[2].result == "Error: query takes too long"
    assert calls[3].result == str(len(task.env_args["rows"][table.group(1)]))


FAMILY_TABLE = re.compile(r"FROM (\w+)")


async def test_results_are_shown_short() -> None:
    task = FAMILY.generate("list-none", random.Random(0))
    table = next(iter(task.env_args["rows"]))
    script = iter([f"SELECT 1.5, NULL, '{'x' * 60}'", f"SELECT a.* FROM {table} a, {table} b", "SELECT 1 WHERE 0"])

    def policy(messages: Any, tools: Any) -> str:
        sql = next(script, None)
        if sql is None:
            return "<answer>SELECT 1</answer>"
        return f'<tool_call>{{"name": "query", "arguments": {{"sql": "{sql}"}}}}</tool_call>'

    first, second, third = (call.result for call in (await play(task, policy)).trajectory.calls)
    assert first == "1.5, NULL, " + "x" * 37 + "..."
    assert len(second.splitlines()) == 11 and second.endswith("\n...")
    assert third == "no rows"


@pytest.mark.parametrize("structure", ["", "count", "count-none-gt", "count-what", "median-gt", "count-eq-gt"])
def test_unknown_structures_are_refused(structure: str) -> None:
    with pytest.raises(BrokenTaskError):
        FAMILY.generate(structure, random.Random(0))


async def test_world_without_rows_is_broken() -> None:
    task = FAMILY.generate("count-none", random.Random(0))
    broken = Task("sql", task.messages, task.tools, "sql", {"schema": ["CREATE TABLE"]}, "sql", task.ground_truth)
    with pytest.raises(BrokenTaskError):
        await play(broken, FAMILY.expert(task))
