import json
import time
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, End, ToolCall, Trajectory
from verl_agentic.reward_fns.sql import compute_score, is_ordered

SCHEMA = ["CREATE TABLE books(title TEXT, genre TEXT, pages INTEGER)"]
STATES = [
    {"books": [["Dune", "war", 400], ["Moon", "war", 300], ["Wolf", "love", 300]]},
    {"books": [["Dune", "war", 300], ["Moon", "love", 301], ["Wolf", "war", 302], ["Star", "war", 302]]},
]


def judge(reference: str, answer: str, **trajectory: Any) -> dict[str, Any]:
    truth = {"sql": reference, "schema": SCHEMA, "states": STATES}
    info = {"trajectory": Trajectory("t", answer=answer, end=End.ANSWER, **trajectory).to_json()}
    return {**compute_score("sql", "", truth, info)}


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("SELECT COUNT(*) FROM books WHERE pages > 300", "select count(title) from books where pages >= 301;"),
        ("SELECT title FROM books", "SELECT title AS t FROM books ORDER BY pages"),
        ("SELECT AVG(pages) FROM books", "SELECT SUM(pages) * 1.0 / COUNT(*) FROM books"),
        ("SELECT title FROM books ORDER BY title DESC LIMIT 2", "SELECT title FROM books ORDER BY title DESC LIMIT 2"),
        ("SELECT MAX(pages) FROM books", "SELECT pages FROM books ORDER BY pages DESC LIMIT 1"),
        ("SELECT genre, COUNT(*) FROM books GROUP BY genre", "SELECT genre, SUM(1) FROM books GROUP BY 1"),
    ],
)
def test_equivalent_queries_score(reference: str, answer: str) -> None:
    result = judge(reference, answer)
    assert (result["score"], result["acc"], result["failure"]) == (1.0, 1.0, "none")


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("SELECT COUNT(*) FROM books WHERE pages > 300", "SELECT 1"),
        ("SELECT COUNT(*) FROM books WHERE pages > 300", "SELECT COUNT(*) FROM books WHERE pages > 301"),
        ("SELECT COUNT(*) FROM books WHERE pages > 300", "1"),
        ("SELECT title FROM books ORDER BY title", "SELECT title FROM books ORDER BY title DESC"),
        ("SELECT genre FROM books", "SELECT DISTINCT genre FROM books"),
        ("SELECT title, pages FROM books", "SELECT pages, title FROM books"),
        ("SELECT title FROM books", "SELECT title, pages FROM books"),
        ("SELECT title FROM books", "DROP TABLE books"),
        ("SELECT title FROM books", "SELECT title FROM books; SELECT title FROM books"),
        ("SELECT title FROM books", "SELECT title FROM films"),
        ("SELECT title FROM books", "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c"),
        ("SELECT title FROM books", "SELECT a.title FROM books a, books b, books c, books d, books e, books f"),
    ],
)
def test_wrong_queries_do_not(reference: str, answer: str) -> None:
    started = time.process_time()
    result = judge(reference, answer)
    assert time.process_time() - started < 1.0
    assert (result["score"], result["acc"], result["failure"]) == (0.0, 0.0, "wrong_answer")
    assert 0 < len(result["reason"]) <= 200


@pytest.mark.parametrize(
    ("text", "acc"),
    [
        ("<answer>```sql\nSELECT title FROM books;\n```</answer>", 1.0),
        ("So:\n```SQL\nSELECT genre FROM books\n```\nor better\n```sql\nSELECT title FROM books\n```\nDone.", 1.0),
        ("```SELECT title FROM books```", 1.0),
        ("```sqlite\nSELECT title FROM books\n```", 1.0),
        ("```sql\nSELECT title FROM books\n```\n```sql\nSELECT genre FROM books\n```", 0.0),
        ("<think>```sql\nSELECT title FROM books\n```</think> done", 0.0),
        ("```sql\nSELECT title FROM books", 0.0),
        ("<answer>SELECT genre FROM books</answer> ```SELECT title FROM books```", 0.0),
        ("``````", 0.0),
    ],
)
def test_query_in_a_code_block(text: str, acc: float) -> None:
    truth = {"sql": "SELECT title FROM books", "schema": SCHEMA, "states": STATES}
    assert compute_score("sql", text, truth)["acc"] == acc


@pytest.mark.parametrize("on_undecided", ["zero", "drop"])
@pytest.mark.parametrize(
    "answer",
    [
        "SELECT title FROM books WHERE title = '" + "x" * 10_000 + "'",
        "SELECT " + "(" * 300 + "1" + ")" * 300,
        "SELECT title FROM (" * 60 + "SELECT title FROM books" + ")" * 60,
        "SELECT hex(zeroblob(100000000))",
    ],
)
def test_no_query_is_dropped_for_its_own_size(answer: str, on_undecided: Any) -> None:
    truth = {"sql": "SELECT title FROM books", "schema": SCHEMA, "states": STATES}
    result = compute_score("sql", f"<answer>{answer}</answer>", truth, on_undecided=on_undecided)
    assert (result["verdict"], result["score"]) == ("wrong", 0.0)
    if len(answer) > 10_000:
        assert (result["failure"], result["reason"]) == (
            "limit",
            "over the limits: query is longer than 10000 characters",
        )


def test_lucky_on_one_state_is_not_enough() -> None:
    reference, lucky = "SELECT COUNT(*) FROM books WHERE pages > 300", "SELECT COUNT(*) FROM books WHERE genre = 'love'"
    assert judge(reference, lucky)["reason"] == "rows differ on state 1"


def test_kinds_of_failure() -> None:
    misused = [ToolCall("query", {}, "Error: no such table", "rejected")]
    assert judge("SELECT title FROM books", "SELECT 1", calls=misused)["failure"] == "tool_misuse"
    truth = {"sql": "SELECT title FROM books", "schema": SCHEMA, "states": STATES}
    assert compute_score("sql", "no idea", truth)["failure"] == "no_answer"
    text = "<answer>SELECT title FROM books</answer>"
    right = {"score": 1.0, "acc": 1.0, "verdict": "right", "failure": "none", "reason": ""}
    assert compute_score("sql", text, json.dumps(truth)) == right


@pytest.mark.parametrize(
    "change",
    [
        {"sql": "SELECT nothing FROM books"},
        {"sql": "DELETE FROM books"},
        {"sql": "SELECT 1 FROM " + ", ".join(f"books b{i}" for i in range(9))},
        {"sql": None},
        {"schema": ["CREATE TABLE films(title)"]},
        {"states": STATES[:1]},
        {"states": [1, 2]},
    ],
)
def test_bad_reference_is_a_broken_task(change: dict[str, Any]) -> None:
    truth = {"sql": "SELECT title FROM books", "schema": SCHEMA, "states": STATES, **change}
    with pytest.raises(BrokenTaskError):
        compute_score("sql", "<answer>SELECT title FROM books</answer>", truth)


@pytest.mark.parametrize(
    ("sql", "ordered"),
    [
        ("SELECT a FROM t ORDER  BY a", True),
        ("select a from t order\nby a limit 1", True),
        ("SELECT a FROM t", False),
        ("SELECT * FROM (SELECT a FROM t ORDER BY a LIMIT 2)", False),
        ("SELECT sum(x) OVER (ORDER BY (y)) FROM t", False),
        ("SELECT a FROM t WHERE b = ' order by '", False),
        ("SELECT a FROM t WHERE b IN (SELECT max(b) FROM t) ORDER BY a", True),
    ],
)
def test_outer_order_by(sql: str, ordered: bool) -> None:
    assert is_ordered(sql) is ordered
