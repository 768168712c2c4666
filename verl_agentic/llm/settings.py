"""Configuration of an endpoint (``agentic.llm``), typed and checked."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from verl_agentic.core import UserInputError

NO_KEY = "EMPTY"
"""Sent to servers that want no key; vLLM's documentation uses the same word."""


@dataclass(frozen=True)
class Prices:
    """``agentic.llm.prices``: US dollars per million tokens; ``cached`` defaults to ``prompt``."""

    prompt: float = 0.0
    completion: float = 0.0
    cached: float | None = None


@dataclass(frozen=True)
class Budget:
    """``agentic.llm.budget``: what may be spent in all, as the ledger counts it; ``None`` for no limit."""

    usd: float | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class LLMSettings:
    """``agentic.llm``.

    Attributes:
        base_url: the API's root, e.g. ``https://api.openai.com/v1``.
        model: name of the model at that endpoint.
        api_key_env: environment variable that holds the key, ``None`` for servers without one.
        temperature: of requests that set none; ``None`` leaves it to the server.
        max_tokens: longest reply of requests that set none.
        seed: of requests that set none; ``None`` sends none.
        extra_body: further fields of every request's body, e.g. ``chat_template_kwargs`` of vLLM.
        request_seconds: wall time of one HTTP request, from sending it to the last byte of the reply.
        budget_seconds: wall time of one completion, the wait for a free slot and all retries included.
        concurrency: requests under way at the endpoint at once, in this process; ``None`` for 32, or for what others
            at the same URL ask for.
        max_reply_bytes: longest HTTP reply that is read.
        reply_attempts: how often a malformed reply is asked for anew before giving up.
        prices: of tokens.
        budget: where to stop.
        ledger: SQLite file in which the processes of a run count usage together, ``None`` to count in this process.
        cache: SQLite file of replies, ``auto`` for one below the user's cache, ``None`` for no cache.
        cache_bytes: size at which the oldest replies are dropped.
    """

    base_url: str
    model: str
    api_key_env: str | None = "OPENAI_API_KEY"
    temperature: float | None = None
    max_tokens: int = 1024
    seed: int | None = None
    extra_body: dict[str, Any] = field(default_factory=dict)
    request_seconds: float = 60.0
    budget_seconds: float = 600.0
    concurrency: int | None = None
    max_reply_bytes: int = 1 << 20
    reply_attempts: int = 3
    prices: Prices = field(default_factory=Prices)
    budget: Budget = field(default_factory=Budget)
    ledger: str | None = None
    cache: str | None = "auto"
    cache_bytes: int = 1 << 30

    @property
    def cache_path(self) -> Path | None:
        """File of the reply cache; ``VERL_AGENTIC_CACHE`` moves ``auto`` from ``~/.cache/verl-agentic``."""
        if self.cache != "auto":
            return Path(self.cache).expanduser() if self.cache else None
        root = os.environ.get("VERL_AGENTIC_CACHE") or "~/.cache/verl-agentic"
        return Path(root).expanduser() / "llm" / "replies.db"

    @property
    def ledger_path(self) -> Path | None:
        """File of the ledger, ``None`` to count in memory."""
        return Path(self.ledger).expanduser() if self.ledger else None

    def api_key(self) -> str:
        """The key, read from the environment now; it is kept nowhere in the settings.

        Raises:
            UserInputError: the variable is not set, or holds what no HTTP header can.
        """
        if self.api_key_env is None:
            return NO_KEY
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise UserInputError(
                f"agentic.llm.api_key_env: environment variable {self.api_key_env} is not set; export it, "
                "or set agentic.llm.api_key_env=null for a server without keys"
            )
        if not (key.isascii() and key.isprintable()):
            raise UserInputError(f"environment variable {self.api_key_env} holds characters that no API key has")
        return key


def read_llm_settings(config: Mapping[str, Any]) -> LLMSettings:
    """Read and check plain data.

    Raises:
        UserInputError: naming the key that is missing, unknown or of a wrong value, and the mend.
    """
    values = _checked(LLMSettings, config, "agentic.llm")
    for key in ("base_url", "model"):
        if not values.get(key):
            raise UserInputError(f"agentic.llm.{key} is not set; give the endpoint's {_EXAMPLES[key]}")
    for key, kind in (("prices", Prices), ("budget", Budget)):
        values[key] = kind(**_checked(kind, values.get(key) or {}, f"agentic.llm.{key}"))
    values["base_url"] = values["base_url"].rstrip("/")
    settings = LLMSettings(**values)
    _check_url(settings.base_url)
    for name, least in _LEAST.items():
        value = getattr(settings, name)
        if value is not None and not (math.isfinite(value) and value >= least):
            raise UserInputError(f"agentic.llm.{name} must be at least {least}, got {value}")
    if settings.budget.usd is not None and not (settings.prices.prompt or settings.prices.completion):
        raise UserInputError("agentic.llm.budget.usd needs agentic.llm.prices, in US dollars per million tokens")
    return settings


_EXAMPLES = {"base_url": "URL, e.g. http://127.0.0.1:8000/v1", "model": "name of the model"}
_LEAST: dict[str, float] = {
    "max_tokens": 1,
    "request_seconds": 0.01,
    "budget_seconds": 0.01,
    "concurrency": 1,
    "max_reply_bytes": 1024,
    "reply_attempts": 1,
    "cache_bytes": 1 << 16,
}
_PRICED = {"prompt", "completion", "cached", "usd", "tokens"}
_OPTIONAL = {"api_key_env", "temperature", "seed", "ledger", "cache", "cached", "usd", "tokens"}
_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("base_url", "model", "api_key_env", "ledger", "cache"), str),
    **dict.fromkeys(("temperature", "request_seconds", "budget_seconds"), (int, float)),
    **dict.fromkeys(("prompt", "completion", "cached", "usd"), (int, float)),
    **dict.fromkeys(("max_tokens", "seed", "concurrency", "max_reply_bytes", "reply_attempts", "cache_bytes"), int),
    **dict.fromkeys(("extra_body", "prices", "budget"), Mapping),
    "tokens": int,
}


def _checked(kind: type, config: Mapping[str, Any], where: str) -> dict[str, Any]:
    known = [entry.name for entry in dataclasses.fields(kind)]
    for key, value in config.items():
        if key not in known:
            raise UserInputError(f"{where}.{key} is unknown; known keys: {', '.join(known)}")
        if value is None and (key in _OPTIONAL or key in ("prices", "budget", "base_url", "model")):
            continue
        wanted = _TYPES[key]
        if not isinstance(value, wanted) or isinstance(value, bool):
            names = " or ".join(one.__name__ for one in (wanted if isinstance(wanted, tuple) else (wanted,)))
            raise UserInputError(f"{where}.{key} must be {names}, got {value!r}")
        if isinstance(value, (int, float)) and key in _PRICED and not (math.isfinite(value) and value >= 0):
            raise UserInputError(f"{where}.{key} must not be negative, got {value}")
    return dict(config)


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password:
        # Not shown: it holds the password.
        raise UserInputError("agentic.llm.base_url holds a name or password; give the key by agentic.llm.api_key_env")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise UserInputError(f"agentic.llm.base_url {url!r} is not an API's URL; write e.g. http://127.0.0.1:8000/v1")
