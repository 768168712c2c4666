"""The state machine of one trajectory: assistant text in, tool and user messages out."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable
from types import TracebackType
from typing import Any, TypeVar

from verl_agentic.core import (
    BrokenTaskError,
    End,
    InfrastructureError,
    Message,
    Task,
    ToolCall,
    Trajectory,
    Turn,
    UserInputError,
)
from verl_agentic.core.chat import noting_failures
from verl_agentic.core.exits import ExitedError, exits_contained
from verl_agentic.core.messages.action import parse_assistant
from verl_agentic.core.messages.answers import final_answer
from verl_agentic.core.messages.calls import RequestedCall, typed
from verl_agentic.rollout.arguments import Arguments, tool_arguments
from verl_agentic.rollout.deadline import DeadlineError, because, gathered, within
from verl_agentic.rollout.limits import DialogueLimits, encodable, shortened
from verl_agentic.rollout.protocol import (
    HANDED_OVER,
    REMINDER_ROLE,
    TRANSFER_SCHEMA,
    TRANSFER_TOOL,
    hands_over_by_call,
    opening_messages,
    protocol_tools,
    reminder,
)
from verl_agentic.tool_envs import Environment, ToolError

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Dialogue:
    """One task in one environment session.

    Usage::

        async with Dialogue(task, env) as dialogue:
            tools = await dialogue.open()
            while not dialogue.done:
                await dialogue.feed(text)

    Calls of one turn run at once where the environment is ``parallel_safe``, else one after the other; their results
    go back in the order of the calls either way. What ends a dialogue through its limits is the policy's doing
    (:data:`verl_agentic.core.trajectory.LIMITS`); a deadline that a tool or a user does not keep is ours, and raises.

    Attributes:
        messages: everything said so far, first what the policy is told (:mod:`verl_agentic.rollout.protocol`).
        trajectory: the record; it has an ``end`` once the dialogue is over.
        cut_short: what was being awaited when the dialogue was cancelled, for whoever has to say what hung.
    """

    def __init__(self, task: Task, env: Environment, limits: DialogueLimits | None = None, seed: int = 0) -> None:
        self.task = task
        self.env = env
        self.limits = limits or DialogueLimits()
        self.trajectory = Trajectory(task_id=task.id, seed=seed, env=task.env)
        self.messages: list[Message] = opening_messages(task, self.limits)
        self.assistant_turns = 0
        self.cut_short: list[str] = []
        self._arguments: dict[str, Arguments] = {}
        self._transfer: Arguments | None = None
        self._offered = ""
        self._max_repeats = self.limits.repeats_in(task)
        self._repeated: tuple[str, int] = ("", 0)  # the last call with its result, and how often in a row
        self._closed = False

    @property
    def done(self) -> bool:
        return self.trajectory.end is not None

    async def __aenter__(self) -> Dialogue:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.close()
        except InfrastructureError as failure:
            if error is None:
                raise
            # What went wrong first is what counts.
            logger.warning("%s", failure)

    async def open(self) -> list[dict[str, Any]]:
        """Open the session and return the schemas of the tools that the policy has.

        Raises:
            BrokenTaskError: the task does not describe a world, or the schema of a tool is none.
            UserInputError: the environment is not configured as the task needs it.
            InfrastructureError: the environment failed or took too long.
        """
        seed = self.trajectory.seed
        try:
            await self._ours("opening the session", self.env.open(self.task, seed), self.limits.open_seconds)
            with exits_contained():
                tools = self.env.tools()
        except (BrokenTaskError, UserInputError, InfrastructureError):
            raise
        except Exception as error:
            raise self._failure("opening the session", error) from error
        self._arguments = tool_arguments(tools)
        if hands_over_by_call(self.task) and TRANSFER_TOOL not in self._arguments:
            # Read also where the protocol has another way to hand over.
            self._transfer = tool_arguments([TRANSFER_SCHEMA])[TRANSFER_TOOL]
        offered = protocol_tools(self.task, self.limits, tools)
        self._offered = ", ".join(tool["function"]["name"] for tool in offered)
        return offered

    async def feed(self, text: str, tokens: int = 0, seconds: float = 0.0) -> list[Message]:
        """Act on one assistant message; return the messages that answer it (none when the dialogue ends).

        Args:
            text: the message.
            tokens: how many tokens it is, for the record.
            seconds: how long it took to write, for the record.

        Raises:
            BrokenTaskError: the schema of a tool turns out to be none.
            InfrastructureError: the environment or the user failed or took too long.
        """
        self._spoken(text, tokens, seconds)
        action = parse_assistant(text)
        if action.calls:
            replies = await self._execute(action.calls, action.more_calls)
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

    def cut_off(self, text: str, tokens: int = 0, seconds: float = 0.0) -> None:
        """Record a message that a token limit cut in the middle; it is never acted on, and ends the dialogue.

        Raises:
            InfrastructureError: the final state cannot be read.
        """
        self._spoken(text, tokens, seconds)
        self.stop(End.MAX_TOKENS)

    def stop(self, end: End) -> None:
        """End the dialogue from outside, for a limit that the caller counts.

        Raises:
            InfrastructureError: the final state cannot be read.
        """
        if not self.done:
            self._end(end)

    async def close(self) -> None:
        """Close the session; safe to call twice.

        Raises:
            InfrastructureError: the environment failed to, or took too long.
        """
        if self._closed:
            return
        self._closed = True
        try:
            await self._ours("closing the session", self.env.close())
        except InfrastructureError:
            raise
        except Exception as error:
            raise self._failure("closing the session", error) from error

    # Tools

    async def _execute(self, requests: list[RequestedCall], more: int) -> list[Message]:
        if len(requests) > 1 and self.env.parallel_safe:
            done = await gathered([self._call(*pair) for pair in enumerate(requests)], 2 * self.limits.grace_seconds)
        else:
            done = [await self._call(*pair) for pair in enumerate(requests)]
        if more:
            done[-1][0].result += f"; {more} more calls were ignored"
        for call, seconds in done:
            self.trajectory.calls.append(call)
            self._heard("tool", call.result, seconds)
        if self._transfer and any(call.name == TRANSFER_TOOL and call.error is None for call, _ in done):
            self._end(End.TRANSFER)
        elif self._max_repeats and self._repeats([call for call, _ in done]) >= self._max_repeats:
            self._end(End.LOOP)
        return self.messages[-len(done) :]

    def _repeats(self, calls: list[ToolCall]) -> int:
        """How often in a row the same call has had the same result, these calls included."""
        most = 0
        for call in calls:
            if call.error in ("malformed", "too_many"):  # which says nothing of the call itself
                continue
            made = json.dumps([call.name, call.arguments, call.result, call.error], sort_keys=True, default=str)
            self._repeated = made, self._repeated[1] + 1 if made == self._repeated[0] else 1
            most = max(most, self._repeated[1])
        return most

    async def _call(self, position: int, request: RequestedCall) -> tuple[ToolCall, float]:
        """Execute one call; say what became of it and how long it took."""
        started = time.perf_counter()
        name, arguments = request.name, request.arguments
        known = self._transfer if self._transfer and name == TRANSFER_TOOL else self._arguments.get(name)
        if known and request.untyped:
            arguments = typed(arguments, known.schema)
        error: str | None = None
        if request.error:
            error, result = "malformed", request.error
        elif position >= self.limits.max_parallel_calls:
            error, result = "too_many", f"at most {self.limits.max_parallel_calls} tool call(s) per turn"
        elif known is None:
            error, result = "unknown_tool", f"unknown tool {name[:64]!r}; tools: {self._offered}"
        elif problem := known.problem(arguments):
            error, result = "bad_arguments", problem
        elif known is self._transfer:
            result = HANDED_OVER
        else:
            try:
                result = await self._ours(f"tool {name!r}", self.env.call(name, arguments))
                if not isinstance(result, str):
                    raise InfrastructureError(
                        f"{self.task.env}: tool {name!r} returned {type(result).__name__}, not text"
                    )
            except ToolError as refusal:
                error, result = "rejected", str(refusal)
            except UserInputError as failure:
                raise self._failure(f"tool {name!r}", failure) from failure
        result = result if error is None else f"Error: {result}"
        result = shortened(encodable(result), self.limits.max_tool_chars)
        return ToolCall(name, arguments, result, error), time.perf_counter() - started

    # The user

    async def _ask_user(self, message: str) -> list[Message]:
        self._repeated = ("", 0)
        started = time.perf_counter()
        try:
            reply = await self._ours("the user", self.env.reply(message))
        except (ToolError, UserInputError) as error:
            raise self._failure("the user", error) from error
        if reply is None:
            if self.task.answer_in_text:
                # There is nobody to read it but who judges it.
                self.trajectory.answer = final_answer(message)
            if self.trajectory.answer is None and self._may_remind():
                self.trajectory.reminders += 1
                self._heard(REMINDER_ROLE, reminder(self.task), 0.0)
                return [self.messages[-1]]
            self._end(End.NO_USER if self.trajectory.answer is None else End.ANSWER)
            return []
        if reply.content:
            self._heard("user", encodable(reply.content), time.perf_counter() - started)
        if reply.stop:
            self._end(End.USER_STOP)
            return []
        if not reply.content:
            raise InfrastructureError(f"{self.task.env}: the user said nothing, and did not end the dialogue")
        return [self.messages[-1]]

    def _may_remind(self) -> bool:
        return (
            self.task.register == "natural"
            and self.trajectory.reminders < self.limits.reminders
            and self.assistant_turns < self.limits.max_turns
        )

    # What is common

    async def _ours(self, what: str, work: Awaitable[T], seconds: float | None = None) -> T:
        """Await environment code by its deadline; what it raises that is not the policy's or the task's is ours."""
        seconds = seconds or self.limits.call_seconds
        failures: list[str] = []
        try:
            with noting_failures() as failures:
                return await within(work, seconds, self.limits.grace_seconds)
        except (ToolError, BrokenTaskError, UserInputError, InfrastructureError):
            raise
        except asyncio.TimeoutError as error:
            raise DeadlineError(f"{self.task.env}: {what} took over {seconds:g} s{because(failures)}", what) from error
        except asyncio.CancelledError:
            self.cut_short.append(what)
            raise
        except Exception as error:
            raise self._failure(what, error) from error

    def _failure(self, what: str, error: Exception) -> InfrastructureError:
        kind = "it" if isinstance(error, ExitedError) else f"{type(error).__name__}:"
        return InfrastructureError(f"{self.task.env}: {what} failed: {kind} {error}")

    def _spoken(self, text: str, tokens: int, seconds: float) -> None:
        self.assistant_turns += 1
        self.messages.append({"role": "assistant", "content": text})
        self.trajectory.turns.append(Turn("assistant", text, tokens, seconds))

    def _heard(self, role: str, content: str, seconds: float) -> None:
        self.messages.append({"role": role, "content": content})
        self.trajectory.turns.append(Turn(role, content, 0, seconds))

    def _end(self, end: End) -> None:
        try:
            with exits_contained():
                self.trajectory.state = self.env.state()
                self.trajectory.user = {str(name): int(count) for name, count in self.env.user.counts().items()}
        except InfrastructureError:
            raise
        except Exception as error:
            raise self._failure("reading the final state", error) from error
        self.trajectory.end = end
