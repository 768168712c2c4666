"""A chat model behind any endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jsonschema

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.core.chat import ChatReply, ChatRequest, ChatUsage, MalformedReplyError, RefusalError, note_failure
from verl_agentic.llm.background import close_at_exit, run_in_background
from verl_agentic.llm.cache import ReplyCache, reply_key
from verl_agentic.llm.endpoint import PausedError, shared_endpoint
from verl_agentic.llm.ledger import Ledger
from verl_agentic.llm.reply import read_body, read_content, read_structured, read_usage, read_verbatim
from verl_agentic.llm.settings import Budget, LLMSettings
from verl_agentic.llm.told import error_in
from verl_agentic.llm.transport import LongReplyError, RefusedParameterError, RetryableError, Transport
from verl_agentic.llm.wire import adapted_body, asked_length, request_body

logger = logging.getLogger(__name__)

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_KEPT_CHARS = 20_000
# Trainers seed the global generator alike in every process; retries in step would arrive together again.
_jitter = random.SystemRandom()


class EndpointModel:
    """Implements :class:`verl_agentic.core.chat.ChatModel`.

    Attributes:
        settings: the endpoint and its limits.
        transport: connections of this model.
        endpoint: what it shares with other models at the same URL.
        ledger: what its replies took.
        cache: its replies, ``None`` where they are not kept.
        warned: whether the log says that the endpoint reports no usage.

    Raises:
        UserInputError: the key is missing, or a file cannot be used.
    """

    def __init__(self, settings: LLMSettings) -> None:
        self.settings = settings
        self.transport = Transport(settings)
        self.endpoint = shared_endpoint(settings.base_url, settings.concurrency)
        self.ledger = Ledger(settings.ledger_path, settings.budget)
        path = settings.cache_path
        self.cache = ReplyCache(path, settings.cache_bytes) if path else None
        self.warned = False
        close_at_exit(self.transport.close)

    async def complete(self, request: ChatRequest) -> ChatReply:
        """See :meth:`verl_agentic.core.chat.ChatModel.complete`."""
        return await run_in_background(_Completion(self, request).run())

    def metrics(self) -> dict[str, float]:
        """Counters as ``llm/MODEL/PURPOSE/COUNTER``; over all processes that share the ledger."""
        return {
            f"llm/{model}/{purpose}/{counter}": float(value)
            for (model, purpose), counters in self.ledger.rows().items()
            for counter, value in counters.items()
        }


class _Completion:
    """One request on its way to a usable reply, within its time. Runs on the background loop."""

    def __init__(self, model: EndpointModel, request: ChatRequest) -> None:
        self._model = model
        self._settings = model.settings
        self._request = request
        self._schema = _checked_schema(request.schema)
        self._body = request_body(self._settings, request)
        self._key = reply_key(self._settings.base_url, self._body, self._schema, request.sample, request.nonce)
        self._ends = time.monotonic() + self._settings.budget_seconds
        self._failure = "no free slot at the endpoint; raise agentic.llm.concurrency or agentic.llm.budget_seconds"
        self._failures = 0
        self._malformed = 0
        self._usage = ChatUsage()
        self._seconds = 0.0
        self._room: int | None = None

    async def run(self) -> ChatReply:
        known = await asyncio.to_thread(self._look_up)
        if known is not None:
            return known
        try:
            return await asyncio.wait_for(self._ask(), self._settings.budget_seconds)
        except asyncio.TimeoutError:
            pass
        raise self._out_of_time()

    def _look_up(self) -> ChatReply | None:
        if self._request.verbatim or self._model.cache is None:
            return None
        content = self._model.cache.get(self._key)
        if content is None:
            return None
        try:
            parsed = self._parsed(content)
        except ValueError:
            return None  # not as it was kept; ask anew
        self._model.ledger.add(self._settings.model, self._request.purpose, ChatUsage(), cache_hit=True)
        return ChatReply(content, parsed, cached=True)

    async def _ask(self) -> ChatReply:
        endpoint, model = self._model.endpoint, self._settings.model
        while True:
            refused = endpoint.refused(model)
            longest = min(filter(None, (self._room, endpoint.longest(model))), default=None)
            body = adapted_body(self._body, self._schema, refused, self._malformed, longest)
            delay = 0.0
            try:
                async with endpoint.slot(self._ends):
                    await asyncio.to_thread(self._model.ledger.check)
                    self._failure = "the request was under way"
                    started = time.monotonic()
                    received = await self._model.transport.post(body)
                    self._seconds = time.monotonic() - started
                reply_body, problem = _read(received)
                await self._check_for_error(body, reply_body)
            except PausedError as error:
                raise InfrastructureError(f"{self._where}: {error}") from None
            except RefusedParameterError as error:
                if error.parameter in refused:  # it was sent under another name, and that is refused, too
                    raise InfrastructureError(f"{self._where} refused the request: {error}") from None
                endpoint.refuse(model, error.parameter)
                continue
            except LongReplyError as error:
                self._room = error.room.tokens
                if error.room.always:
                    endpoint.shorten(model, self._room)
                continue
            except RetryableError as error:
                delay = self._delay(error)
            else:
                # A reply is paid for: what it took and said is kept also if nobody waits for it any more.
                settling = self._settle(received, reply_body, problem, asked_length(body))
                reply = await asyncio.shield(asyncio.ensure_future(settling))
                if reply is not None:
                    note_failure("")
                    return reply
            if time.monotonic() + delay >= self._ends:
                raise self._out_of_time()
            await asyncio.sleep(delay)

    async def _check_for_error(self, sent: Mapping[str, Any], body: Any) -> None:
        """Raise for an error that came with status 200 as for one that came with its own."""
        told = error_in(body)
        failure = self._model.transport.failure_told(sent, told) if told else None
        if failure is None:
            return
        if usage := read_usage(body, self._settings.prices):
            self._usage += usage
            await asyncio.to_thread(self._keep, usage, None)
        raise failure

    async def _settle(self, received: bytes, body: Any, problem: str, longest: int) -> ChatReply | None:
        """Count a reply and keep it; ``None`` for a malformed one that may be asked for anew."""
        reply, content = ChatReply(""), ""
        refusal: RefusalError | None = None
        try:
            if problem:
                pass
            elif self._request.verbatim:
                reply = read_verbatim(body, longest)
            else:
                content = read_content(body)
                reply = ChatReply(content, self._parsed(content))
        except RefusalError as error:
            refusal = error
        except ValueError as error:
            problem = str(error)
        usage = self._counted(body)
        self._usage += usage
        usable = not problem and refusal is None
        # Of a verbatim reply the text is not all.
        await asyncio.to_thread(self._keep, usage, reply.content if usable and not self._request.verbatim else None)
        if refusal is not None:
            raise refusal
        if usable:
            spent = replace(self._usage, retries=self._failures + self._malformed)
            return replace(reply, usage=spent, seconds=self._seconds)
        self._malformed += 1
        self._failure = problem
        if self._malformed >= (self._request.attempts or self._settings.reply_attempts):
            raise MalformedReplyError(
                f"{self._where}: {self._malformed} malformed replies, the last: {problem}",
                problem,
                (content or received.decode("utf-8", "replace"))[:_KEPT_CHARS],
                self._usage,
            )
        return None

    def _keep(self, usage: ChatUsage, content: str | None) -> None:
        if content is not None and self._model.cache is not None:
            self._model.cache.put(self._key, content)
        self._model.ledger.add(self._settings.model, self._request.purpose, usage)

    def _counted(self, body: Any) -> ChatUsage:
        usage = read_usage(body, self._settings.prices)
        if usage is None and isinstance(body, dict) and body.get("choices"):
            if self._settings.budget != Budget():
                raise UserInputError(
                    f"{self._where} reports no usage, so agentic.llm.budget cannot be kept; set it to null"
                )
            if not self._model.warned:
                self._model.warned = True
                logger.warning("%s reports no usage; its tokens and cost are counted as 0", self._where)
        return usage or ChatUsage()

    def _parsed(self, content: str) -> Any:
        if self._schema is None:
            return None
        value = read_structured(content, self._schema)
        if self._request.check is not None and (problem := self._request.check(value)):
            raise ValueError(problem)
        return value

    def _delay(self, error: RetryableError) -> float:
        """Exponential backoff with full jitter, unless the server said how long."""
        self._failure = str(error)
        self._failures += 1
        self._model.endpoint.failed(self._failure)
        note_failure(f"{self._where}: {self._failure}")
        if error.after is not None:
            self._model.endpoint.pause(error.after, self._settings.budget_seconds, self._failure)
            return 0.0  # the endpoint waits
        return _jitter.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(self._failures - 1, 16)))

    def _out_of_time(self) -> InfrastructureError:
        tries = self._failures + self._malformed
        return InfrastructureError(
            f"{self._where}: no reply within {self._settings.budget_seconds:g} s and {tries} failed attempts; "
            f"the last: {self._failure}"
        )

    @property
    def _where(self) -> str:
        return f"agentic.llm at {self._settings.base_url}"


def _read(received: bytes) -> tuple[Any, str]:
    """The body of a response, or why it is none."""
    try:
        return read_body(received), ""
    except ValueError as error:
        return None, str(error)


def _checked_schema(schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if schema is None:
        return None
    text = json.dumps(schema)
    _check_schema(text)
    plain: dict[str, Any] = json.loads(text)
    return plain


@lru_cache(maxsize=64)  # the check of a large schema takes a tenth of a second, and one schema serves many requests
def _check_schema(text: str) -> None:
    try:
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
    except jsonschema.SchemaError as error:
        raise UserInputError(f"the reply's schema is not a JSON schema: {error.message}") from error
