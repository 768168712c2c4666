"""A read-only SQL world: look at the schema, run queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from verl_agentic.core import Task
from verl_agentic.core.checked import Within, check_arguments
from verl_agentic.databases import Database, QueryRefusedError, QueryResult
from verl_agentic.databases.base import quote
from verl_agentic.isolation.threads import shared_threads
from verl_agentic.tool_envs.base import Environment, ToolError
from verl_agentic.tool_envs.sql.source import OPTIONS, open_shared
from verl_agentic.tool_envs.users.base import User

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
SAMPLE_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "sample",
        "description": "Show the first rows of a table.",
        "parameters": {"type": "object", "properties": {"table": {"type": "string"}}, "required": ["table"]},
    },
}

MAX_SHOWN_ROWS = 10
MAX_CELL_CHARS = 40
SAMPLE_ROWS = 5

T = TypeVar("T")


class SqlEnvironment(Environment):
    """A SQLite, PostgreSQL or DuckDB database, read-only, shared by the sessions that use the same one.

    ``env_args`` holds one of

    * ``schema`` (``CREATE TABLE`` statements) and ``rows`` (rows by table name), and optionally a ``url`` that names
      the engine, by default ``sqlite://``;
    * ``file``: a SQLite or DuckDB file below the configured ``root``;
    * ``url`` of a PostgreSQL database, e.g. ``postgresql://reader:${DB_PASSWORD}@db.example/sales``, where
      ``${NAME}`` stands for an environment variable that the configuration allows.
    """

    def __init__(
        self,
        user: User | None = None,
        *,
        root: str | None = None,
        variables: Sequence[str] = (),
        seconds: Annotated[float, Within(above=0)] = 10.0,
        rows: Annotated[int, Within(1, 1000)] = MAX_SHOWN_ROWS,
    ) -> None:
        """Describe the session.

        Args:
            user: who talks with the policy.
            root: folder of the files that tasks name.
            variables: environment variables that a task's URL may name. Tasks choose the server, so whoever writes
                tasks may learn their values.
            seconds: of one query on a file or a PostgreSQL database.
            rows: that a query shows.

        Raises:
            UserInputError: an option has a value that it cannot have.
        """
        super().__init__(user)
        check_arguments(SqlEnvironment, locals(), OPTIONS)
        self._root, self._variables = root, frozenset(variables)
        self._seconds, self._rows = seconds, rows
        self._database: Database | None = None

    async def open(self, task: Task, seed: int) -> None:
        """Find, build or reach the database.

        Raises:
            BrokenTaskError: ``env_args`` do not describe one.
            InfrastructureError: it cannot be reached.
            UserInputError: the configuration lacks what the task needs.
        """
        await super().open(task, seed)
        args = task.env_args
        self._database = await _apart(lambda: open_shared(args, self._root, self._variables, self._seconds))

    def tools(self) -> list[dict[str, Any]]:
        """The task's schemas; all three tools where the task brings none."""
        return self.task.tools or [*SQL_TOOLS, SAMPLE_TOOL]

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """``schema()`` gives one line per table, ``query(sql)`` and ``sample(table)`` one line per row.

        Raises:
            ToolError: the query is refused, fails or takes too long.
            InfrastructureError: the database cannot be reached.
        """
        assert self._database is not None, "call before open"
        database = self._database
        tables = database.tables
        if name == "schema":
            return "\n".join(f"{table}({', '.join(columns)})" for table, columns in tables.items())
        if name == "sample":
            table = arguments.get("table")
            if not isinstance(table, str) or table not in tables:
                raise ToolError(f"no such table; tables: {', '.join(tables)[:500]}")
            return await self._show(database, f"SELECT * FROM {quote(table)} LIMIT {SAMPLE_ROWS}", SAMPLE_ROWS)
        sql = arguments.get("sql")
        if name != "query" or not isinstance(sql, str):
            raise ToolError("use query with sql")
        return await self._show(database, sql, self._rows)

    async def _show(self, database: Database, sql: str, rows: int) -> str:
        try:
            return render(await _apart(lambda: database.query(sql, rows)))
        except QueryRefusedError as refusal:
            raise ToolError(str(refusal)) from refusal

    async def close(self) -> None:
        self._database = None


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


async def _apart(function: Callable[[], T]) -> T:
    """In a thread: a worker may have to be waited for."""
    result: T = await shared_threads().run("sql", function)
    return result
