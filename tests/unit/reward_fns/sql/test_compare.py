"""When results are the same, and what order a reference asks for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.databases import QueryResult
from verl_agentic.reward_fns.sql import Match, compute_score, same_result

SCHEMA = ["CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c REAL, d TEXT)"]
ROWS = [
    [1, 5, "x", 0.1, "2024-01-01"],
    [2, 5, "y", 0.2, "2024-01-01 00:00:00"],
    [3, 7, "x", 0.3, "2024-01-02T10:00:00"],
    [4, 7, None, 0.6, None],
    [5, 9, "z", None, None],
    [6, None, "z", 1.5, "2024-03-01"],
]
STATES = [{"t": ROWS}, {"t": ROWS[1:4]}]


def judge(reference: str, answer: str, own: dict[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
    truth = {"sql": reference, "schema": SCHEMA, "states": STATES, **({"compare": own} if own else {})}
    return {**compute_score("sql", f"<answer>{answer}</answer>", truth, **kwargs)}


@pytest.mark.parametrize(
    ("reference", "answer", "right"),
    [
        # Ties may come in any order, other rows not.
        ("SELECT id FROM t ORDER BY a", "SELECT id FROM t ORDER BY a, id DESC", True),
        ("SELECT id FROM t ORDER BY a", "SELECT id FROM t ORDER BY id DESC", False),
        ("SELECT id FROM t ORDER BY a", "SELECT id FROM t ORDER BY a DESC", False),
        ("SELECT b FROM t ORDER BY a, c", "SELECT b FROM t ORDER BY a, c DESC", False),
        ("SELECT * FROM t ORDER BY a", "SELECT * FROM t ORDER BY a, c DESC", True),
        (
            "SELECT a, COUNT(*) n FROM t GROUP BY a ORDER BY n",
            "SELECT a, COUNT(*) FROM t GROUP BY a ORDER BY 2, a",
            True,
        ),
        ("SELECT a, b FROM t ORDER BY 1", "SELECT a, b FROM t ORDER BY a, b DESC", True),
        # A cut through ties leaves a choice among them, and among them only.
        ("SELECT id FROM t ORDER BY a DESC LIMIT 2", "SELECT id FROM t ORDER BY a DESC, id DESC LIMIT 2", True),
        ("SELECT id FROM t ORDER BY a DESC LIMIT 2", "SELECT id FROM t ORDER BY a DESC LIMIT 3", False),
        ("SELECT id FROM t ORDER BY a DESC LIMIT 2", "SELECT id FROM t ORDER BY id LIMIT 2", False),
        ("SELECT id FROM t ORDER BY a LIMIT 2 OFFSET 1", "SELECT id FROM t ORDER BY a, id DESC LIMIT 2 OFFSET 1", True),
        ("SELECT id FROM t LIMIT 2", "SELECT id FROM t ORDER BY id DESC LIMIT 2", True),
        ("SELECT id FROM t LIMIT 2", "SELECT id + 90 FROM t LIMIT 2", False),
        # Keys that cannot be had: the order is the reference's own.
        ("SELECT DISTINCT b FROM t ORDER BY lower(b)", "SELECT DISTINCT b FROM t ORDER BY b", True),
        (
            "SELECT a FROM t UNION SELECT id FROM t ORDER BY 1",
            "SELECT a FROM t UNION SELECT id FROM t ORDER BY 1",
            True,
        ),
        # Duplicates, NULLs, numbers, dates.
        ("SELECT b FROM t", "SELECT DISTINCT b FROM t", False),
        ("SELECT b FROM t", "SELECT coalesce(b, '') FROM t", False),
        ("SELECT c FROM t", "SELECT c + 1e-13 FROM t", True),
        ("SELECT c FROM t", "SELECT c + 1e-4 FROM t", False),
        ("SELECT a FROM t", "SELECT a * 1.0 FROM t", True),
        ("SELECT a FROM t", "SELECT CAST(a AS TEXT) FROM t", False),
        ("SELECT d FROM t", "SELECT datetime(d) FROM t", True),
        ("SELECT d FROM t", "SELECT date(d) FROM t", False),
        # Columns.
        ("SELECT a, b FROM t", "SELECT b, a FROM t", False),
        ("SELECT a FROM t WHERE a > 99", "SELECT a, b FROM t WHERE a > 99", False),
        ("SELECT a FROM t", "SELECT a AS other FROM t", True),
    ],
)
def test_verdicts(reference: str, answer: str, right: bool) -> None:
    result = judge(reference, answer)
    assert result["acc"] == float(right), result


def test_columns_as_configured() -> None:
    for order, acc in (("any", 1.0), ("strict", 0.0)):
        assert (
            judge("SELECT a, b, c FROM t ORDER BY a", "SELECT c, a, b FROM t ORDER BY a", column_order=order)["acc"]
            == acc
        )
    assert judge("SELECT a, id FROM t", "SELECT id + 1, a FROM t", column_order="any")["acc"] == 0.0
    assert judge("SELECT a FROM t", "SELECT a AS x FROM t", column_names=True)["acc"] == 0.0
    assert judge("SELECT a FROM t", "SELECT A FROM t", column_names=True)["acc"] == 1.0
    both: dict[str, Any] = {"column_order": "any", "column_names": True}
    assert judge("SELECT a, id FROM t", "SELECT id, a FROM t", **both)["acc"] == 1.0
    assert judge("SELECT a, id FROM t", "SELECT id AS a, a AS id FROM t", **both)["acc"] == 0.0


def test_row_goes_before_settings() -> None:
    assert (
        judge("SELECT a, b FROM t", "SELECT b, a FROM t", {"column_order": "any"}, column_order="strict")["acc"] == 1.0
    )
    assert judge("SELECT d FROM t", "SELECT datetime(d) FROM t", {"dates": False})["acc"] == 0.0
    assert judge("SELECT c FROM t", "SELECT c + 1e-4 FROM t", {"tolerance": 0.01})["acc"] == 1.0


def test_birds_check_is_weaker() -> None:
    for answer in ("SELECT DISTINCT b FROM t", "SELECT b FROM t ORDER BY id DESC"):
        assert judge("SELECT b FROM t ORDER BY id", answer)["acc"] == 0.0
        assert judge("SELECT b FROM t ORDER BY id", answer, compat="bird")["acc"] == 1.0


def test_partial_credit() -> None:
    reference = "SELECT a FROM t WHERE id > 2"
    scores = [
        judge(reference, answer, partial=0.3)
        for answer in (
            "SELECT a FROM t WHERE id > 3",
            "SELECT a FROM t WHERE c > 2",
            "SELECT 1",
            "SELECT nothing FROM t",
        )
    ]
    assert [round(result["score"], 6) for result in scores] == [0.3, 0.2, 0.1, 0.0]
    assert all(result["acc"] == 0.0 and result["verdict"] == "wrong" for result in scores)
    assert judge(reference, reference, partial=0.3)["score"] == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"partial": 1.0},
        {"partial": "x"},
        {"column_order": "some"},
        {"column_names": "yes"},
        {"tolerance": 2},
        {"compat": "spider"},
        {"timeout_seconds": -1},
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserInputError, match=next(iter(wrong))):
        judge("SELECT a FROM t", "SELECT a FROM t", **wrong)


@pytest.mark.parametrize("wrong", [{"column_order": "some"}, {"what": 1}, 3, {"tolerance": True}], ids=str)
def test_wrong_rows_are_broken_tasks(wrong: Any) -> None:
    with pytest.raises(BrokenTaskError, match="compare"):
        judge("SELECT a FROM t", "SELECT a FROM t", wrong)


@pytest.mark.parametrize("url", ["what", 3, ["sqlite://", "duckdb://"], "mysql://x/y", "sqlite://"])
def test_wrong_urls_are_broken_tasks(url: Any) -> None:
    with pytest.raises(BrokenTaskError):
        compute_score("sql", "<answer>SELECT 1</answer>", {"sql": "SELECT 1", "url": url})


CELLS = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from(["", "x", "2024-01-01"]), st.floats(width=32))
TABLES = st.integers(1, 3).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), max_size=6))


@settings(max_examples=200, deadline=None)
@given(TABLES, st.randoms(use_true_random=False), st.sampled_from(["strict", "any"]))
@pytest.mark.slow
def test_a_result_is_itself_and_its_permutations(rows: list[tuple[Any, ...]], rng: Any, order: Any) -> None:
    columns = tuple(f"c{i}" for i in range(len(rows[0]))) if rows else ("c",)
    result = QueryResult(rows, False, columns)
    match = Match(column_order=order)
    assert same_result(result, result, True, match)
    shuffled = rng.sample(rows, len(rows))
    assert same_result(result, QueryResult(shuffled, False, columns), False, match)
    assert not same_result(result, QueryResult([*rows, (None,) * len(columns)], False, columns), False, match)
    moved = rng.sample(range(len(columns)), len(columns))
    other = QueryResult([tuple(row[i] for i in moved) for row in rows], False, tuple(columns[i] for i in moved))
    assert same_result(result, other, True, Match(column_order="any"))


_WORDS = """SELECT FROM WHERE t a b c ( ) , * = < AND OR NOT NULL 1 'x' ORDER BY GROUP LIMIT DISTINCT count max ; --
/* */ UNION WITH AS x JOIN ON " ' % ? :v [ ] || PRAGMA DROP TABLE é 1e999 0x"""
QUERY_WORDS = st.sampled_from([*_WORDS.split(), "\x00", "\ud800"])


@settings(max_examples=150, deadline=2000)
@given(st.one_of(st.lists(QUERY_WORDS, max_size=14).map(" ".join), st.text(max_size=60)))
def test_no_text_makes_an_exception(text: str) -> None:
    result = compute_score(
        "sql", f"<answer>{text}</answer>", {"sql": "SELECT a FROM t", "schema": SCHEMA, "states": STATES}
    )
    assert result["verdict"] in ("right", "wrong", "undecided")
    assert result["acc"] == 0.0 or "a" in text.lower()
