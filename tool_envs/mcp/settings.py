"""Which MCP servers there are: the options of the ``mcp`` environment, read and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp.client.stdio import get_default_environment

from verl_agentic.core import UserInputError

KEY = "agentic.rollout.env_options.mcp"

_STDIO_KEYS = {"command", "env", "cwd", "tools"}
_HTTP_KEYS = {"url", "headers_env", "tools"}
_Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """One server. Secrets are named, never held.

    Attributes:
        name: its name in the configuration.
        command: program and arguments of a server that we start, empty for one at ``url``.
        env: its environment variables beyond the usual, each with the name of ours that holds the value.
        cwd: its working directory, by default ours.
        url: endpoint of a server that runs already.
        headers_env: headers of every request, each with the name of the environment variable that holds the value.
        tools: names of those of its tools that are offered, ``None`` for all.
        start_seconds: longest start: process, handshake and list of tools.
        check_seconds: how long a server may take to list its tools once a call of its was given up.
        max_message_bytes: longest message of the server.
    """

    name: str
    command: tuple[str, ...] = ()
    env: _Pairs = ()
    cwd: str | None = None
    url: str = ""
    headers_env: _Pairs = ()
    tools: tuple[str, ...] | None = None
    start_seconds: float = 30.0
    check_seconds: float = 5.0
    max_message_bytes: int = 1 << 20

    def environment(self) -> dict[str, str]:
        """All environment variables of the server's process."""
        return {**get_default_environment(), **self._values("env", self.env)}

    def headers(self) -> dict[str, str]:
        """Headers with their values."""
        return self._values("headers_env", self.headers_env)

    def _values(self, key: str, pairs: _Pairs) -> dict[str, str]:
        for _, variable in pairs:
            if variable not in os.environ:
                raise UserInputError(f"{KEY}.servers.{self.name}.{key}: environment variable {variable} is not set")
        return {name: os.environ[variable] for name, variable in pairs}


def read_servers(servers: Any, **bounds: float) -> tuple[ServerSettings, ...]:
    """The servers that the option ``servers`` describes.

    Args:
        servers: by name, ``{"command": [...], "env": {...}, "cwd": ...}`` or ``{"url": ..., "headers_env": {...}}``,
            each with an optional list ``tools``.
        bounds: ``start_seconds``, ``check_seconds`` and ``max_message_bytes``, for every server.

    Raises:
        UserInputError: naming the key that is missing, unknown or wrong.
    """
    if not isinstance(servers, Mapping) or not servers:
        raise UserInputError(f"{KEY}.servers must name at least one server")
    return tuple(_read(str(name), server, bounds) for name, server in servers.items())


def _read(name: str, server: Any, bounds: Mapping[str, Any]) -> ServerSettings:
    key = f"{KEY}.servers.{name}"
    if not isinstance(server, Mapping) or ("command" in server) == ("url" in server):
        raise UserInputError(f"{key} needs either a 'command' or a 'url'")
    known = _STDIO_KEYS if "command" in server else _HTTP_KEYS
    if unknown := sorted(set(server) - known):
        raise UserInputError(f"{key}.{unknown[0]} is unknown; known: {', '.join(sorted(known))}")
    url = server.get("url", "")
    if "url" in server and (not isinstance(url, str) or not url.startswith(("http://", "https://"))):
        raise UserInputError(f"{key}.url must start with http:// or https://, got {url!r}")
    tools = server.get("tools")
    settings = ServerSettings(
        name=name,
        command=_texts(f"{key}.command", server.get("command", ())),
        env=_pairs(f"{key}.env", server.get("env")),
        cwd=server.get("cwd"),
        url=url,
        headers_env=_pairs(f"{key}.headers_env", server.get("headers_env")),
        tools=None if tools is None else _texts(f"{key}.tools", tools),
        **bounds,
    )
    if "command" in server and not settings.command:
        raise UserInputError(f"{key}.command must be a list: program and arguments")
    settings.environment()
    settings.headers()
    return settings


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise UserInputError(f"{key} must be a list of texts, got {value!r}")
    return tuple(value)


def _pairs(key: str, value: Any) -> _Pairs:
    value = {} if value is None else value
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
        raise UserInputError(f"{key} must give each name the name of an environment variable of ours")
    return tuple((str(name), variable) for name, variable in value.items())
