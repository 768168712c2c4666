"""Configuration of an endpoint (``agentic.llm``), typed and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from verl_agentic.core import UserInputError
from verl_agentic.core.checked import Count, Positive, Within, read, refuse_unknown, settings_of

Usd = Annotated[float, Within(least=0)]
"""US dollars."""
_Wait = Annotated[float, Within(least=0.01)]

NO_KEY = "EMPTY"
"""Sent to servers that want no key; vLLM's documentation uses the same word."""


@dataclass(frozen=True)
class Prices:
    """``agentic.llm.prices``: US dollars per million tokens.

    Attributes:
        prompt: of a request.
        completion: of a reply.
        cached: of what the server had cached of a request, ``None`` for the price of the others.
    """

    prompt: Usd = 0.0
    completion: Usd = 0.0
    cached: Usd | None = None


@dataclass(frozen=True)
class Budget:
    """``agentic.llm.budget``: what may be spent in all, as the ledger counts it; ``None`` for no limit.

    Attributes:
        usd: US dollars of the whole run; needs ``prices``. A hook's in a round are in ``agentic.flywheel.budget``.
        tokens: tokens of requests and replies.
    """

    usd: Usd | None = None
    tokens: Count | None = None


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
    max_tokens: Positive = 1024
    seed: int | None = None
    extra_body: dict[str, Any] = field(default_factory=dict)
    request_seconds: _Wait = 60.0
    budget_seconds: _Wait = 600.0
    concurrency: Positive | None = None
    max_reply_bytes: Annotated[int, Within(least=1024)] = 1 << 20
    reply_attempts: Positive = 3
    prices: Prices = field(default_factory=Prices)
    budget: Budget = field(default_factory=Budget)
    ledger: str | None = None
    cache: str | None = "auto"
    cache_bytes: Annotated[int, Within(least=1 << 16)] = 1 << 30

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
    # First, since a key that is missing may be one that is misspelt.
    refuse_unknown(config, (one.name for one in settings_of(LLMSettings)), "agentic.llm")
    for name in ("base_url", "model"):
        if not config.get(name):
            raise UserInputError(f"agentic.llm.{name} is not set; give the endpoint's {_EXAMPLES[name]}")
    # Null for either is what it is without: nothing that limits, nothing that costs.
    given = {name: value for name, value in config.items() if name not in ("prices", "budget") or value is not None}
    settings = read(LLMSettings, given, "agentic.llm")
    settings = replace(settings, base_url=settings.base_url.rstrip("/"))
    _check_url(settings.base_url)
    if settings.budget.usd is not None and not (settings.prices.prompt or settings.prices.completion):
        raise UserInputError("agentic.llm.budget.usd needs agentic.llm.prices, in US dollars per million tokens")
    return settings


_EXAMPLES = {"base_url": "URL, e.g. http://127.0.0.1:8000/v1", "model": "name of the model"}


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password:
        # Not shown: it holds the password.
        raise UserInputError("agentic.llm.base_url holds a name or password; give the key by agentic.llm.api_key_env")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise UserInputError(f"agentic.llm.base_url {url!r} is not an API's URL; write e.g. http://127.0.0.1:8000/v1")
