"""Environments and servers that the cases share, and what they check with."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from outside_case import Case

RAW = Path(__file__).with_name("raw_mcp.py")
ECHO = {"name": "echo", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}


def case(kind: str, name: str, check: Callable[..., Any], *args: Any, sure: bool = True, **kwargs: Any) -> Case:
    """One that was reported."""
    return Case(kind, name, partial(check, *args, **kwargs), sure)


def own(kind: str, name: str, check: Callable[..., Any], *args: Any, sure: bool = True, **kwargs: Any) -> Case:
    """One around them."""
    return Case(kind, name, partial(check, *args, **kwargs), sure, own=True)


def equal(got: Any, expected: Any) -> None:
    assert got == expected, f"got {got!r}, expected {expected!r}"


def holds(text: str, *parts: str) -> None:
    missing = [part for part in parts if part not in text]
    assert not missing, f"got {text!r}, expected it to hold {missing}"


def a_task(env: str, **env_args: Any) -> Any:
    from verl_agentic.core import Task

    return Task("t", [{"role": "user", "content": "Hi."}], [], env, env_args, "none", None)


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': name, 'arguments': arguments})}\n</tool_call>"


@contextlib.asynccontextmanager
async def dialogue(env: str, options: dict[str, Any], **env_args: Any) -> AsyncIterator[Any]:
    """An opened dialogue: ``said(text)`` is what the tool says to it, ``tools`` what is offered."""
    from verl_agentic.rollout import Dialogue
    from verl_agentic.rollout.limits import DialogueLimits
    from verl_agentic.tool_envs import make_environment

    class Opened:
        def __init__(self) -> None:
            self.tools: list[dict[str, Any]] = []

        async def said(self, text: str) -> str:
            return str((await one.feed(text))[-1]["content"])

    opened = Opened()
    limits = DialogueLimits(call_seconds=8, grace_seconds=0.2)
    async with Dialogue(a_task(env, **env_args), make_environment(env, None, {env: options}), limits) as one:
        opened.tools = await one.open()
        yield opened


@contextlib.asynccontextmanager
async def raw(spec: dict[str, Any], **env_args: Any) -> AsyncIterator[Any]:
    """A dialogue with the tools of a scripted server."""
    server = {"command": [sys.executable, "-I", "-S", str(RAW), json.dumps(spec)]}
    options = {"servers": {"raw": server}, "share": "session", "start_seconds": 20.0, "check_seconds": 1.0}
    async with dialogue("mcp", options, **env_args) as opened:
        yield opened


async def failure_of(work: Any) -> Exception:
    """What it raises."""
    try:
        await work
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


async def opening(spec: dict[str, Any], **env_args: Any) -> None:
    async with raw(spec, **env_args):
        pass


def names(opened: Any) -> list[str]:
    return [tool["function"]["name"] for tool in opened.tools]


@contextlib.contextmanager
def warnings() -> Iterator[list[str]]:
    """Messages that are logged as warnings or worse meanwhile."""
    found: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    keeper = Keeper(logging.WARNING)
    logging.getLogger().addHandler(keeper)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(keeper)
