"""``verl-agentic play``: take the policy's place in a task, with exactly what the policy sees."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.rule import Rule

from verl_agentic.cli.plain_text import plain_text, wide_console
from verl_agentic.cli.play_settings import (
    add_play_arguments,
    add_prompt_key,
    naming_helper,
    read_play_settings,
    turns_for,
)
from verl_agentic.core import Message, Task, Trajectory, UserInputError
from verl_agentic.domains import domain_folders
from verl_agentic.reward_fns.registry import judge
from verl_agentic.reward_fns.state.difference import state_difference
from verl_agentic.rollout.dialogue import Dialogue
from verl_agentic.rollout.session import Session
from verl_agentic.synthesis.base import SPLITS
from verl_agentic.synthesis.domains.family import DomainFamily
from verl_agentic.synthesis.rows import read_tasks
from verl_agentic.synthesis.service.expert import tool_call

_PATIENCE = 86_400.0
_HELP = (
    "Write what the policy says; a line that ends with a backslash goes on. A tool is called by "
    '/NAME {"argument": value}; /tools shows the tools, /quit stops.'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        "task",
        metavar="TASK",
        help="DOMAIN, DOMAIN/WORKFLOW or DOMAIN/WORKFLOW/LEAF of the library, or a file of tasks",
    )
    parser.add_argument("--row", type=int, default=0, metavar="N", help="of a file: which task, from 0 (default: 0)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the case, and of the session (default: 0)")
    parser.add_argument(
        "--size", choices=("small", "standard", "large"), default="standard", help="of a domain's policy document"
    )
    parser.add_argument(
        "--json", action="store_true", help="line by line for a program: reads {\"say\": TEXT} or {\"call\": NAME, "
        "\"arguments\": {...}}, writes what answers it; the end of the input stops without a verdict",
    )  # fmt: skip
    parser.add_argument(
        "--expert", action="store_true", help="only show the right course: what somebody says and calls who solves it"
    )
    add_prompt_key(parser)
    add_play_arguments(parser)
    parser.epilog = "Exit status: 0 where the task was solved or given up, 1 where it was not solved, 2 for bad input."


def run(arguments: argparse.Namespace) -> int:
    """Play; return the exit status.

    Raises:
        UserInputError: there is no such task, or naming the argument.
        BrokenTaskError: the task cannot be played.
        InfrastructureError: the environment or the user failed.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    task = _task(arguments)
    if arguments.expert:
        print(json.dumps(task.meta.get("plan", task.meta.get("normal_path")), ensure_ascii=False, indent=1))
        return 0
    settings = read_play_settings(arguments, turns_for([task]))
    table: _Table = _Lines(sys.stdin, sys.stdout) if arguments.json else _Terminal(wide_console(), sys.stdin)
    # People take their time.
    plan = replace(settings.session, trajectory_seconds=_PATIENCE)
    with naming_helper():
        trajectory = asyncio.run(Session(task, arguments.seed, plan).play(lambda one: _converse(one, table)))
    if trajectory is None:
        return 0
    result = asyncio.run(judge(task, trajectory))
    table.over(_verdict(task, trajectory, result))
    return 0 if result["acc"] >= 1 else 1


def _task(arguments: argparse.Namespace) -> Task:
    name: str = arguments.task
    if Path(name).is_file():
        tasks = read_tasks(name, arguments.prompt_key)
        if not 0 <= arguments.row < len(tasks):
            raise UserInputError(f"--row={arguments.row}: {name} has {len(tasks)} tasks, from 0")
        found: Task = tasks[arguments.row]
        return found
    domain, *rest = name.split("/")
    if domain not in domain_folders():
        known = ", ".join(domain_folders())
        raise UserInputError(f"{name!r} is no file of tasks, and no domain of the library; there are {known}")
    family = DomainFamily((domain,), {arguments.size: 1.0})
    fitting = [one for split in SPLITS for one in family.structures(split)]
    wanted = [one for one in fitting if _fits(one, rest)]
    if not wanted:
        raise UserInputError(f"{name!r}: no such workflow or leaf; there are {', '.join(sorted(map(_short, fitting)))}")
    rng = random.Random(f"play/{arguments.seed}")
    return family.generate(rng.choice(wanted), rng)


def _fits(structure: str, rest: list[str]) -> bool:
    _, workflow, _, leaf = structure.split("/")
    return rest == [workflow, leaf][: len(rest)]


def _short(structure: str) -> str:
    domain, workflow, _, leaf = structure.split("/")
    return f"{domain}/{workflow}/{leaf}"


class _Table(Protocol):
    """Where it is played: a terminal, or lines of JSON."""

    def begin(self, messages: list[Message], tools: list[dict[str, Any]]) -> None: ...

    def ask(self) -> str | None:
        """The next message, as the policy would write it; ``None`` to stop."""

    def answer(self, messages: list[Message]) -> None: ...

    def over(self, verdict: dict[str, Any]) -> None: ...


async def _converse(dialogue: Dialogue, table: _Table) -> Trajectory | None:
    tools = await dialogue.open()
    table.begin(list(dialogue.messages), tools)
    while not dialogue.done:
        text = table.ask()
        if text is None:
            return None
        said = len(dialogue.messages)
        await dialogue.feed(text)
        table.answer(dialogue.messages[said + 1 :])
    return dialogue.trajectory


def _verdict(task: Task, trajectory: Trajectory, result: dict[str, Any]) -> dict[str, Any]:
    difference = state_difference(task, trajectory)
    return {
        "end": trajectory.end.value if trajectory.end else None,
        "success": result["acc"] >= 1,
        "score": result["score"],
        "reason": result["reason"],
        "difference": [
            {"table": one.table, "missing": list(one.missing), "unexpected": list(one.unexpected)}
            for one in difference or ()
        ],
        "expert": task.meta.get("normal_path"),
        "leaf": task.structure,
    }


class _Lines:
    """One JSON object a line, in and out."""

    def __init__(self, source: TextIO, target: TextIO) -> None:
        self._source, self._target = source, target

    def begin(self, messages: list[Message], tools: list[dict[str, Any]]) -> None:
        self._write({"messages": messages, "tools": tools})

    def ask(self) -> str | None:
        line = self._source.readline()
        while line and not line.strip():
            line = self._source.readline()
        return _spoken(line) if line else None

    def answer(self, messages: list[Message]) -> None:
        self._write({"replies": messages})

    def over(self, verdict: dict[str, Any]) -> None:
        self._write({"verdict": verdict})

    def _write(self, data: dict[str, Any]) -> None:
        print(json.dumps(data, ensure_ascii=False, default=str), file=self._target, flush=True)


def _spoken(line: str) -> str:
    try:
        move = json.loads(line)
    except ValueError as error:
        raise UserInputError(f"a move is one JSON object in a line, not {line[:60]!r}: {error}") from error
    if isinstance(move, dict) and isinstance(move.get("say"), str) and set(move) == {"say"}:
        return str(move["say"])
    if isinstance(move, dict) and isinstance(move.get("call"), str) and set(move) <= {"call", "arguments"}:
        return tool_call(move["call"], move.get("arguments") or {})
    raise UserInputError(f'a move is {{"say": TEXT}} or {{"call": NAME, "arguments": {{...}}}}, not {line[:60]!r}')


class _Terminal:
    """A person at a terminal."""

    def __init__(self, console: Console, source: TextIO) -> None:
        self._console, self._source = console, source
        self._tools: list[dict[str, Any]] = []

    def begin(self, messages: list[Message], tools: list[dict[str, Any]]) -> None:
        self._tools = tools
        self.answer(messages)
        self._show_tools()
        self._console.print(plain_text(_HELP, style="dim"))

    def ask(self) -> str | None:
        while True:
            lines = list(self._lines())
            if not lines or lines[0].strip() == "/quit":
                return None
            if lines[0].strip() == "/tools":
                self._show_tools()
                continue
            if not lines[0].startswith("/"):
                return "\n".join(lines)
            name, _, arguments = "\n".join(lines)[1:].partition(" ")
            try:
                given = json.loads(arguments or "{}")
            except ValueError as error:
                self._console.print(plain_text(f"the arguments are no JSON object: {error}", style="red"))
                continue
            return tool_call(name, given)

    def answer(self, messages: list[Message]) -> None:
        for message in messages:
            self._console.print(Rule(plain_text(message["role"])))
            self._console.print(plain_text(message["content"]))

    def over(self, verdict: dict[str, Any]) -> None:
        self._console.print(Rule("verdict"))
        word = "solved" if verdict["success"] else f"not solved: {verdict['reason']}"
        self._console.print(plain_text(f"{word} (ended by {verdict['end']}; {verdict['leaf']})", style="bold"))
        for one in verdict["difference"]:
            for kind in ("missing", "unexpected"):
                for row in one[kind]:
                    self._console.print(plain_text(f"{one['table']}: {kind}: {json.dumps(row, default=str)}"))
        self._console.print(plain_text("The right course makes these calls:"))
        for call in verdict["expert"] or ():
            self._console.print(plain_text(f"  {call['name']}({json.dumps(call['arguments'], ensure_ascii=False)})"))

    def _lines(self) -> Iterator[str]:
        """What is written: one line, or several where each but the last ends with a backslash."""
        self._console.print("you> ", end="", style="bold green")
        line = self._source.readline()
        while line.rstrip("\n").endswith("\\"):
            yield line.rstrip("\n")[:-1]
            line = self._source.readline()
        if line.strip():
            yield line.rstrip("\n")

    def _show_tools(self) -> None:
        for tool in self._tools:
            function = tool["function"]
            arguments = json.dumps(function["parameters"].get("properties", {}), ensure_ascii=False)
            self._console.print(
                plain_text(f"/{function['name']} - {function['description']}  {arguments}", style="yellow")
            )
