"""The state machine of one trajectory: assistant text in, tool and user messages out."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, Message, Task, ToolCall, Trajectory, Turn
from verl_agentic.rollout.parse import RequestedCall, parse_assistant
from verl_agentic.tool_envs import Environment, ToolError


@dataclass(frozen=True, slots=True)
class DialogueLimits:
    """Bounds of one trajectory.

    Attributes:
        max_turns: assistant turns.
        max_tool_chars: characters of a tool's reply that reach the policy (the paper's 4096).
        max_parallel_calls: tool calls executed per assistant turn; further ones are refused.
        call_seconds: wall time of one tool call or user reply.
    """

    max_turns: int = 15
    max_tool_chars: int = 4096
    max_parallel_calls: int = 1
    call_seconds: float = 60.0


class Dialogue:
    """One task in one environment session.

    Usage: ``await open()``, then ``await feed(assistant_text)`` until :attr:`trajectory` has an ``end``, then
    ``await close()``.
    """

    def __init__(self, task: Task, env: Environment, limits: DialogueLimits | None = None, seed: int = 0) -> None:
        self.task = task
        self.env = env
        self.limits = limits or DialogueLimits()
        self.trajectory = Trajectory(task_id=task.id, seed=seed)
        self.messages: list[Message] = list(task.messages)
        self._validators: dict[str, jsonschema.Draft202012Validator] = {}
        self._closed = False

    @property
    def done(self) -> bool:
        return self.trajectory.end is not None

    async def open(self) -> list[dict[str, Any]]:
        """Open the session and return its tool schemas.

        Raises:
            BrokenTaskError: the task does not describe a world.
            InfrastructureError: the environment failed or took too long.
        """
        await self._guard("open", self.env.open(self.task, self.trajectory.seed))
        tools = self.env.tools()
        self._validators = {tool["function"]["name"]: _validator(tool["function"]) for tool in tools}
        return tools

    async def feed(self, text: str, tokens: int = 0, seconds: float = 0.0) -> list[Message]:
        """Act on one assistant message; return the messages that answer it (none when the dialogue ends).

        Raises:
            InfrastructureError: the environment or the user failed or took too long.
        """
        self._say("assistant", text, tokens, seconds)
        action = parse_assistant(text)
        replies: list[Message] = []
        if action.calls:
            for position, request in enumerate(action.calls):
                replies.append(await self._execute(request, position))
        elif action.answer is not None:
            self.trajectory.answer = action.answer
            self._end(End.ANSWER)
        elif action.transfer:
            self._end(End.TRANSFER)
        else:
            replies = await self._ask_user(action.message)
        if not self.done and self.assistant_turns >= self.limits.max_turns:
            self._end(End.MAX_TURNS)
        return [] if self.done else replies

    @property
    def assistant_turns(self) -> int:
        return sum(turn.role == "assistant" for turn in self.trajectory.turns)

    def stop(self, end: End) -> None:
        """End the dialogue from outside, for a limit that the caller counts."""
        if not self.done:
            self._end(end)

    async def close(self) -> None:
        """Close the session; safe to call twice."""
        if not self._closed:
            self._closed = True
            await self._guard("close", self.env.close())

    async def _execute(self, request: RequestedCall, position: int) -> Message:
        started = time.perf_counter()
        error: str | None = None
        if request.error:
            error, result = "malformed", f"Error: {request.error}"
        elif position >= self.limits.max_parallel_calls:
            error, result = "rejected", f"Error: at most {self.limits.max_parallel_calls} tool call(s) per turn"
        elif request.name not in self._validators:
            error = "unknown_tool"
            result = f"Error: unknown tool {request.name[:64]!r}; tools: {', '.join(self._validators)}"
        elif problem := _problem(self._validators[request.name], request.arguments):
            error, result = "bad_arguments", f"Error: {problem}"
        else:
            try:
                result = await self._guard(request.name, self.env.call(request.name, request.arguments))
            except ToolError as refusal:
                error, result = "rejected", f"Error: {refusal}"
        result = result[: self.limits.max_tool_chars]
        self.trajectory.calls.append(ToolCall(request.name, request.arguments, result, error))
        self._say("tool", result, 0, time.perf_counter() - started)
        return self.messages[-1]

    async def _ask_user(self, message: str) -> list[Message]:
        started = time.perf_counter()
        reply = await self._guard("the user", self.env.reply(message))
        if reply is None:
            self._end(End.NO_USER)
            return []
        if reply.content:
            self._say("user", reply.content, 0, time.perf_counter() - started)
        if reply.stop:
            self._end(End.USER_STOP)
            return []
        return [self.messages[-1]]

    async def _guard(self, what: str, awaitable: Any) -> Any:
        """Await environment code; anything it raises that is not the policy's or the task's is ours."""
        try:
            return await asyncio.wait_for(awaitable, self.limits.call_seconds)
        except (ToolError, BrokenTaskError, InfrastructureError):
            raise
        except asyncio.TimeoutError as error:
            raise InfrastructureError(f"{self.task.env}: {what} took over {self.limits.call_seconds} s") from error
        except Exception as error:
            raise InfrastructureError(f"{self.task.env}: {what} failed: {type(error).__name__}: {error}") from error

    def _say(self, role: str, content: str, tokens: int, seconds: float) -> None:
        self.messages.append({"role": role, "content": content})
        self.trajectory.turns.append(Turn(role, content, tokens, seconds))

    def _end(self, end: End) -> None:
        self.trajectory.end = end
        self.trajectory.state = self.env.state()


def _validator(function: dict[str, Any]) -> jsonschema.Draft202012Validator:
    schema = {"type": "object", **function.get("parameters", {})}
    key = json.dumps(schema, sort_keys=True)
    if key not in _validators:
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise BrokenTaskError(f"tool schema is not valid JSON schema: {error.message[:200]}") from error
        if len(_validators) >= _MAX_VALIDATORS:
            _validators.clear()
        _validators[key] = jsonschema.Draft202012Validator(schema)
    return _validators[key]


# Tasks of a family share their tools, and checking a schema costs more than a whole scripted dialogue.
_validators: dict[str, jsonschema.Draft202012Validator] = {}
_MAX_VALIDATORS = 1024


def _problem(validator: jsonschema.Draft202012Validator, arguments: dict[str, Any]) -> str | None:
    """Why ``arguments`` do not fit the tool's JSON schema, ``None`` when they do."""
    error = best_match(validator.iter_errors(arguments))
    if error is None:
        return None
    where = ".".join(str(part) for part in error.absolute_path)
    return f"bad arguments{' at ' + where if where else ''}: {error.message[:200]}"
