"""Several environments in one session."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any

from verl_agentic.core import BrokenTaskError, InfrastructureError, Task, UserInputError
from verl_agentic.tool_envs.base import Environment
from verl_agentic.tool_envs.registry import configured, environment_class, make_environment
from verl_agentic.tool_envs.users.base import User, UserReply

_KEY = "agentic.rollout.env_options.combined.parts"
_PART_KEYS = {"env", "options"}
_TASK_PART_KEYS = {"env", "env_args", "tools"}


class CombinedEnvironment(Environment):
    """The tools of several environments, each a named part with a world of its own.

    Configured parts are in every session; ``env_args`` adds parts, or says what the worlds of configured ones are::

        {"parts": {"world": {"env": "service", "env_args": {...}}, "search": {"env_args": {...}}}}

    ``env`` may be left out where the part is configured. A part has the options of its environment
    (``agentic.rollout.env_options.NAME``), a configured one besides those of its own. A part is opened with the task,
    its own ``env_args`` and, where given, its own ``tools`` in place of the task's. The final state holds each part's
    state under the part's name. The user's side is that of the one part that has one of its own, else the user's.
    """

    def __init__(
        self,
        user: User | None = None,
        *,
        parts: Mapping[str, Any] | None = None,
        env_options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Describe the configured parts.

        Args:
            user: the simulated user.
            parts: by name of the part, the name of an environment, or ``{"env": NAME, "options": {...}}``.
            env_options: options of environments by their names; a part's own go before these.

        Raises:
            UserInputError: a part is described wrongly, its environment does not exist, or refuses an option.
        """
        super().__init__(user)
        # A combined part has its own parts, not these again.
        self._env_options = {name: options for name, options in (env_options or {}).items() if name != "combined"}
        self._configured: dict[str, Environment] = {}
        self._names: dict[str, str] = {}
        for name, part in (parts or {}).items():
            self._names[name], options = _read_part(name, part)
            self._configured[name] = self._made(self._names[name], options, f"{_KEY}.{name}.options")
        self._parts: dict[str, Environment] = {}
        self._owners: dict[str, Environment] = {}
        self._schemas: list[dict[str, Any]] = []
        self._speaker: Environment | None = None

    async def open(self, task: Task, seed: int) -> None:
        """Open every part, in order.

        Raises:
            BrokenTaskError: the task's parts cannot be made, or two have a tool of one name.
        """
        described = _described(task)
        parts = {**self._configured, **{name: self._part(name, part) for name, part in described.items()}}
        if not parts:
            raise BrokenTaskError(f"no parts: give env_args.parts or {_KEY}")
        speakers = [name for name, part in parts.items() if _has_user_side(type(part))]
        if len(speakers) > 1:
            raise BrokenTaskError(f"parts {speakers[0]!r} and {speakers[1]!r} both have a user's side of their own")
        self._speaker = parts[speakers[0]] if speakers else None
        self.task = task
        if not self._speaker:
            self.user.open(task, seed)
        for name, part in parts.items():
            self._parts[name] = part  # closed also where it does not open
            own = described.get(name, {})
            try:
                await part.open(
                    dataclasses.replace(
                        task,
                        env=str(own.get("env", self._names.get(name))),
                        env_args=own.get("env_args", {}),
                        tools=own.get("tools", task.tools),
                    ),
                    seed,
                )
            except BrokenTaskError as error:
                raise BrokenTaskError(f"part {name!r}: {error}") from error
            self._add_tools(name, part)
        self.parallel_safe = all(getattr(part, "parallel_safe", False) for part in parts.values())

    def tools(self) -> list[dict[str, Any]]:
        return self._schemas

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        return await self._owners[name].call(name, arguments)

    async def user_call(self, name: str, arguments: dict[str, Any]) -> str:
        doers = [part for part in self._parts.values() if type(part).user_call is not Environment.user_call]
        if len(doers) != 1:
            return await super().user_call(name, arguments)
        return await doers[0].user_call(name, arguments)

    async def reply(self, message: str) -> UserReply | None:
        return await (self._speaker.reply(message) if self._speaker else super().reply(message))

    def state(self) -> dict[str, Any]:
        return {name: part.state() for name, part in self._parts.items()}

    async def close(self) -> None:
        """Close every part at once.

        Raises:
            InfrastructureError: some did not close; the others did.
        """
        parts, self._parts = self._parts, {}
        results = await asyncio.gather(*(part.close() for part in parts.values()), return_exceptions=True)
        failures = [
            f"part {name!r}: {type(result).__name__}: {result}"
            for name, result in zip(parts, results, strict=True)
            if isinstance(result, BaseException)
        ]
        if failures:
            raise InfrastructureError("; ".join(failures))

    def _part(self, name: str, described: Mapping[str, Any]) -> Environment:
        """The part that the task describes: the configured one of that name, or one of its own."""
        configured = self._names.get(name)
        wanted = described.get("env", configured)
        if wanted is None:
            raise BrokenTaskError(f"env_args.parts.{name} needs an 'env'")
        if configured is not None:
            if wanted != configured:
                raise BrokenTaskError(
                    f"env_args.parts.{name}.env is {wanted!r}, but it is configured as {configured!r}"
                )
            return self._configured[name]
        try:
            environment_class(str(wanted))
        except UserInputError as error:
            raise BrokenTaskError(f"env_args.parts.{name}: {error}") from error
        return self._made(str(wanted), {}, "")

    def _made(self, env: str, own: dict[str, Any], key: str) -> Environment:
        """A part of the environment called ``env``; ``key`` is where its own options are set."""
        cls = environment_class(env)
        user = self.user if _has_user_side(cls) else None
        if not own:
            return make_environment(env, user, self._env_options)
        shared = self._env_options.get(env) or {}
        return configured(cls, env, user, {**shared, **own}, key, self._env_options)

    def _add_tools(self, name: str, environment: Environment) -> None:
        for schema in environment.tools():
            tool = schema["function"]["name"]
            if tool in self._owners:
                other = next(part for part, one in self._parts.items() if one is self._owners[tool])
                raise BrokenTaskError(
                    f"parts {other!r} and {name!r} both have a tool {tool!r}; give each its own 'tools'"
                )
            self._owners[tool] = environment
            self._schemas.append(schema)


def _has_user_side(cls: type[Environment]) -> bool:
    return cls.reply is not Environment.reply


def _read_part(name: str, part: Any) -> tuple[str, dict[str, Any]]:
    part = {"env": part} if isinstance(part, str) else part
    if not isinstance(part, Mapping) or "env" not in part or set(part) - _PART_KEYS:
        raise UserInputError(f"{_KEY}.{name} must be an environment's name, or an object with 'env' and 'options'")
    return str(part["env"]), {str(key): value for key, value in (part.get("options") or {}).items()}


def _described(task: Task) -> dict[str, dict[str, Any]]:
    parts = task.env_args.get("parts", {})
    if not isinstance(parts, dict):
        raise BrokenTaskError("env_args.parts must be an object: parts by name")
    for name, part in parts.items():
        if not isinstance(part, dict) or set(part) - _TASK_PART_KEYS:
            keys = ", ".join(sorted(_TASK_PART_KEYS))
            raise BrokenTaskError(f"env_args.parts.{name} must be an object with keys among {keys}")
        if not isinstance(part.get("env_args", {}), dict) or not isinstance(part.get("tools", []), list):
            raise BrokenTaskError(f"env_args.parts.{name}: 'env_args' must be an object and 'tools' a list")
    return parts
