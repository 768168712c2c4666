"""SQL: near misses on generated states (S), order and ties (T), functions and lengths (U), and inline code (Z2)."""

# ruff: noqa: E501 - queries stand in one line

from __future__ import annotations

import functools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from outside_case import Case

SHOP = (
    "CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, joined TEXT)",
    "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer(id), qty INTEGER, amount REAL)",
)
M = ("CREATE TABLE m(id INTEGER PRIMARY KEY, grp TEXT, v INTEGER, w INTEGER)",)
CONCERTS = (
    "CREATE TABLE stadium(stadium_id INTEGER PRIMARY KEY, name TEXT, capacity INTEGER)",
    "CREATE TABLE concert(concert_id INTEGER PRIMARY KEY, title TEXT, stadium_id INTEGER, year INTEGER)",
)
STAFF = (
    "CREATE TABLE dept(id INTEGER PRIMARY KEY, title TEXT)",
    "CREATE TABLE emp(id INTEGER PRIMARY KEY, name TEXT, dept_id INTEGER, boss_id INTEGER, salary INTEGER, born DATE)",
)
LOG = ("CREATE TABLE visit(id INTEGER PRIMARY KEY, page TEXT, at TIMESTAMP, code TEXT, ms REAL, agent TEXT)",)
SEEDS = (1, 2)

# Reference, near misses; of public reports.
REPORTED: tuple[tuple[str, tuple[str, ...], str, str, bool], ...] = (
    ("tie vs max", SHOP, "SELECT id FROM orders ORDER BY qty DESC LIMIT 1",
     "SELECT id FROM orders WHERE qty = (SELECT MAX(qty) FROM orders)", True),
    ("except", M, "SELECT grp FROM m EXCEPT SELECT grp FROM m WHERE v>2",
     "SELECT DISTINCT grp FROM m WHERE grp NOT IN (SELECT grp FROM m WHERE v>2 AND grp IS NOT NULL)", True),
    ("max of empty", SHOP, "SELECT MAX(amount) FROM orders", "SELECT amount FROM orders ORDER BY amount DESC LIMIT 1",
     True),
    ("year boundary end", SHOP, "SELECT COUNT(*) FROM customer WHERE strftime('%Y', joined)='2023'",
     "SELECT COUNT(*) FROM customer WHERE joined BETWEEN '2023-01-01' AND '2023-12-30'", True),
    ("month text", SHOP, "SELECT COUNT(*) FROM customer WHERE strftime('%m', joined)='05'",
     "SELECT COUNT(*) FROM customer WHERE strftime('%m', joined)=5", True),
    ("substr one more", SHOP, "SELECT substr(name,1,10) FROM customer", "SELECT name FROM customer", True),
    ("dense rank", SHOP,
     "SELECT id FROM (SELECT id, DENSE_RANK() OVER (ORDER BY qty DESC) r FROM orders) WHERE r<=2",
     "SELECT id FROM (SELECT id, RANK() OVER (ORDER BY qty DESC) r FROM orders) WHERE r<=2", True),
    ("group null", M, "SELECT grp, COUNT(*) FROM m GROUP BY grp", "SELECT grp, COUNT(grp) FROM m GROUP BY grp", True),
    ("argmax bare column", M, "SELECT id FROM m WHERE v=(SELECT MAX(v) FROM m)",
     "SELECT id FROM (SELECT id, MAX(v) FROM m)", True),
    ("division by zero", M, "SELECT SUM(v)/NULLIF(SUM(w),0) FROM m", "SELECT SUM(v)/MAX(SUM(w),1) FROM m", True),
    ("concert years both dup", CONCERTS,
     "SELECT stadium_id FROM concert WHERE year=2014 INTERSECT SELECT stadium_id FROM concert WHERE year=2015",
     "SELECT a.stadium_id FROM concert a JOIN concert b ON a.stadium_id=b.stadium_id WHERE a.year=2014 AND b.year=2015",
     True),
    ("order by id implied", CONCERTS, "SELECT name FROM stadium ORDER BY stadium_id", "SELECT name FROM stadium", False),
    ("constant passes, year", SHOP, "SELECT COUNT(*) FROM customer WHERE strftime('%Y', joined)='2023'", "SELECT 0",
     True),
    ("constant passes, month", SHOP, "SELECT COUNT(*) FROM customer WHERE strftime('%m', joined)='05'", "SELECT 0",
     True),
)  # fmt: skip

# Reference, near misses, and other ways to write it.
OWN: tuple[tuple[tuple[str, ...], str, tuple[str, ...], tuple[str, ...]], ...] = (
    (SHOP, "SELECT COUNT(*) FROM customer WHERE joined >= '2022-03-01' AND joined < '2022-04-01'",
     ("SELECT COUNT(*) FROM customer WHERE joined BETWEEN '2022-03-01' AND '2022-04-01'",
      "SELECT COUNT(*) FROM customer WHERE joined BETWEEN '2022-03-01' AND '2022-03-30'",
      "SELECT COUNT(*) FROM customer WHERE joined > '2022-03-01' AND joined < '2022-04-01'",
      "SELECT COUNT(*) FROM customer WHERE strftime('%m', joined) = '03'"),
     ("SELECT COUNT(*) FROM customer WHERE strftime('%Y-%m', joined) = '2022-03'",
      "SELECT COUNT(id) FROM customer WHERE joined LIKE '2022-03-%'",
      "SELECT COUNT(*) FROM customer WHERE joined BETWEEN '2022-03-01' AND '2022-03-31'")),
    (SHOP, "SELECT name FROM customer WHERE substr(joined, 1, 4) = '2021'",
     ("SELECT name FROM customer WHERE joined >= '2021-01-01'",
      "SELECT name FROM customer WHERE joined < '2022-01-01' AND joined > '2021-01-01'",
      "SELECT name FROM customer WHERE joined BETWEEN '2021-01-01' AND '2021-12-30'",
      "SELECT DISTINCT name FROM customer WHERE substr(joined, 1, 4) = '2021'"),
     ("SELECT name FROM customer WHERE joined LIKE '2021%'",
      "SELECT name FROM customer WHERE strftime('%Y', joined) = '2021'")),
    (SHOP, "SELECT name FROM customer WHERE joined LIKE '%-12-%'",
     ("SELECT name FROM customer WHERE joined LIKE '%12%'", "SELECT name FROM customer WHERE joined LIKE '%-12'",
      "SELECT name FROM customer WHERE joined LIKE '2024-12-%'"),
     ("SELECT name FROM customer WHERE strftime('%m', joined) = '12'",)),
    (SHOP, "SELECT c.name, COUNT(o.id) FROM customer c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id",
     ("SELECT c.name, COUNT(o.id) FROM customer c JOIN orders o ON o.customer_id = c.id GROUP BY c.id",
      "SELECT c.name, COUNT(*) FROM customer c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id",
      "SELECT c.name, COUNT(o.qty) FROM customer c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id",
      "SELECT c.name, COUNT(o.id) FROM customer c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.name"),
     ("SELECT name, (SELECT COUNT(*) FROM orders o WHERE o.customer_id = c.id) FROM customer c",)),
    (SHOP, "SELECT name FROM customer WHERE id NOT IN (SELECT customer_id FROM orders WHERE customer_id IS NOT NULL)",
     ("SELECT name FROM customer WHERE id NOT IN (SELECT customer_id FROM orders)",
      "SELECT name FROM customer WHERE id IN (SELECT customer_id FROM orders)",
      "SELECT c.name FROM customer c JOIN orders o ON o.customer_id <> c.id"),
     ("SELECT c.name FROM customer c LEFT JOIN orders o ON o.customer_id = c.id WHERE o.id IS NULL",
      "SELECT name FROM customer c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)")),
    (SHOP, "SELECT name FROM customer WHERE id IN (SELECT customer_id FROM orders WHERE amount > 50)",
     ("SELECT c.name FROM customer c JOIN orders o ON o.customer_id = c.id WHERE o.amount > 50",
      "SELECT DISTINCT c.name FROM customer c JOIN orders o ON o.customer_id = c.id WHERE o.amount > 50",
      "SELECT name FROM customer WHERE id IN (SELECT customer_id FROM orders WHERE amount >= 50)"),
     ("SELECT name FROM customer c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND amount > 50)",)),
    (SHOP, "SELECT SUM(amount) FROM orders WHERE qty > 3",
     ("SELECT COALESCE(SUM(amount), 0) FROM orders WHERE qty > 3", "SELECT TOTAL(amount) FROM orders WHERE qty > 3",
      "SELECT SUM(DISTINCT amount) FROM orders WHERE qty > 3", "SELECT SUM(amount) FROM orders WHERE qty >= 3",
      "SELECT SUM(amount) FROM orders WHERE qty > 4", "SELECT NULL"),
     ("SELECT SUM(CASE WHEN qty > 3 THEN amount END) FROM orders",)),
    (SHOP, "SELECT AVG(amount) FROM orders",
     ("SELECT SUM(amount) / COUNT(*) FROM orders", "SELECT AVG(DISTINCT amount) FROM orders",
      "SELECT AVG(COALESCE(amount, 0)) FROM orders", "SELECT ROUND(AVG(amount), 1) FROM orders"),
     ("SELECT SUM(amount) / COUNT(amount) FROM orders",)),
    (SHOP, "SELECT name FROM customer WHERE city = 'Paris'",
     ("SELECT name FROM customer WHERE city LIKE 'paris'", "SELECT name FROM customer WHERE lower(city) = 'paris'",
      "SELECT name FROM customer WHERE trim(city) = 'Paris'", "SELECT name FROM customer WHERE city LIKE 'Paris%'",
      "SELECT trim(name) FROM customer WHERE city = 'Paris'"),
     ("SELECT name FROM customer WHERE city IN ('Paris')", "SELECT c.name FROM customer AS c WHERE 'Paris' = c.city")),
    (SHOP, "SELECT upper(name) FROM customer WHERE length(name) > 6",
     ("SELECT name FROM customer WHERE length(name) > 6", "SELECT upper(name) FROM customer WHERE length(name) >= 6",
      "SELECT upper(name) FROM customer WHERE length(trim(name)) > 6"),
     ("SELECT upper(name) FROM customer WHERE length(name) >= 7",)),
    (M, "SELECT grp FROM m WHERE v > 2 INTERSECT SELECT grp FROM m WHERE w < 5",
     ("SELECT DISTINCT grp FROM m WHERE v > 2 AND w < 5",
      "SELECT grp FROM m WHERE v > 2 AND grp IN (SELECT grp FROM m WHERE w < 5)",
      "SELECT DISTINCT grp FROM m WHERE v > 2 AND grp IN (SELECT grp FROM m WHERE w < 5)",
      "SELECT grp FROM m WHERE v > 2 UNION SELECT grp FROM m WHERE w < 5"),
     ("SELECT grp FROM m WHERE w < 5 INTERSECT SELECT grp FROM m WHERE v > 2",)),
    (M, "SELECT v FROM m UNION ALL SELECT w FROM m",
     ("SELECT v FROM m UNION SELECT w FROM m", "SELECT v FROM m UNION ALL SELECT v FROM m"),
     ("SELECT w FROM m UNION ALL SELECT v FROM m",)),
    (M, "SELECT grp, MAX(v) FROM m GROUP BY grp HAVING COUNT(*) > 1",
     ("SELECT grp, MAX(v) FROM m GROUP BY grp HAVING COUNT(grp) > 1",
      "SELECT grp, MAX(v) FROM m GROUP BY grp HAVING COUNT(*) >= 1",
      "SELECT grp, MAX(v) FROM m GROUP BY grp HAVING COUNT(DISTINCT v) > 1",
      "SELECT grp, MAX(v) FROM m WHERE grp IS NOT NULL GROUP BY grp HAVING COUNT(*) > 1"),
     ("SELECT grp, MAX(v) FROM m GROUP BY 1 HAVING COUNT(id) >= 2",)),
    (M, "SELECT COUNT(DISTINCT grp) FROM m",
     ("SELECT COUNT(grp) FROM m", "SELECT COUNT(*) FROM (SELECT DISTINCT grp FROM m)", "SELECT 3"),
     ("SELECT COUNT(*) FROM (SELECT grp FROM m WHERE grp IS NOT NULL GROUP BY grp)",)),
    (M, "SELECT id FROM m WHERE v <> 3",
     ("SELECT id FROM m WHERE v IS NOT 3", "SELECT id FROM m WHERE NOT (v = 3) OR v IS NULL",
      "SELECT id FROM m WHERE v > 3"),
     ("SELECT id FROM m WHERE NOT v = 3", "SELECT id FROM m WHERE v NOT IN (3)")),
    (M, "SELECT id FROM m ORDER BY v DESC, id LIMIT 3",
     ("SELECT id FROM m ORDER BY v DESC, id DESC LIMIT 3", "SELECT id FROM m ORDER BY v DESC, id LIMIT 4",
      "SELECT id FROM m ORDER BY v, id LIMIT 3", "SELECT id FROM m WHERE v IS NOT NULL ORDER BY v DESC, id LIMIT 3"),
     ("SELECT id FROM m ORDER BY -v, id LIMIT 3 -- NULLs of minus come first",)[:0]),
    (M, "SELECT id FROM m WHERE v > (SELECT AVG(v) FROM m)",
     ("SELECT id FROM m WHERE v >= (SELECT AVG(v) FROM m)", "SELECT id FROM m WHERE v > (SELECT SUM(v) / COUNT(*) FROM m)",
      "SELECT id FROM m WHERE v > (SELECT CAST(AVG(v) AS INTEGER) FROM m)"),
     ("SELECT m.id FROM m, (SELECT AVG(v) a FROM m) x WHERE m.v > x.a",)),
    (M, "SELECT id, v * 1.0 / w FROM m WHERE w <> 0",
     ("SELECT id, v / w FROM m WHERE w <> 0", "SELECT id, v * 1.0 / w FROM m", "SELECT id, v * 1.0 / w FROM m WHERE w > 0",
      "SELECT id, w * 1.0 / v FROM m WHERE w <> 0"),
     ("SELECT id, CAST(v AS REAL) / w FROM m WHERE w <> 0",)),
    (M, "SELECT id, ROW_NUMBER() OVER (PARTITION BY grp ORDER BY v, id) FROM m",
     ("SELECT id, RANK() OVER (PARTITION BY grp ORDER BY v) FROM m", "SELECT id, ROW_NUMBER() OVER (ORDER BY v, id) FROM m",
      "SELECT id, ROW_NUMBER() OVER (PARTITION BY grp ORDER BY v DESC, id) FROM m"),
     ("SELECT a.id, (SELECT COUNT(*) FROM m b WHERE b.grp IS a.grp AND (b.v < a.v OR (b.v IS NULL AND a.v IS NOT NULL) "
      "OR (b.v IS a.v AND b.id <= a.id))) FROM m a",)),
    (M, "SELECT COALESCE(grp, 'none'), SUM(v) FROM m GROUP BY grp",
     ("SELECT grp, SUM(v) FROM m GROUP BY grp", "SELECT COALESCE(grp, 'none'), TOTAL(v) FROM m GROUP BY grp",
      "SELECT COALESCE(grp, 'none'), SUM(v) FROM m WHERE grp IS NOT NULL GROUP BY grp"),
     ("SELECT IFNULL(grp, 'none'), SUM(v) FROM m GROUP BY grp",)),
    (CONCERTS, "SELECT s.name FROM stadium s LEFT JOIN concert c ON c.stadium_id = s.stadium_id AND c.year = 2015 "
               "WHERE c.concert_id IS NULL",
     ("SELECT s.name FROM stadium s LEFT JOIN concert c ON c.stadium_id = s.stadium_id "
      "WHERE c.concert_id IS NULL AND c.year = 2015",
      "SELECT s.name FROM stadium s LEFT JOIN concert c ON c.stadium_id = s.stadium_id WHERE c.concert_id IS NULL",
      "SELECT DISTINCT s.name FROM stadium s JOIN concert c ON c.stadium_id = s.stadium_id WHERE c.year <> 2015"),
     ("SELECT name FROM stadium WHERE stadium_id NOT IN "
      "(SELECT stadium_id FROM concert WHERE year = 2015 AND stadium_id IS NOT NULL)",)),
    (CONCERTS, "SELECT name FROM stadium WHERE capacity = (SELECT MIN(capacity) FROM stadium)",
     ("SELECT name FROM stadium ORDER BY capacity LIMIT 1", "SELECT name FROM stadium WHERE capacity IS NOT NULL "
      "ORDER BY capacity LIMIT 1", "SELECT name FROM (SELECT name, MIN(capacity) FROM stadium)"),
     ("SELECT name FROM stadium WHERE capacity <= (SELECT MIN(capacity) FROM stadium)",)),
    (STAFF, "SELECT e.name FROM emp e JOIN emp b ON e.boss_id = b.id WHERE e.salary > b.salary",
     ("SELECT e.name FROM emp e JOIN emp b ON e.boss_id = b.id WHERE e.salary >= b.salary",
      "SELECT b.name FROM emp e JOIN emp b ON e.boss_id = b.id WHERE e.salary > b.salary",
      "SELECT e.name FROM emp e JOIN emp b ON e.dept_id = b.dept_id WHERE e.salary > b.salary"),
     ("SELECT name FROM emp e WHERE salary > (SELECT salary FROM emp b WHERE b.id = e.boss_id)",)),
    (STAFF, "SELECT COUNT(*) FROM emp WHERE born < '1990-01-01'",
     ("SELECT COUNT(*) FROM emp WHERE born <= '1990-01-01'", "SELECT COUNT(*) FROM emp WHERE born < '1990-01-02'",
      "SELECT COUNT(*) FROM emp WHERE born < '1989-12-31'", "SELECT COUNT(name) FROM emp WHERE born < '1990-01-01'",
      "SELECT 2"),
     ("SELECT COUNT(*) FROM emp WHERE CAST(strftime('%Y', born) AS INTEGER) < 1990",)),
    (LOG, "SELECT COUNT(*) FROM visit WHERE date(at) = '2024-02-29'",
     ("SELECT COUNT(*) FROM visit WHERE at = '2024-02-29'",
      "SELECT COUNT(*) FROM visit WHERE at BETWEEN '2024-02-29' AND '2024-03-01 12:30:00'",
      "SELECT COUNT(*) FROM visit WHERE at BETWEEN '2024-02-29 00:00:00' AND '2024-02-29 12:30:00'"),
     ("SELECT COUNT(*) FROM visit WHERE at >= '2024-02-29' AND at < '2024-03-01'",)),
    (LOG, "SELECT page FROM visit WHERE code = '07'",
     ("SELECT page FROM visit WHERE CAST(code AS INTEGER) = 7", "SELECT page FROM visit WHERE code = '7'",
      "SELECT page FROM visit WHERE code LIKE '%7'"),
     ("SELECT page FROM visit WHERE code IN ('07', '07')",)),
    (LOG, "SELECT id FROM visit ORDER BY code, id",
     ("SELECT id FROM visit ORDER BY CAST(code AS INTEGER), id", "SELECT id FROM visit ORDER BY lower(code), id",
      "SELECT id FROM visit ORDER BY id"),
     ("SELECT id FROM visit ORDER BY code ASC, id ASC",)),
    (LOG, "SELECT ROUND(AVG(ms), 2) FROM visit WHERE agent IS NOT NULL",
     ("SELECT AVG(ms) FROM visit WHERE agent IS NOT NULL", "SELECT ROUND(AVG(ms), 2) FROM visit WHERE agent <> ''",
      "SELECT ROUND(AVG(ms), 2) FROM visit", "SELECT ROUND(AVG(ms)) FROM visit WHERE agent IS NOT NULL"),
     ("SELECT ROUND(SUM(ms) / COUNT(ms), 2) FROM visit WHERE agent NOTNULL",)),
)  # fmt: skip


@functools.cache
def _truth(schema: tuple[str, ...], reference: str, seed: int) -> dict[str, Any]:
    from verl_agentic.reward_fns.sql.states import generate_states

    return {
        "sql": reference,
        "schema": list(schema),
        "states": generate_states(list(schema), reference, seed).states,
    }


def _score(answer: str, truth: dict[str, Any]) -> Any:
    from verl_agentic.reward_fns.sql import compute_score

    return compute_score("sql", f"<answer>{answer}</answer>", truth)


def generated(schema: tuple[str, ...], reference: str, answer: str, right: bool) -> Callable[[], None]:
    """States of two seeds tell the answer from the reference, or none does where it is ``right``."""

    def check() -> None:
        passed = sum(_score(answer, _truth(schema, reference, seed))["acc"] == 1.0 for seed in SEEDS)
        assert passed == (len(SEEDS) if right else 0), f"{answer!r} passes {passed} of {len(SEEDS)} for {reference!r}"

    return check


ROWS = [
    [1, "a", 5, 1], [2, "b", 3, 2], [3, "a", 5, 3], [4, None, 2, 4], [5, "B", 3, 9], [6, "A", None, 5], [7, "b", 8, 2],
]  # fmt: skip
M_STATES = [{"m": ROWS}, {"m": [[i, g, w, v] for i, g, v, w in ROWS[:5]]}, {"m": []}]
T = ["CREATE TABLE t(a INTEGER, b INTEGER, n TEXT, f REAL)"]
T_STATES = [
    {"t": [[1, 2, "x", 0.126], [2, 1, "it's", 1.5], [3, 3, None, 2.25], [4, 0, "y", None]]},
    {"t": [[7, 5, "ab", 3.14159], [5, 7, "c", 2.5], [5, 7, "c", 2.5]]},
    {"t": []},
]


def stored(schema: list[str], states: list[Any], reference: str, answer: str, expected: float) -> Callable[[], None]:
    """The score on states that are written down."""

    def check() -> None:
        score = _score(answer, {"sql": reference, "schema": schema, "states": states})["acc"]
        assert score == expected, f"{answer[:200]!r} for {reference[:200]!r}: got {score}, expected {expected}"

    return check


def on_m(reference: str, answer: str, expected: float) -> Callable[[], None]:
    return stored(list(M), M_STATES, reference, answer, expected)


def on_t(reference: str, answer: str, expected: float) -> Callable[[], None]:
    return stored(T, T_STATES, reference, answer, expected)


def refused(schema: tuple[str, ...], reference: str) -> Callable[[], None]:
    """A reference whose result cannot vary makes no task."""

    def check() -> None:
        from verl_agentic.core import BrokenTaskError
        from verl_agentic.reward_fns.sql.states import generate_states

        try:
            generate_states(list(schema), reference, 1)
        except BrokenTaskError as error:
            assert "constant" in str(error), f"reason is {error}"
        else:
            raise AssertionError(f"{reference!r} makes states")

    return check


def bomb(sql: str) -> Callable[[], None]:
    """Refused, or answered with what is small, and soon."""

    def check() -> None:
        from verl_agentic.databases import QueryRefusedError
        from verl_agentic.databases.open import GuardedDatabase

        with GuardedDatabase(T, T_STATES[0]) as database:
            started = time.process_time()
            try:
                found = database.query(sql)
            except QueryRefusedError:
                found = None
            spent = time.process_time() - started
        assert spent < 0.5, f"{sql[:80]!r} takes {spent:.1f} s"
        assert found is None, f"{sql[:80]!r} gives {str(found.rows)[:80]}"

    return check


def silent() -> None:
    script = (
        "from verl_agentic.reward_fns.sql.states import generate_states\n"
        "generate_states(['CREATE TABLE m(id INTEGER PRIMARY KEY, grp TEXT, v INTEGER)'], "
        "'SELECT grp FROM m INTERSECT SELECT grp FROM m WHERE v > 2', 1, attempts=20)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr[:200]


LONG = " OR ".join(f"(b={i} AND n IS NOT NULL AND f>{i}.5)" for i in range(45))
WITHIN = "SELECT a FROM t WHERE a > -1 OR " + LONG
VERY_LONG = "SELECT a FROM t WHERE a IN (" + ", ".join(str(i) for i in range(3000)) + ")"


def cases() -> Iterator[Case]:
    """All of them."""
    for name, schema, reference, answer, sure in REPORTED:
        yield Case("S", name, generated(schema, reference, answer, False), sure=sure)
    for number, (schema, reference, near, same) in enumerate(OWN):
        for i, answer in enumerate(near):
            yield Case(
                "S", f"near miss {number}.{i}: {answer[:60]}", generated(schema, reference, answer, False), own=True
            )
        for i, answer in enumerate(same):
            yield Case(
                "S", f"the same {number}.{i}: {answer[:60]}", generated(schema, reference, answer, True), own=True
            )
        yield Case("S", f"itself {number}", generated(schema, reference, reference, True), own=True)
    for reference in ("SELECT 1", "SELECT COUNT(*) FROM m WHERE 1 = 0", "SELECT id FROM m WHERE id IS NULL"):
        yield Case("S", f"refused: {reference}", refused(M, reference), own=True)
    yield Case("S", "no output of libraries", silent)
    yield from _orders()
    yield from _functions()
    yield Case("Z2", "inline code", on_t("SELECT a FROM t", "`SELECT a FROM t`", 1.0), sure=False)
    # Decided otherwise: the policy does not see the states, and one drawn anew in each process would give the same
    # answer different rewards. See generate_states.
    by_state = "SELECT CASE (SELECT COUNT(*) FROM m) WHEN 7 THEN 3 WHEN 5 THEN 2 ELSE 0 END"
    yield Case(
        "Z2", "constant by state (white box)", on_m("SELECT COUNT(*) FROM m WHERE v > 3", by_state, 1.0), sure=False
    )
    for answer, expected in (
        ("``SELECT a FROM t``", 1.0), (" `SELECT a FROM t;` ", 1.0), ("`SELECT b FROM t`", 0.0),
        ("SELECT `a` FROM `t`", 1.0), ("`SELECT `a` FROM t`", 1.0), ("```sql\nSELECT a FROM t\n```", 1.0),
        ("`a` FROM t", 0.0),
    ):  # fmt: skip
        yield Case("Z2", f"inline code: {answer!r}", on_t("SELECT a FROM t", answer, expected), own=True)


def _orders() -> Iterator[Case]:
    yield Case(
        "T",
        "order by alias that swaps",
        on_m("SELECT v AS w, w AS v FROM m ORDER BY v", "SELECT v, w FROM m ORDER BY w, id DESC", 1.0),
    )
    # Decided otherwise: SQL does not say which v of a group counts (PostgreSQL refuses the query), so that no other
    # query is sure to give the same order. It must be the reference's own; see reward_fns/sql/order.py.
    yield Case(
        "T",
        "distinct ordered by other",
        on_m("SELECT DISTINCT grp FROM m ORDER BY v", "SELECT grp FROM m GROUP BY grp ORDER BY MIN(v)", 0.0),
        sure=False,
    )
    yield Case(
        "T",
        "alias swap: unordered accepted",
        on_t("SELECT a AS b, b AS a FROM t ORDER BY a", "SELECT a, b FROM t", 0.0),
    )
    yield Case(
        "T",
        "collation ties",
        on_m("SELECT id FROM m ORDER BY grp COLLATE NOCASE", "SELECT id FROM m ORDER BY lower(grp), id DESC", 1.0),
    )
    for reference, answer, expected in (
        ("SELECT id FROM m ORDER BY grp COLLATE NOCASE", "SELECT id FROM m ORDER BY grp", 0.0),
        ("SELECT id FROM m ORDER BY grp", "SELECT id FROM m ORDER BY grp, id DESC", 1.0),
        ("SELECT id FROM m ORDER BY grp COLLATE NOCASE LIMIT 3",
         "SELECT id FROM m ORDER BY lower(grp), id DESC LIMIT 3", 1.0),
        ("SELECT id, v - w AS d FROM m ORDER BY d", "SELECT id, v - w FROM m ORDER BY v - w, id DESC", 1.0),
        ("SELECT id, v - w AS d FROM m ORDER BY -d", "SELECT id, v - w FROM m ORDER BY w - v, id DESC", 1.0),
        ("SELECT id, v - w AS d FROM m ORDER BY -d", "SELECT id, v - w FROM m ORDER BY v - w", 0.0),
        ("SELECT v AS w, w AS v FROM m ORDER BY v", "SELECT v, w FROM m ORDER BY v", 0.0),
        ("SELECT v AS w, w AS v FROM m ORDER BY v + 0", "SELECT v, w FROM m ORDER BY v, w DESC", 1.0),
        ("SELECT grp, COUNT(*) AS n FROM m GROUP BY grp ORDER BY n DESC",
         "SELECT grp, COUNT(*) FROM m GROUP BY grp ORDER BY 2 DESC, grp DESC", 1.0),
        ("SELECT grp, COUNT(*) AS n FROM m GROUP BY grp ORDER BY n DESC",
         "SELECT grp, COUNT(*) FROM m GROUP BY grp ORDER BY 2", 0.0),
        ("SELECT v FROM m UNION SELECT w FROM m ORDER BY 1", "SELECT w FROM m UNION SELECT v FROM m ORDER BY 1", 1.0),
        ("SELECT v FROM m UNION SELECT w FROM m ORDER BY 1", "SELECT w FROM m UNION SELECT v FROM m ORDER BY 1 DESC",
         0.0),
        ("SELECT grp, v FROM m UNION ALL SELECT grp, w FROM m ORDER BY 1 COLLATE NOCASE",
         "SELECT grp, w AS v FROM m UNION ALL SELECT grp, v FROM m ORDER BY 1 COLLATE NOCASE", 1.0),
        ("SELECT * FROM m ORDER BY grp COLLATE NOCASE", "SELECT * FROM m ORDER BY lower(grp), id DESC", 1.0),
        ("SELECT id FROM m ORDER BY v DESC NULLS FIRST", "SELECT id FROM m ORDER BY v IS NULL DESC, v DESC, w DESC", 1.0),
        ("SELECT id FROM m ORDER BY id", "SELECT id FROM m", 0.0),
        ("SELECT id FROM m ORDER BY id", "SELECT id FROM (SELECT id FROM m ORDER BY id)", 1.0),
        ("WITH q AS (SELECT id, v AS k FROM m) SELECT id FROM q ORDER BY k",
         "SELECT id FROM m ORDER BY v, id DESC", 1.0),
        ("SELECT DISTINCT grp FROM m ORDER BY grp COLLATE NOCASE", "SELECT DISTINCT grp FROM m ORDER BY lower(grp)", 1.0),
        ("SELECT DISTINCT grp FROM m ORDER BY v", "SELECT grp FROM m GROUP BY grp ORDER BY grp", 0.0),
    ):  # fmt: skip
        yield Case("T", f"{answer[:60]} for {reference}", on_m(reference, answer, expected), own=True)


def _functions() -> Iterator[Case]:
    yield Case(
        "U",
        "printf in an answer",
        on_t(
            "SELECT ROUND(f,2) FROM t WHERE f IS NOT NULL",
            "SELECT CAST(printf('%.2f', f) AS REAL) FROM t WHERE f IS NOT NULL",
            1.0,
        ),
    )
    yield Case(
        "U", "json in an answer", on_t("SELECT a FROM t", "SELECT json_extract(json_object('a',a),'$.a') FROM t", 1.0)
    )
    yield Case(
        "U",
        "quote",
        on_t(
            "SELECT n FROM t WHERE n IS NOT NULL AND n NOT LIKE '%''%'",
            "SELECT trim(quote(n),'''') FROM t WHERE n IS NOT NULL AND n NOT LIKE '%''%'",
            1.0,
        ),
    )
    yield Case("U", "right but long", on_t("SELECT a FROM t", WITHIN, 1.0))
    yield Case("U", "reference long, answer short", on_t(WITHIN, "SELECT a FROM t", 1.0))
    for reference, answer, expected in (
        ("SELECT hex(n) FROM t", "SELECT hex(n) FROM t WHERE 1", 1.0),
        ("SELECT printf('%05d', a) FROM t", "SELECT substr('00000' || a, -5) FROM t", 1.0),
        ("SELECT format('%d', a) FROM t", "SELECT CAST(a AS TEXT) FROM t", 1.0),
        ("SELECT format('%,d', a * 1000) FROM t", "SELECT a || ',000' FROM t", 1.0),
        ("SELECT json_array(a, b) FROM t", "SELECT '[' || a || ',' || b || ']' FROM t", 1.0),
        ("SELECT json_group_array(a) FROM t WHERE a > 99", "SELECT json_group_array(b) FROM t WHERE a > 99", 1.0),
        ("SELECT '{\"a\":1}' ->> 'a', a FROM t", "SELECT 1, a FROM t", 1.0),
        ("SELECT string_agg(n, ',') FROM t WHERE a = 1", "SELECT group_concat(n, ',') FROM t WHERE a = 1", 1.0),
        ("SELECT iif(a > 2, 'x', 'y'), instr(n, 't'), unicode(n), char(65) FROM t",
         "SELECT CASE WHEN a > 2 THEN 'x' ELSE 'y' END, instr(n, 't'), unicode(n), 'A' FROM t", 1.0),
        ("SELECT a FROM t", "SELECT a FROM t WHERE printf('%d', a) = '1'", 0.0),
        ("SELECT a FROM t", "SELECT a FROM t WHERE '" + "x" * 9990 + "' <> ''", 0.0),
        (VERY_LONG, "SELECT a FROM t", 1.0),
        ("SELECT a FROM t", "SELECT a FROM t WHERE " + " OR ".join(f"a = {i}" for i in range(300)), 1.0),
    ):  # fmt: skip
        yield Case("U", f"{answer[:60]} for {reference[:60]}", on_t(reference, answer, expected), own=True)
    forever = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) "
    for sql in (
        "SELECT printf('%1000000d', 1)",
        "SELECT format('%-1000000000s', 'x')",
        "SELECT printf('%.*c', 1000000000, 'x')",
        "SELECT printf('%.*c', '1e9', 'x')",
        "SELECT printf('%' || '.1000' || '000000c', 'x')",
        "SELECT printf(replace('aaaaaaaa', 'a', '%.1000000000c'), 1, 2, 3, 4, 5, 6, 7, 8)",
        "SELECT replace(replace(printf('%1000s', 'x'), ' ', 'xxxxxxxx'), 'x', 'xxxxxxxx')",
        forever + "SELECT json_group_array(printf('%1990s', 'x')) FROM c",
        forever + "SELECT json_group_object(x, hex(x)) FROM c",
        forever + "SELECT string_agg(x, ',') FROM c",
        "SELECT hex(zeroblob(1000000000))",
        "SELECT hex(randomblob(10))",
        "SELECT hex(hex(hex(printf('%1000s', 'x'))))",
        "SELECT quote(printf('%1999s', ''''))||quote(printf('%1999s', ''''))",
        "SELECT load_extension('x')",
        "SELECT json_array(" + ", ".join(["printf('%1900s', 'x')"] * 40) + ")",
        "SELECT value FROM json_each('[1]')",
    ):
        yield Case("U", f"bomb: {sql[:100]}", bomb(sql), own=True)
