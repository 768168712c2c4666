"""The guard that worlds and query databases share."""

from __future__ import annotations

import gc
import sqlite3
import weakref
from pathlib import Path

import pytest

from verl_agentic.databases.base import SMALL
from verl_agentic.databases.guard import READS, SQL_ERRORS, WRITES, Bound, GuardedConnection, Rules
from verl_agentic.databases.sqlite import SqliteDatabase

COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT count(*) FROM n"


def guarded(rules: Rules) -> GuardedConnection:
    connection = GuardedConnection({Bound.LENGTH: 1000}, instructions=1_000_000)
    connection.execute("CREATE TABLE t (a)")
    connection.execute("CREATE TABLE log (a)")
    connection.execute("CREATE TABLE secret (a)")
    connection.execute("CREATE TRIGGER noted AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END")
    connection.allow(rules)
    return connection


@pytest.mark.parametrize(
    ("rules", "allowed", "refused"),
    [
        (Rules(READS), "SELECT abs(a) FROM secret", "INSERT INTO t VALUES (1)"),
        (Rules(READS), "SELECT a FROM t", "ATTACH ':memory:' AS other"),
        (Rules(READS), "SELECT upper(a) FROM t", "SELECT random()"),
        (Rules(READS, functions=frozenset({"abs"})), "SELECT ABS(a) FROM t", "SELECT upper(a) FROM t"),
        (Rules(READS, functions=frozenset({"randomblob"})), "SELECT a FROM t", "SELECT randomblob(9)"),
        (Rules(READS, tables=frozenset({"t"})), "SELECT count(*) FROM (SELECT T.a FROM T)", "SELECT a FROM secret"),
        (Rules(READS | WRITES, reserved="log"), "INSERT INTO t VALUES (1)", "INSERT INTO log VALUES (1)"),
        (Rules(READS | WRITES, reserved="log"), "DELETE FROM t", "SELECT name FROM sqlite_master"),
    ],
)
def test_what_no_rule_names_is_refused(rules: Rules, allowed: str, refused: str) -> None:
    connection = guarded(rules)
    connection.execute(allowed).fetchall()
    with pytest.raises(sqlite3.DatabaseError, match=r"not authorized|prohibited"):
        connection.execute(refused)


def test_rules_hold_for_statements_that_are_prepared_already() -> None:
    connection = guarded(Rules(READS))
    connection.execute("SELECT a FROM secret").close()
    connection.allow(Rules(READS, tables=frozenset({"t"})))
    with pytest.raises(sqlite3.DatabaseError, match="prohibited"):
        connection.execute("SELECT a FROM secret")
    connection.allow_all()
    connection.execute("SELECT a FROM secret").close()


def test_what_a_statement_writes_is_told_without_running_it() -> None:
    connection = guarded(Rules(READS | WRITES))
    assert connection.tables_written("INSERT INTO t VALUES (?)", (1,)) == {"t", "log"}
    assert connection.tables_written("SELECT a FROM t", ()) == frozenset()
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_instructions_and_time_are_spent_apart() -> None:
    connection = guarded(Rules(READS))
    connection.refill(10_000)
    with pytest.raises(SQL_ERRORS, match="interrupted"):
        connection.execute(COUNT.format(100_000)).fetchall()
    assert connection.spent
    connection.refill(100_000_000, seconds=0.0)
    with pytest.raises(SQL_ERRORS, match="interrupted"):
        connection.execute(COUNT.format(100_000)).fetchall()
    assert not connection.spent
    connection.refill(100_000_000)
    assert connection.execute(COUNT.format(100_000)).fetchone() == (100_000,)


def test_tables_written_are_told_however_often_they_are_asked_for() -> None:
    connection = GuardedConnection({}, instructions=1_000_000)
    connection.execute("CREATE TABLE t (a)")
    connection.allow(Rules(READS | WRITES))
    for _ in range(3):
        assert connection.tables_written("DELETE FROM t", ()) == {"t"}
        assert connection.tables_written("SELECT a FROM t", ()) == frozenset()
    connection.allow(Rules(READS))
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        connection.tables_written("DELETE FROM t", ())


def test_sqlites_own_limits_hold() -> None:
    connection = guarded(Rules(READS))
    if connection.bounded:
        with pytest.raises(sqlite3.DataError, match="too big"):
            connection.execute("SELECT hex(?)", ("a" * 600,)).fetchall()


def test_a_file_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#.db"
    with sqlite3.connect(path) as plain:
        plain.execute("CREATE TABLE t (a)")
    connection = GuardedConnection({}, path=path, instructions=1_000_000)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO t VALUES (1)")


def test_what_nobody_holds_any_more_is_closed_at_once() -> None:
    """Shared caches drop databases without closing them."""
    gc.disable()
    try:
        connection = guarded(Rules(READS))
        database = SqliteDatabase(["CREATE TABLE t (a)"], {"t": [[1]]}, limits=SMALL)
        assert database.query("SELECT a FROM t").rows == [(1,)]
        raw = connection.raw, database._guarded.raw
        gone = weakref.ref(connection), weakref.ref(database)
        del connection, database
        assert [reference() for reference in gone] == [None, None]
        for one in raw:
            with pytest.raises(sqlite3.ProgrammingError, match="closed"):
                one.execute("SELECT 1")
    finally:
        gc.enable()
