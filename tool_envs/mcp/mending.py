"""What an MCP server says, made readable before the protocol's client sees it: it refuses all for one odd part.

The client checks whole lists and results against its models. Here the parts are read one by one: odd tools are left
out of a list, odd content is named, and a tool's failure that was told as an error of the protocol becomes a failed
result, which the policy reads.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import (
    CONNECTION_CLOSED,
    HEADER_MISMATCH,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    PARSE_ERROR,
    REQUEST_TIMEOUT,
    UNSUPPORTED_PROTOCOL_VERSION,
    URL_ELICITATION_REQUIRED,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)

from verl_agentic.tool_envs.mcp.framing import RESULT_TOO_LONG, UNREADABLE, UnreadableMessageError
from verl_agentic.tool_envs.mcp.http import HTTP_FAILED
from verl_agentic.tool_envs.mcp.tools import readable_result, readable_tools, text_result

logger = logging.getLogger(__name__)

_DISCOVER, _LIST, _CALL = "server/discover", "tools/list", "tools/call"
_OF_THE_PROTOCOL = frozenset({
    PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, REQUEST_TIMEOUT, HEADER_MISMATCH,
    MISSING_REQUIRED_CLIENT_CAPABILITY, UNSUPPORTED_PROTOCOL_VERSION, URL_ELICITATION_REQUIRED,
    RESULT_TOO_LONG, UNREADABLE, HTTP_FAILED,
})  # fmt: skip


def is_tools_failure(code: int, message: str) -> bool:
    """Whether an error reply to ``tools/call`` is the tool's word on the call, which the policy is to read.

    ============================================ ==============================================================
    -32603, -32602, -32002, other -32000…-32099  the tool's: servers put there what should be a failed result
    any code outside of -32768…-32000            the tool's: an application's own
    -32700, -32600, -32601                       ours: the request was not understood, or nobody answers calls
    -32001, -32020…-32022, -32042                ours: a deadline, the protocol's versions, a person is needed
    -32000 "Connection closed", "SSE stream …"   ours: the connection ended
    -32090…-32092                                ours: what stands here for replies that did not come whole
    ============================================ ==============================================================
    """
    if code == CONNECTION_CLOSED and message.lower().startswith(("connection closed", "sse stream")):
        return False
    return code not in _OF_THE_PROTOCOL


class Mending:
    """One connection's requests that wait, and what was found odd in the replies.

    Attributes:
        left_out: what is wrong with each tool that is not offered, by its name.
        probe_waits: whether the server has not answered what only servers of 2026 and later know.
    """

    def __init__(self) -> None:
        self.left_out: dict[str, str] = {}
        self.probe_waits = False
        self._methods: dict[RequestId, str] = {}
        self._told = False

    def sent(self, message: Any) -> RequestId | None:
        """Note what is sent; the id of a probe."""
        if isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._methods.pop((message.params or {}).get("requestId", ""), None)
        if not isinstance(message, JSONRPCRequest):
            return None
        self._methods[message.id] = message.method
        if message.method != _DISCOVER:
            return None
        self.probe_waits = True
        return message.id

    def received(self, item: SessionMessage | Exception) -> SessionMessage | Exception | None:
        """What the client is to see of ``item``, ``None`` for nothing."""
        if isinstance(item, UnreadableMessageError):
            return self._unreadable(item)
        if isinstance(item, Exception) or not isinstance(item.message, (JSONRPCResponse, JSONRPCError)):
            return item
        message = item.message
        method = self._methods.pop(message.id, "") if message.id is not None else ""
        if method == _DISCOVER:
            self.probe_waits = False
        if isinstance(message, JSONRPCResponse) and method == _LIST:
            return SessionMessage(self._list(message))
        if isinstance(message, JSONRPCResponse) and method == _CALL:
            return SessionMessage(message.model_copy(update={"result": readable_result(message.result)}))
        if isinstance(message, JSONRPCError) and message.id is not None and method == _CALL:
            error = message.error
            if is_tools_failure(error.code, error.message):
                failed = text_result(error.message or "the tool failed", is_error=True)
                return SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=message.id, result=failed))
        return item

    def gave_up(self, probe: RequestId) -> SessionMessage | None:
        """The reply to a probe that nobody answered, ``None`` where somebody did."""
        if self._methods.pop(probe, None) is None:
            return None
        return _refusal(probe, METHOD_NOT_FOUND, "no answer")

    def _list(self, message: JSONRPCResponse) -> JSONRPCResponse | JSONRPCError:
        listed = message.result.get("tools")
        if not isinstance(listed, list):
            what = f"its list of tools cannot be read: 'tools' is {type(listed).__name__}, no list"
            return _error(message.id, UNREADABLE, what)
        result = {**message.result, "tools": readable_tools(listed, self.left_out)}
        if not isinstance(result.get("nextCursor"), str) or not result["nextCursor"]:
            result.pop("nextCursor", None)
        return message.model_copy(update={"result": result})

    def _unreadable(self, error: UnreadableMessageError) -> SessionMessage | None:
        """The failure of the one request that waits, since the reply can only be its own.

        Where several wait, nothing: each has its deadline, and none is to fail for another.
        """
        waiting = [request for request, method in self._methods.items() if method != _DISCOVER]
        if len(waiting) == 1:
            del self._methods[waiting[0]]
            return _refusal(waiting[0], UNREADABLE, str(error))
        logger.log(
            logging.DEBUG if self._told else logging.WARNING,
            "an MCP server's reply to one of %d requests cannot be read: %s",
            len(waiting),
            error,
        )
        self._told = True
        return None


@asynccontextmanager
async def mended(
    transport: AbstractAsyncContextManager[Any], mending: Mending, probe_seconds: float = math.inf
) -> AsyncIterator[Any]:
    """The streams of a transport with what comes in made readable.

    Args:
        transport: yields a stream to read messages from, and one to write them to.
        mending: of this connection.
        probe_seconds: how long a server may take to answer what only those of 2026 and later know; a silent one is
            then taken for an older one, and what it says to it later is ignored.
    """
    async with transport as (inner, outward):
        inward, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, sent = anyio.create_memory_object_stream[SessionMessage](0)

        async def read() -> None:
            async with inner, inward:
                async for item in inner:
                    if (seen := mending.received(item)) is not None:
                        await inward.send(seen)

        async def write() -> None:
            async with sent, outward:
                async for item in sent:
                    probe = mending.sent(item.message)
                    await outward.send(item)
                    if probe is not None and probe_seconds < math.inf:
                        tasks.start_soon(ended, partial(expire, probe))

        async def expire(probe: RequestId) -> None:
            await anyio.sleep(probe_seconds)
            if (seen := mending.gave_up(probe)) is not None:
                await inward.send(seen)

        async def ended(work: Any) -> None:
            # The other side has gone: what it was to get or to say has no meaning any more.
            try:
                await work()
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                logger.debug("one side of a connection is closed")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ended, read)
            tasks.start_soon(ended, write)
            try:
                yield incoming, outgoing
            finally:
                tasks.cancel_scope.cancel()


def _error(request: RequestId, code: int, message: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request, error=ErrorData(code=code, message=message))


def _refusal(request: RequestId, code: int, message: str) -> SessionMessage:
    return SessionMessage(_error(request, code, message))
