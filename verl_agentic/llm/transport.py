"""One HTTP request to an endpoint, and what its failure means."""

from __future__ import annotations

import asyncio
import email.utils
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import openai

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.core.chat import ContextFullError, MalformedReplyError
from verl_agentic.llm.settings import LLMSettings
from verl_agentic.llm.wire import refused_parameter

_SHOWN = 300
_REDACTED = "[redacted]"
# Shorter keys are no secrets but words such as "EMPTY", which a reply may well contain.
_SECRET_LENGTH = 12
# How servers say that a request exceeds the model's context, besides OpenAI's code for it.
_CONTEXT = ("context length", "context size", "context window", "maximum model length", "max_model_len")
_KEPT_BYTES = 20_000


class RetryableError(Exception):
    """The same request may pass later.

    Args:
        message: what happened.
        after: seconds that the server asked to wait, ``None`` where it did not say.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class RefusedParameterError(Exception):
    """The request may pass without a parameter (a key of :data:`verl_agentic.llm.wire.REFUSABLE`)."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class Transport:
    """Connections to one endpoint with one key, on one event loop.

    The SDK's own retries are off: they are bounded by a count, not by time, and know nothing of the other requests
    to the same endpoint. Its exceptions are never chained to ours, since they hold the request with its key.

    Args:
        settings: the endpoint.
    """

    def __init__(self, settings: LLMSettings) -> None:
        self._settings = settings
        self._client: openai.AsyncOpenAI | None = None
        key = settings.api_key()
        # Closures keep the key out of attributes, and so out of every repr() and debugger's listing.
        self._new_client: Callable[[], openai.AsyncOpenAI] = lambda: openai.AsyncOpenAI(
            api_key=key,
            base_url=settings.base_url,
            max_retries=0,
            # The size of a reply is bounded as it comes in, so it must not be compressed.
            default_headers={"Accept-Encoding": "identity"},
            http_client=openai.DefaultAioHttpClient(),
        )
        self._scrub: Callable[[str], str] = lambda text: text.replace(key, _REDACTED)
        secret = key.encode() if len(key) >= _SECRET_LENGTH else None
        self._scrub_bytes: Callable[[bytes], bytes] = lambda data: (
            data.replace(secret, _REDACTED.encode()) if secret else data
        )

    async def post(self, body: Mapping[str, Any]) -> bytes:
        """The body of the endpoint's reply to ``POST /chat/completions``.

        Raises:
            RetryableError: it was overloaded, unreachable, interrupted or too slow.
            RefusedParameterError: it cannot do something that was asked.
            UserInputError: it knows no such key, model or path.
            ContextFullError: the request exceeds the model's context.
            MalformedReplyError: its reply is too long.
            InfrastructureError: it refused the request for another reason.
        """
        failure: Exception
        try:
            return self._scrub_bytes(await asyncio.wait_for(self._exchange(body), self._settings.request_seconds))
        except asyncio.TimeoutError:
            failure = RetryableError(f"no reply within {self._settings.request_seconds:g} s")
        except openai.APIStatusError as error:
            failure = self._meaning(body, error)
        except openai.APIConnectionError as error:
            # Its cause tells more: refused connections come as timeouts, too.
            failure = RetryableError(f"connection failed: {self._text(error.__cause__ or error)}")
        raise failure

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _exchange(self, body: Mapping[str, Any]) -> bytes:
        if self._client is None:
            self._client = self._new_client()
        rest = {key: value for key, value in body.items() if key not in ("model", "messages")}
        create: Any = self._client.chat.completions.with_streaming_response.create
        # The SDK's limit is for each read; ours is for the whole and comes first.
        limit = self._settings.request_seconds * 2
        async with create(model=body["model"], messages=body["messages"], extra_body=rest, timeout=limit) as response:
            return await self._read(response)

    async def _read(self, response: Any) -> bytes:
        received = bytearray()
        broken: str | None = None
        try:
            async for chunk in response.iter_bytes():
                received += chunk
                if len(received) > self._settings.max_reply_bytes:
                    break
        except Exception as error:
            # The SDK wraps what fails before the first byte only; after it, the HTTP library's own errors come through.
            broken = self._text(error)
        if broken is not None:
            raise RetryableError(f"connection broke within the reply: {broken}")
        if len(received) > self._settings.max_reply_bytes:
            raise MalformedReplyError(
                f"reply of over {self._settings.max_reply_bytes} bytes (max_reply_bytes)",
                content=self._scrub_bytes(bytes(received[:_KEPT_BYTES])).decode("utf-8", "replace"),
            )
        return bytes(received)

    def _meaning(self, sent: Mapping[str, Any], error: openai.APIStatusError) -> Exception:
        status, detail = error.status_code, self._text(error)
        if status in (400, 413, 422) and (
            error.code == "context_length_exceeded" or any(words in detail.lower() for words in _CONTEXT)
        ):
            return ContextFullError(f"{self._where}: {detail}")
        if status in (400, 422, 501) and (parameter := refused_parameter(sent, detail, error.param)):
            return RefusedParameterError(parameter, detail)
        if status in (401, 403):
            variable = self._settings.api_key_env or "a variable that agentic.llm.api_key_env names"
            return UserInputError(f"{self._where} refused the key ({status}: {detail}); put a valid one in {variable}")
        if status == 404:
            return UserInputError(
                f"{self._where} has no model {self._settings.model!r}, or no chat completions at that URL "
                f"(404: {detail}); correct agentic.llm.model or agentic.llm.base_url"
            )
        if error.code == "insufficient_quota":
            return InfrastructureError(f"{self._where}: the account's quota is spent ({detail})")
        if status in (408, 409, 425, 429) or status >= 500:
            return RetryableError(f"{status}: {detail}", retry_after(error.response.headers))
        return InfrastructureError(f"{self._where} refused the request ({status}: {detail})")

    @property
    def _where(self) -> str:
        return f"agentic.llm at {self._settings.base_url}"

    def _text(self, error: BaseException) -> str:
        return self._scrub(" ".join(f"{type(error).__name__}: {error}".split()))[:_SHOWN]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asked to wait: ``retry-after-ms``, or ``Retry-After`` as a number or a date."""
    try:
        if value := headers.get("retry-after-ms"):
            seconds = float(value) / 1000
        elif value := headers.get("retry-after"):
            try:
                seconds = float(value)
            except ValueError:
                seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        else:
            return None
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
