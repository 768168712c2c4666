"""The final state of a world against a database that is built and compared row by row."""

from __future__ import annotations

import sqlite3
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from verl_agentic.tool_envs import ToolError
from verl_agentic.tool_envs.world.world import DatabaseWorld

SCHEMA = [
    "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT UNIQUE)",
    'CREATE TABLE "b c" (k TEXT PRIMARY KEY, rowid TEXT, v BLOB)',
]
ROWS: dict[str, Any] = {"a": [[2, "p"], [5, "q"], [9, None]], "b c": [["k1", "r", 1], ["k2", "s", None]]}
ACTIONS = {
    "add": "INSERT INTO a (x) VALUES (:x)",
    "place": "INSERT OR REPLACE INTO a VALUES (:id, :x)",
    "fail": "INSERT OR FAIL INTO a VALUES (:id, :x)",
    "abort": "UPDATE OR ABORT a SET x = :x WHERE id >= :id",
    "move": "UPDATE a SET id = :id WHERE x = :x",
    "upsert": "INSERT INTO a VALUES (:id, :x) ON CONFLICT (id) DO UPDATE SET x = x || excluded.x",
    "drop": "DELETE FROM a WHERE id >= :id",
    "swap": "UPDATE \"b c\" SET rowid = :x, v = x'00ff' WHERE k IN ('k1', :x)",
    "clear": 'DELETE FROM "b c"',
    "refill": ["INSERT OR REPLACE INTO \"b c\" VALUES ('k1', :x, 1)", "DELETE FROM a WHERE x = :x RETURNING id"],
}
PARAMETERS = {name: ["id", "x"] for name in ACTIONS}

calls = st.lists(
    st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 11), st.sampled_from(["p", "q", "r", "k2", "é", None])),
    max_size=12,
)


def plain(script: list[tuple[str, int, str | None]]) -> tuple[dict[str, list[dict[str, Any]]], list[bool]]:
    """Rows by table, and which calls took effect, of a database without any of our machinery."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in SCHEMA:
        connection.execute(statement)
    for table, rows in ROWS.items():
        for row in rows:
            connection.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(row))})', row)
    accepted = []
    for name, number, text in script:
        connection.execute("BEGIN")
        statements = [ACTIONS[name]] if isinstance(ACTIONS[name], str) else ACTIONS[name]
        try:
            for position, statement in enumerate(statements):
                cursor = connection.execute(statement, {"id": number, "x": text})
                found = len(cursor.fetchall()) if cursor.description else cursor.rowcount
                if not position and not found:
                    raise LookupError
            connection.execute("COMMIT")
            accepted.append(True)
        except (sqlite3.Error, LookupError):
            connection.execute("ROLLBACK")
            accepted.append(False)
    connection.row_factory = sqlite3.Row
    tables = {
        name: [{**row} for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY _rowid_')] for name in ROWS
    }
    for row in tables["b c"]:
        row["v"] = row["v"].hex() if isinstance(row["v"], bytes) else row["v"]
    connection.close()
    return tables, accepted


def played(script: list[tuple[str, int, str | None]]) -> tuple[dict[str, Any], list[bool]]:
    world = DatabaseWorld({"schema": SCHEMA, "rows": ROWS, "actions": ACTIONS}, PARAMETERS)
    accepted = []
    for name, number, text in script:
        try:
            world.call(name, {"id": number, "x": text})
            accepted.append(True)
        except ToolError:
            accepted.append(False)
    state = world.state()
    assert world.state() == state
    world.close()
    return state, accepted


@settings(max_examples=60, deadline=None)
@given(calls)
def test_state_is_what_the_statements_left(script: list[tuple[str, int, str | None]]) -> None:
    state, accepted = played(script)
    tables, expected = plain(script)
    assert accepted == expected
    assert state["tables"] == tables
    assert played([])[0]["changes"] == [] and played([])[0]["tables"] == plain([])[0]


@settings(max_examples=40, deadline=None)
@given(calls)
def test_changes_undone_give_the_initial_rows(script: list[tuple[str, int, str | None]]) -> None:
    state, _ = played(script)
    for change in state["changes"]:
        assert change["before"] != change["after"]
        assert (
            change["op"]
            == {(True, False): "insert", (False, True): "delete", (False, False): "update"}[
                change["before"] is None, change["after"] is None
            ]
        )
    initial, _ = plain([])
    for name, rows in initial.items():
        undone = list(state["tables"][name])
        for change in state["changes"]:
            if change["table"] == name and change["after"] is not None:
                undone.remove(change["after"])
            if change["table"] == name and change["before"] is not None:
                undone.append(change["before"])
        assert sorted(undone, key=repr) == sorted(rows, key=repr)


def test_what_is_undone_by_the_policy_is_no_change() -> None:
    state, accepted = played([("place", 7, "new"), ("abort", 9, "z"), ("drop", 9, None), ("drop", 7, None)])
    assert accepted == [True] * 4
    assert state["changes"] == [{"table": "a", "op": "delete", "before": {"id": 9, "x": None}, "after": None}]
