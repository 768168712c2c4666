"""Long parts of tasks are kept once, and every task comes out as it went in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from verl_agentic.core import FailureKind, InfrastructureError, Outcome, Task, UserInputError
from verl_agentic.store import PoolFilter, StatusChange, Store, TaskStatus, schema, store_url
from verl_agentic.store.packing import LONG, unpack
from verl_agentic.store.pool_query import pool_tasks
from verl_agentic.store.progress import CHUNK
from verl_agentic.store.task_parts import CONTENT, cut, task_texts
from verl_agentic.store.trajectories import TrajectoryFilter, stored_trajectories

POLICY = " ".join(f"Rule {number}: above {number * 10} euros ask “why”." for number in range(80))
OTHER_POLICY = POLICY.replace("euros", "dollars")
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": f"tool_{number}", "description": "Look it up. " * 20, "parameters": {}}}
    for number in range(12)
]


def make_task(number: int, policy: str = POLICY, **more: Any) -> Task:
    task = Task(
        kind="service",
        messages=[{"role": "system", "content": policy}, {"role": "user", "content": f"Order {number}?"}],
        tools=TOOLS,
        env="world",
        env_args={"patch": {"order": number}},
        reward="state",
        ground_truth={"refunded": number},
        structure="refund",
        seed=number,
    )
    return replace(task, id="", **more)


def small_task(number: int) -> Task:
    return Task("math", [{"role": "user", "content": f"{number}?"}], [], "replay", {}, "math", number, seed=number)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(store_url(tmp_path))


def rows(store: Store, tasks: Sequence[Task]) -> list[tuple[str, bytes | None]]:
    columns = schema.tasks.c
    with store.reading() as connection:
        found = {row.id: (row.json, row.packed) for row in connection.execute(sa.select(columns.id, *CONTENT))}
    return [found[task.id] for task in tasks]


def parts(store: Store) -> dict[str, int]:
    """Round of each part, by its text."""
    with store.reading() as connection:
        found = connection.execute(sa.select(schema.task_parts.c.data, schema.task_parts.c.round))
        return {unpack(data): round for data, round in found}


def part_in(text: str, store: Store) -> list[str]:
    return [part for part in parts(store) if text in part]


MARK = "\x01" + cut(make_task(0))[1].popitem()[0].hex()
ODD = {
    "short": small_task(1),
    "shared": make_task(1),
    "a text like a mark": make_task(2, policy=POLICY + MARK),
    "a text like a mark, escaped": make_task(3, policy=json.dumps(MARK) + POLICY, structure=MARK),
    "a short text like a mark": replace(small_task(4), structure=MARK),
    "a long text at the top": make_task(5, ground_truth=POLICY, structure="x" * (LONG + 1)),
    "a long number": make_task(6, ground_truth=int("7" * 4000)),
    "long keys": make_task(7, env_args={"k" * LONG: 1, "ä": {"x": POLICY}, "\x01": OTHER_POLICY}),
    "keys that are no texts": make_task(8, meta={1: POLICY, None: True, 2.5: []}),
    "tuples": make_task(9, ground_truth=(POLICY, ("x",), ())),
    "runs around a long member": make_task(10, tools=[*TOOLS, {"long": POLICY}, *TOOLS[::-1], {"long": OTHER_POLICY}]),
    "a list within a list": make_task(11, ground_truth=[TOOLS, [], [POLICY, POLICY], {}]),
    "a part twice": make_task(12, meta={"tree": TOOLS, "again": TOOLS, "policy": POLICY, "same": POLICY}),
    "floats": make_task(13, ground_truth=[float("inf"), -0.0, 1e300, float("nan"), 0.1] * 200),
    "of exactly the bound": make_task(14, ground_truth=["x" * (LONG - 2), "y" * (LONG - 1), ["z" * (LONG - 6), 1]]),
    "characters beyond": make_task(15, policy="😀\u2028é" * 900),
    "users and meta": make_task(16, user={"script": POLICY}, meta={"tree": {"children": [POLICY, {"x": TOOLS}]}}),
}


@pytest.mark.parametrize("name", ODD)
def test_a_task_comes_out_character_by_character(store: Store, name: str) -> None:
    store.add_tasks([ODD[name], make_task(0), make_task(0, OTHER_POLICY)])
    with store.reading() as connection:
        (text,) = task_texts(connection, rows(store, [ODD[name]]))
    assert text == ODD[name].to_json()
    found = store.task(ODD[name].id)
    assert found is not None
    assert (found.id, found.to_json()) == (ODD[name].id, text)
    assert found.content_hash() == ODD[name].content_hash() or "keys" in name


def test_what_tasks_share_is_kept_once(store: Store) -> None:
    reordered = make_task(0, tools=TOOLS[::-1])
    tasks = [*(make_task(number, (POLICY, OTHER_POLICY)[number % 2]) for number in range(700)), reordered]
    assert store.add_tasks(tasks) == 701
    assert store.add_tasks([make_task(5000), tasks[3]], round=1) == 1
    # A list of tools is one part, however short its tools are, and so is a policy, whatever was said after it.
    assert len(parts(store)) == 4
    assert len(part_in("euros", store)) == 1
    assert {len(packed or b"") < 600 for _, packed in rows(store, tasks)} == {True}
    talk: Any = [{"role": "system", "content": POLICY}, {"role": "user", "content": "Hello?"}] * 2
    store.add_tasks([make_task(1, messages=talk)])
    assert len(parts(store)) == 4


def test_a_short_task_is_kept_as_it_is(store: Store) -> None:
    store.add_tasks([small_task(1)])
    assert rows(store, [small_task(1)]) == [(small_task(1).to_json(), None)]
    assert parts(store) == {}


def test_many_tasks_are_read_in_few_queries(store: Store) -> None:
    own = [make_task(number, f"{number} {POLICY}") for number in range(600)]
    store.add_tasks([*own, *(small_task(number) for number in range(600))])
    statements: list[str] = []

    @sa.event.listens_for(store.engine, "after_cursor_execute")
    def _seen(_c: object, _k: object, text: str, *_: object) -> None:
        if text.startswith("SELECT"):
            statements.append(text)

    assert store.tasks_by_id([task.id for task in own]) == {task.id: task for task in own}
    assert len(statements) == 5  # two of tasks, and of their parts, 601 of them, two and one
    statements.clear()
    assert {task.id for task in pool_tasks(store, PoolFilter(kind="service"))} == {task.id for task in own}
    assert len(statements) <= 5
    statements.clear()
    assert len(store.tasks(kind="math")) == 600
    assert len(statements) == 1


def test_tasks_and_parts_are_read_as_of_one_moment(store: Store, tmp_path: Path) -> None:
    """A rewind between the query of the tasks and that of their parts takes nothing from whoever reads."""
    new = [make_task(number, f"{number} {POLICY}") for number in range(700)]
    store.commit_round(1, new, {}, {})
    reading = pool_tasks(store, PoolFilter())
    first = next(reading)
    with Store(store_url(tmp_path)) as other:
        other.rewind(0, 0)
        assert other.pool() == [] and parts(other) == {}
    assert {task.id for task in [first, *reading]} == {task.id for task in new}


def test_a_rewind_takes_the_parts_of_the_rounds_that_it_takes_back(store: Store) -> None:
    named = {name: f"{name} {POLICY}" for name in ("start", "first", "both", "second", "held", "imported")}
    store.add_tasks([make_task(0, named["start"])])
    store.commit_round(1, [make_task(1, named["first"]), make_task(1, named["both"])], {}, {})
    second = [make_task(2, named[name]) for name in ("start", "both", "second", "held", "imported")]
    store.commit_round(2, second, {}, {})
    # Tasks that no rewind takes back may come later than those that it does.
    store.add_tasks([make_task(3, named["held"])], split="held_out", round=2)
    store.add_tasks([make_task(4, named["imported"])])

    def kept() -> set[str]:
        return {name for name, policy in named.items() if part_in(policy, store)}

    assert kept() == set(named)
    store.rewind(1, 1)
    assert kept() == {"start", "first", "both", "held", "imported"}
    again = store.commit_round(2, second, {}, {"added": 5})
    assert (again.status, kept()) == ("committed", set(named))
    assert {task.id for task in store.tasks(round=2)} == {task.id for task in second}
    store.rewind(0, 0)
    assert kept() == {"start", "held", "imported"}
    assert len(store.tasks()) == 2
    assert len(store.tasks(split="held_out")) == 1


def test_a_round_that_fails_leaves_no_parts(store: Store) -> None:
    def broken() -> Iterator[Task]:
        yield from (make_task(number) for number in range(CHUNK))
        raise OSError("file is gone")

    with pytest.raises(OSError, match="gone"):
        store.add_tasks(broken())
    assert parts(store) == {}
    with pytest.raises(UserInputError, match="nowhere"):
        store.commit_round(1, [make_task(1)], {"nowhere": StatusChange(TaskStatus.MASTERED)}, {})
    assert parts(store) == {}


def test_rows_of_before_are_read_beside_new_ones(store: Store) -> None:
    old, new = make_task(1), make_task(2)
    store.add_tasks([old, new])
    with store.writing() as connection:
        values = {"json": old.to_json(), "packed": None}
        connection.execute(schema.tasks.update().where(schema.tasks.c.id == old.id).values(values))
    assert store.tasks_by_id([old.id, new.id]) == {old.id: old, new.id: new}
    assert store.add_tasks([old]) == 0


def test_a_store_opened_for_reading_only_is_read(store: Store, tmp_path: Path) -> None:
    store.add_tasks([make_task(1)])
    outcome = Outcome(make_task(1).id, 0, 1, 0, 0.0, 0.0, FailureKind.NO_ANSWER, 1, POLICY)
    store.record_outcomes([outcome], "u")
    with Store(f"sqlite:///file:{tmp_path}/store.db?mode=ro&uri=true", create=False) as reader:
        assert reader.tasks() == [make_task(1)]
        assert reader.outcomes(0) == [outcome]
        (stored,) = stored_trajectories(reader, TrajectoryFilter())
        assert (stored.trajectory, stored.task) == (POLICY, make_task(1).to_json())


def test_a_trajectory_whose_task_is_gone_has_none(store: Store) -> None:
    store.commit_round(1, [make_task(1)], {}, {})
    store.record_outcomes([Outcome(make_task(1).id, 0, 0, 0, 0.0, 0.0, FailureKind.NO_ANSWER, 1, POLICY)], "u")
    store.rewind(0, 0)
    assert [(one.trajectory, one.task) for one in stored_trajectories(store, TrajectoryFilter())] == [(POLICY, None)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("DELETE FROM task_parts", "lacks part"),
        ("UPDATE task_parts SET data = substr(data, 1, 100)", "is damaged"),
        ("UPDATE task_parts SET data = x'7a00'", "is damaged"),
        ("UPDATE tasks SET packed = x'5a00'", "has form b'Z'"),
    ],
)
def test_a_damaged_part_is_a_failure_of_the_store(store: Store, tmp_path: Path, damage: str, message: str) -> None:
    store.add_tasks([make_task(1)])
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute(damage)
        connection.commit()
    with pytest.raises(InfrastructureError, match=message):
        store.tasks()


def test_a_pool_takes_a_small_part_of_its_json(store: Store, tmp_path: Path) -> None:
    tasks = [make_task(number, f"{number % 7} {POLICY}") for number in range(1000)]
    store.add_tasks(tasks)
    store.close()
    size = (tmp_path / "store.db").stat().st_size
    assert size < sum(len(task.to_json()) for task in tasks) / 8
