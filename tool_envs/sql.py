"""A read-only SQL world: look at the schema, run queries."""

from __future__ import annotations

from typing import Any

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.tool_envs.base import Environment, ToolError
from verl_agentic.tool_envs.guarded_sqlite import GuardedDatabase, QueryRefusedError, QueryResult
from verl_agentic.tool_envs.user import User

SQL_TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "schema",
            "description": "Show the tables.",
            "parameters": {"type": "object", "properties": {}},
        },
    },
    {
        "type": "function",
        "function": {
            "name": "query",
            "description": "Run a SELECT.",
            "parameters": {"type": "object", "properties": {"sql": {"type": "string"}}, "required": ["sql"]},
        },
    },
]

MAX_SHOWN_ROWS = 10
MAX_CELL_CHARS = 40


class SqlEnvironment(Environment):
    """One in-memory SQLite database per session, read-only.

    ``env_args`` holds ``schema`` (``CREATE TABLE`` statements) and ``rows`` (rows by table name). Queries run in the
    calling thread: the guard bounds them to milliseconds.
    """

    def __init__(self, user: User | None = None) -> None:
        super().__init__(user)
        self._database: GuardedDatabase | None = None

    async def open(self, task: Task, seed: int) -> None:
        await super().open(task, seed)
        schema, rows = task.env_args.get("schema"), task.env_args.get("rows")
        if not isinstance(schema, list) or not isinstance(rows, dict):
            raise BrokenTaskError("env_args of a sql task need a list 'schema' and an object 'rows'")
        self._database = GuardedDatabase(schema, rows)

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """``schema()`` gives one line per table, ``query(sql)`` one line per row.

        Raises:
            ToolError: the query is refused or fails.
        """
        assert self._database is not None, "call before open"
        if name == "schema":
            tables = self._database.tables
            return "\n".join(f"{table}({', '.join(columns)})" for table, columns in tables.items())
        sql = arguments.get("sql")
        if name != "query" or not isinstance(sql, str):
            raise ToolError("use query with sql")
        try:
            return render(self._database.query(sql, MAX_SHOWN_ROWS))
        except QueryRefusedError as refusal:
            raise ToolError(str(refusal)) from refusal

    async def close(self) -> None:
        if self._database is not None:
            self._database.close()


def render(result: QueryResult) -> str:
    """Rows as text, one line each, cells joined by a comma."""
    if not result.rows:
        return "no rows"
    lines = [", ".join(_cell(value) for value in row) for row in result.rows]
    return "\n".join(lines + ["..."] * result.truncated)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= MAX_CELL_CHARS else text[: MAX_CELL_CHARS - 3] + "..."
