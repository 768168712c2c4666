"""Tools replayed from recordings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.core.canonical import ToolSignature, same_value
from verl_agentic.core.chat import ChatModel, make_chat_model
from verl_agentic.core.checked import check_arguments
from verl_agentic.core.untrusted.fence import clipped, encoded
from verl_agentic.tool_envs.base import Environment, ToolError
from verl_agentic.tool_envs.recorded.simulator import Answer, OutputChars, ToolSimulator
from verl_agentic.tool_envs.registry import register_environment
from verl_agentic.tool_envs.users.base import User

Path = Literal["normal", "hack"]
PATHS: tuple[Path, ...] = ("normal", "hack")

NO_OUTPUT = "The call was executed and returned nothing."
"""What the policy reads where a recording has no output."""

_WORLD_CHARS = 30_000


@dataclass(slots=True)
class _Recording:
    path: Path
    name: str
    arguments: dict[str, Any]
    output: str
    executed: bool = False
    repeats: list[int] = field(default_factory=list)
    """Positions in its path of every recording of this same call, itself included."""


@register_environment("replay")
class ReplayEnvironment(Environment):
    """A world known only from recordings of two ways through it.

    ``env_args`` is ``{"normal": [CALL, ...], "hack": [CALL, ...]}`` with ``CALL`` being
    ``{"name": str, "arguments": object, "output": JSON or null}``, in the order in which they were made. ``normal``
    is what a compliant agent does, ``hack`` what one does that breaks the policy; where both recorded a call, the
    normal output is given. The same call gets the same answer; where a path recorded a call twice, the later answer
    is due once all that it recorded in between was executed.

    A call that neither path recorded is refused, or, with ``llm``, answered by a language model that knows the calls of
    the normal path, those made so far, and ``env_args.background`` where there is one (see
    :class:`verl_agentic.tool_envs.recorded.simulator.ToolSimulator`).
    """

    def __init__(
        self, user: User | None = None, *, llm: Mapping[str, Any] | None = None, max_chars: OutputChars = 4000
    ) -> None:
        """Describe the session.

        Args:
            user: who talks with the policy.
            llm: the endpoint that answers what was not recorded (``agentic.llm``), ``None`` for none.
            max_chars: longest output of its answers.

        Raises:
            UserInputError: the endpoint cannot be used, or ``max_chars`` is too small.
        """
        super().__init__(user)
        check_arguments(ReplayEnvironment, {"max_chars": max_chars}, "agentic.rollout.env_options.replay")
        self._model: ChatModel | None = make_chat_model(llm) if llm else None
        self._max_chars = max_chars
        self._simulator: ToolSimulator | None = None
        self._paths: dict[Path, list[_Recording]] = {}
        self._signatures: dict[str, ToolSignature] = {}
        self._calls: list[dict[str, Any]] = []

    async def open(self, task: Task, seed: int) -> None:
        await super().open(task, seed)
        self._calls = []
        self._paths = {path: _recordings(task, path) for path in PATHS}
        every = [recording for path in PATHS for recording in self._paths[path]]
        functions = {tool["function"]["name"]: tool["function"] for tool in task.tools}
        if stranger := next((recording.name for recording in every if recording.name not in functions), None):
            raise BrokenTaskError(f"env_args records a call of {stranger!r}, which is none of the task's tools")
        self._signatures = {
            name: ToolSignature.of(function, (r.arguments for r in every if r.name == name))
            for name, function in functions.items()
        }
        for recordings in self._paths.values():
            for recording in recordings:
                recording.repeats = [
                    position
                    for position, other in enumerate(recordings)
                    if other.name == recording.name and same_value(other.arguments, recording.arguments)
                ]

        if self._model:
            world = _world(task, self._paths["normal"])
            self._simulator = ToolSimulator(self._model, task, world, seed, self._max_chars)

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """The recorded output, or that of the model.

        Raises:
            ToolError: nothing was recorded, or the model says that the call fails.
            InfrastructureError: the model gave no usable answer.
        """
        try:
            found = self._find(name, arguments)
        except RecursionError:
            raise ToolError("the arguments are nested too deep") from None
        noted: dict[str, Any] = {"name": name, "arguments": arguments, "recorded": found.path if found else None}
        self._calls.append(noted)
        if found is not None:
            output = self._answer(found)
            if self._simulator:
                self._simulator.happened(name, arguments, Answer(output))
            return output
        if self._simulator is None:
            raise ToolError(f"no record found for {name} with these arguments")
        answer = await self._simulator.answer(name, arguments)
        noted["simulated"] = True
        if not answer.ok:
            raise ToolError(answer.output)
        return answer.output

    def state(self) -> dict[str, Any]:
        """``{"calls": [{"name", "arguments", "recorded": "normal" | "hack" | None}, ...]}``, in order.

        Every call that reached the tools is listed; ``recorded`` says which path answered it, and ``simulated`` is
        true where a model did.
        """
        return {"calls": list(self._calls)}

    def _find(self, name: str, arguments: dict[str, Any]) -> _Recording | None:
        signature = self._signatures[name]
        candidates = [recording for path in PATHS for recording in self._paths[path] if recording.name == name]
        for recording in candidates:
            if recording.arguments == arguments:
                return recording
        for recording in candidates:
            if same_value(recording.arguments, arguments):
                return recording
        for path in PATHS:
            agreeing = [r for r in candidates if r.path == path and signature.agree(arguments, r.arguments)]
            # With two that differ in what is loose, nothing says which of them is meant.
            if agreeing:
                return agreeing[0] if len({r.repeats[0] for r in agreeing}) == 1 else None
        return None

    def _answer(self, found: _Recording) -> str:
        path = self._paths[found.path]
        current = path[found.repeats[0]]
        for earlier, later in zip(found.repeats, found.repeats[1:], strict=False):
            between = range(earlier + 1, later)
            due = all(path[position].executed for position in between) if between else path[earlier].executed
            if not due:
                break
            current = path[later]
        current.executed = True
        return current.output


def _recordings(task: Task, path: Path) -> list[_Recording]:
    calls = task.env_args.get(path)
    if not isinstance(calls, list):
        raise BrokenTaskError(f"env_args of a replay task needs a list {path!r}")
    recordings = []
    for position, call in enumerate(calls):
        if not (isinstance(call, dict) and isinstance(call.get("name"), str)):
            raise BrokenTaskError(f"env_args.{path}[{position}] has no 'name'")
        if not isinstance(call.get("arguments"), dict) or "output" not in call:
            raise BrokenTaskError(f"env_args.{path}[{position}] needs an object 'arguments' and an 'output'")
        recordings.append(_Recording(path, call["name"], call["arguments"], _render(call["output"])))
    return recordings


def _world(task: Task, recordings: list[_Recording]) -> str:
    """What the model is told of the world: its description, and what the tools returned when they were recorded."""
    background = task.env_args.get("background", "")
    if not isinstance(background, str):
        raise BrokenTaskError("env_args.background must be a text")
    lines = "\n".join(encoded({"tool": r.name, "arguments": r.arguments, "output": r.output}) for r in recordings)
    return clipped(
        f"{background}\nWhat the tools returned in another session, which began in the same world; nothing that it "
        f"wrote has happened in this one:\n{lines}\n",
        _WORLD_CHARS,
    )


def _render(output: Any) -> str:
    if output is None:
        return NO_OUTPUT
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
