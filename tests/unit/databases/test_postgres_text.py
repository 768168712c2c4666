"""Which texts PostgreSQL may see. That it refuses the rest by itself, too, is tested with a server."""

from __future__ import annotations

import pytest

from verl_agentic.databases import QueryRefusedError
from verl_agentic.databases.postgres_text import check_text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*), max(a) FROM t WHERE b IN (1, 2) -- pg_sleep(1)",
        "SELECT 'pg_sleep(1)', \"Odd name\" FROM t /* lo_import('x') */",
        "WITH a(x, y) AS (SELECT 1, 2), b(z) AS MATERIALIZED (SELECT 3) SELECT x FROM a, b",
        "SELECT v.x FROM (VALUES (1), (2)) v(x) JOIN (SELECT 1) AS w(y) ON v.x = w.y",
        "SELECT a, rank() OVER (PARTITION BY b ORDER BY c) FROM t WHERE EXISTS (SELECT 1) AND NOT (a = 1)",
        "SELECT EXTRACT(year FROM d), CAST(a AS numeric(6, 2)), date '2024-01-01' + interval '1 day' FROM t",
        "SELECT count(*) FILTER (WHERE a > 1) FROM t GROUP BY ROLLUP (a)",
    ],
)
def test_passes(sql: str) -> None:
    check_text(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_sleep(1)",
        "SELECT PG_SLEEP (1)",
        'SELECT "pg_sleep"(1)',
        "SELECT pg_sleep/* */(1)",
        "SELECT pg_sleep -- x\n (1)",
        'SELECT U&"\\0070g_sleep"(1)',
        "SELECT U & 'x'",
        "SELECT E'\\' || pg_sleep(1) || '",
        "SELECT e'\\', set_config('a', 'b', true) --'",
        "SELECT $$'$$, set_config('a', 'b', true), $$'$$",
        "SELECT /* /* */ set_config('a', 'b', true) */ 1",
        "WITH set_config(a) AS (SELECT 1) SELECT set_config('a', 'b', true)",
        "SELECT a, set_config('a', 'b', true) AS (b)",
        "SELECT (1), set_config('a', 'b', true)",
        "SELECT query_to_xml('SELECT 1', true, true, '')",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM pg_authid",
        "SELECT repeat('x', 1000000000)",
        "SELECT 'a\x00'",
        "SELECT 'never closed",
    ],
)
def test_refuses(sql: str) -> None:
    with pytest.raises(QueryRefusedError):
        check_text(sql)


def test_refuses_what_grows() -> None:
    sql = "SELECT a FROM t"
    for level in range(8):
        check_text(sql)
        sql = f"SELECT a+a+a a FROM ({sql}) s{level}"
    for level in range(8):
        sql = f"SELECT a+a+a a FROM ({sql}) u{level}"
    with pytest.raises(QueryRefusedError, match="nested"):
        check_text(sql)
