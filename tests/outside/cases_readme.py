"""What the README promises of commands and names (R1 to R7, without R3), and the messages of ``--set`` (G28)."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from outside_case import Case

CALC = {
    "type": "function",
    "function": {
        "name": "calc",
        "description": "Calculate.",
        "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]},
    },
}
TOOLS = '''
def lookup(order: int) -> str:
    """Look an order up.

    Args:
        order: its number.
    """
    return "shipped"
'''
TILL = """
from verl_agentic.tool_envs import Environment, User, UserReply


class Till(Environment):
    def tools(self):
        return []

    async def call(self, name, arguments):
        return "ok"


class Quiet(User):
    def open(self, task, seed):
        pass

    async def reply(self, message):
        return UserReply("", stop=True)
"""


def row(**changes: Any) -> dict[str, Any]:
    task = {
        "kind": "math",
        "messages": [{"role": "system", "content": "Use calc."}, {"role": "user", "content": "What is 17 times 23?"}],
        "tools": [CALC],
        "env": "calculator",
        "env_args": {},
        "reward": "math",
        "ground_truth": {"answer": "391"},
    }
    return {**task, **changes}


def command(arguments: list[str], rows: list[dict[str, Any]]) -> tuple[int, str]:
    """Run ``verl-agentic`` on ``tasks.jsonl`` in a folder with a user's files; its exit status and output."""
    from verl_agentic.cli.main import main

    before, said = Path.cwd(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            Path("tasks.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
            Path("my_tools.py").write_text(TOOLS)
            Path("till.py").write_text(TILL)
            Path("other.py").write_text(TILL)
            Path("docs").mkdir()
            Path("docs/a.txt").write_text("The tower is 300 m high.")
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                try:
                    status = main(arguments)
                except SystemExit as error:
                    status = int(error.code or 0)
        finally:
            os.chdir(before)
    return status, said.getvalue()


def checks(arguments: list[str], rows: list[dict[str, Any]], status: int, *words: str) -> Callable[[], None]:
    def check() -> None:
        got, said = command(arguments, rows)
        assert got == status, f"status {got}, expected {status}: {said[-300:]}"
        for word in words:
            assert word in said, f"{word!r} is not said: {said[-300:]}"

    return check


CHECK = ["tasks", "check", "tasks.jsonl"]
# A server that nobody reaches: what is wrong must be found before.
ROLLOUT = ["rollout", "--model", "http://127.0.0.1:9/v1", "--name", "m", "--tasks", "tasks.jsonl", "--out", "out.jsonl"]
FUNCTIONS = row(env="functions", tools=[], kind="mine")
SEARCH = row(env="search", tools=[], kind="mine")
MOCK = row(env="mock", env_args={"background": "A shop."}, kind="mine")
HELPER = [
    "--helper-llm",
    "base_url=http://127.0.0.1:9/v1",
    "--helper-llm",
    "model=m",
    "--helper-llm",
    "api_key_env=null",
]


def cases() -> Iterator[Case]:
    yield Case("R1", "readme-task-checked", checks(CHECK, [row()], 0, "math: 1 of 1 opened"))
    yield Case("R1", "sql-in-own-words", checks(CHECK, [row(kind="service")], 0, "service: 1 of 1 opened"), own=True)
    bad = row(ground_truth={"wrong": 1})
    yield Case("R1", "broken-reference-still-found", checks(CHECK, [bad], 1, "row 0"), own=True)
    yield Case("R1", "unknown-env-still-found", checks(CHECK, [row(env="moon")], 1, "moon"), own=True)

    given = ["--set", "env_options.functions.tools=[my_tools.py:lookup]"]
    yield Case("R2", "functions", checks([*CHECK, *given], [FUNCTIONS], 0, "1 of 1 opened"))
    yield Case(
        "R2", "search", checks([*CHECK, "--set", "env_options.search.corpus=docs"], [SEARCH], 0, "1 of 1 opened")
    )
    yield Case("R2", "mock", checks([*CHECK, *HELPER], [MOCK], 0, "1 of 1 opened"))
    yield Case("R2", "tool-env", checks([*CHECK, "--tool-env", "functions", *given], [row()], 0, "1 of 1"), own=True)
    yield Case("R2", "not-configured", checks(CHECK, [FUNCTIONS], 2, "env_options.functions.tools"), own=True)

    yield Case("R4", "mock-without", checks(ROLLOUT, [MOCK], 2, "--helper-llm"))
    yield Case("R4", "user-without", checks([*ROLLOUT, "--simulator", "llm"], [row()], 2, "--helper-llm"))
    rubric = row(reward="rubric", ground_truth={"rubric": ["The total is told."]})
    yield Case("R4", "judge-without", checks(ROLLOUT, [rubric], 2, "--helper-llm", "row 0"), own=True)
    wrong = ["--helper-llm", "modell=m"]
    yield Case(
        "R4", "helper-misspelt", checks([*ROLLOUT, "--simulator", "llm", *wrong], [row()], 2, "modell"), own=True
    )

    env = ["--tool-env", "till.py:Till"]
    yield Case("R5", "environment-of-a-file", checks([*CHECK, *env], [row()], 0, "1 of 1 opened"))
    yield Case("R5", "user-of-a-file", checks([*CHECK, "--simulator", "till.py:Quiet"], [row()], 0, "1 of 1 opened"))
    yield Case("R5", "no-such-file", checks([*CHECK, "--tool-env", "tell.py:Till"], [row()], 2, "tell.py"), own=True)
    yield Case("R5", "no-such-class", checks([*CHECK, "--tool-env", "till.py:Tell"], [row()], 2, "'Tell'"), own=True)
    named = row(env="other.py:Till")
    yield Case("R5", "rows-name-no-files", checks(CHECK, [named], 1, "unknown environment"), own=True)

    yield Case("R7", "env-misspelt", checks(ROLLOUT, [row(env="calculater")], 2, "row 0", "env", "calculater"))
    yield Case("R7", "reward-misspelt", checks(ROLLOUT, [row(reward="maths")], 2, "row 0", "reward", "maths"))
    mixed = [row(), row(env="calculater")]
    yield Case("R7", "one-of-two", checks(ROLLOUT, mixed, 2, "row 1", "calculater"), own=True)

    yield Case("G28", "set-unknown-key", checks([*ROLLOUT, "--set", "max_turn=3"], [row()], 2, "max_turns"))
    path = ["--set", "agentic.rollout.max_turns=0"]
    yield Case("G28", "set-whole-path", checks([*ROLLOUT, *path], [row()], 2, "agentic.rollout.max_turns must be"))
    nested = ["--set", "llm.model=m"]
    yield Case("G28", "set-llm", checks([*ROLLOUT, *nested], [row()], 2, "agentic.rollout.llm is unknown"), own=True)
