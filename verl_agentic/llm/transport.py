"""One HTTP request to an endpoint, and what its failure means."""

from __future__ import annotations

import asyncio
import email.utils
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import openai

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.core.chat import ContextFullError, MalformedReplyError, RefusedToolsError
from verl_agentic.llm.refusal import refused_parameter, refused_tools
from verl_agentic.llm.room import Room, room_left
from verl_agentic.llm.settings import LLMSettings
from verl_agentic.llm.told import Told, read_told
from verl_agentic.llm.wire import asked_length

_SHOWN = 300
_REDACTED = "[redacted]"
# Shorter keys are no secrets but words such as "EMPTY", which a reply may well contain.
_SECRET_LENGTH = 12
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
    """The request may pass without what :func:`verl_agentic.llm.refusal.refused_parameter` names."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class LongReplyError(Exception):
    """The request may pass if it allows the reply fewer tokens."""

    def __init__(self, room: Room, message: str) -> None:
        super().__init__(message)
        self.room = room


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
            LongReplyError: there is room for a shorter reply only.
            UserInputError: it knows no such key, model or path.
            ContextFullError: the request exceeds the model's context.
            RefusedToolsError: it does not take a tool's name or schema.
            MalformedReplyError: its reply is too long.
            InfrastructureError: it refused the request for another reason.
        """
        failure: Exception
        try:
            return self._scrub_bytes(await asyncio.wait_for(self._exchange(body), self._settings.request_seconds))
        except asyncio.TimeoutError:
            failure = RetryableError(f"no reply within {self._settings.request_seconds:g} s")
        except openai.APIStatusError as error:
            told = self._told(error)
            said = self._text(error)
            if told.words[: _SHOWN // 2] not in said:
                # The SDK shows those of OpenAI's form only.
                said = f"{said} - {told.words[:_SHOWN]}"
            failure = self._meaning(body, error.status_code, told, said, retry_after(error.response.headers))
        except openai.APIConnectionError as error:
            # Its cause tells more: refused connections come as timeouts, too.
            failure = RetryableError(f"connection failed: {self._text(error.__cause__ or error)}")
        raise failure

    def failure_told(self, sent: Mapping[str, Any], told: Told) -> Exception | None:
        """What an error in a response of status 200 means, as :meth:`post` raises it; ``None`` where that is open."""
        if told.status is None:
            return None
        return self._meaning(sent, told.status, told, told.words[:_SHOWN], None)

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

    def _meaning(self, sent: Mapping[str, Any], status: int, told: Told, detail: str, after: float | None) -> Exception:
        if told.code == "insufficient_quota":
            return InfrastructureError(f"{self._where}: the account's quota is spent ({detail})")
        if room := room_left(status, told.text, asked_length(sent)):
            return LongReplyError(room, detail) if room.tokens else ContextFullError(f"{self._where}: {detail}")
        if status in (400, 404, 422, 501):
            parameter = refused_parameter(sent, told.text, told.param)
            if parameter and (status != 404 or parameter == "tools"):
                return RefusedParameterError(parameter, detail)
            if status in (400, 422) and (tools := refused_tools(sent, told.text, told.param)):
                return RefusedToolsError(f"{self._where} does not take {tools} ({status}: {detail})")
        if status in (401, 403):
            variable = self._settings.api_key_env or "a variable that agentic.llm.api_key_env names"
            return UserInputError(f"{self._where} refused the key ({status}: {detail}); put a valid one in {variable}")
        if status == 404:
            return UserInputError(
                f"{self._where} has no model {self._settings.model!r}, or no chat completions at that URL "
                f"(404: {detail}); correct agentic.llm.model or agentic.llm.base_url"
            )
        if status in (408, 409, 425, 429) or status >= 500:
            return RetryableError(f"{status}: {detail}", after)
        return InfrastructureError(f"{self._where} refused the request ({status}: {detail})")

    @property
    def _where(self) -> str:
        return f"agentic.llm at {self._settings.base_url}"

    def _told(self, error: openai.APIStatusError) -> Told:
        told = read_told(error.body)
        words, text, code, param = map(self._scrub, (told.words, told.text, told.code, told.param))
        return replace(told, words=words, text=text, code=code, param=param)

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
