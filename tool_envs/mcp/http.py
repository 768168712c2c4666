"""Transport to an MCP server over streamable HTTP, with a bound on replies, in which a failed request fails alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp_types import HEADER_MISMATCH, MISSING_REQUIRED_CLIENT_CAPABILITY, UNSUPPORTED_PROTOCOL_VERSION

from verl_agentic.tool_envs.mcp.framing import clean_json, too_long_reply

HTTP_FAILED = -32092
"""JSON-RPC error code, of the range left to implementations, that stands for a request without a reply of its own."""

_VERSIONS = {HEADER_MISMATCH, MISSING_REQUIRED_CLIENT_CAPABILITY, UNSUPPORTED_PROTOCOL_VERSION}
_MENDS = {
    401: "; check headers_env, which names the variables that hold its credentials",
    403: "; check headers_env, which names the variables that hold its credentials",
    404: "; check the path of its url",
    405: "; check the path of its url",
    406: "; check the path of its url",
}
_SHOWN = 200

_TIMEOUT = httpx2.Timeout(30.0, read=300.0)
_LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)


@asynccontextmanager
async def http_transport(url: str, headers: Mapping[str, str], *, max_message_bytes: int) -> AsyncIterator[Any]:
    """The read and write streams of a connection to ``url``.

    Args:
        url: the server's endpoint.
        headers: sent with every request.
        max_message_bytes: longest reply; a longer one becomes an error reply.
    """
    transport = _BoundedTransport(httpx2.AsyncHTTPTransport(limits=_LIMITS), max_message_bytes)
    client = httpx2.AsyncClient(transport=transport, headers=dict(headers), timeout=_TIMEOUT)
    async with client, streamable_http_client(url, http_client=client, max_sse_event_size=max_message_bytes) as streams:
        yield streams


class _BoundedTransport(httpx2.AsyncBaseTransport):
    """Answers JSON-RPC requests whose reply is too long, or that do not get through, with an error reply.

    The protocol's own client would read a reply of any length, end the whole connection where a request fails, and say
    nothing of what the server's refusal was. What is no UTF-8, or half of a surrogate pair, is replaced.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, max_bytes: int) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request_id = _request_id(request)
        try:
            response = await self._inner.handle_async_request(request)
            if request_id is None:
                return response
            kind = response.headers.get("content-type", "").lower()
            if response.status_code >= 400:
                return await self._refused(request_id, response, in_session="mcp-session-id" in request.headers)
            if "json" in kind:
                return await self._read(request_id, response)
            if "event-stream" in kind and "content-encoding" not in response.headers:
                stream = _CleanEvents(response.stream, self._max_bytes)
                return httpx2.Response(response.status_code, headers=response.headers, stream=stream)
            return response
        except httpx2.TransportError as error:
            if request_id is None:
                raise
            return _failed(request_id, f"cannot be reached ({type(error).__name__}: {error}); check that it runs")

    async def _read(self, request_id: str | int, response: httpx2.Response) -> httpx2.Response:
        body = await self._body(response)
        if body is None:
            reply = too_long_reply(request_id, self._max_bytes)
            return httpx2.Response(200, json=reply.model_dump(by_alias=True, exclude_unset=True))
        kept = {k: v for k, v in response.headers.items() if k not in ("content-encoding", "content-length")}
        return httpx2.Response(response.status_code, headers=kept, content=clean_json(body))

    async def _refused(self, request_id: str | int, response: httpx2.Response, *, in_session: bool) -> httpx2.Response:
        """The server's own error reply where its body is one to this request, else one that tells the status."""
        body = clean_json(await self._body(response) or b"")
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        error = said.get("error") if isinstance(said, dict) else None
        if isinstance(error, dict) and (said.get("id") == request_id or error.get("code") in _VERSIONS):
            return httpx2.Response(200, json={"jsonrpc": "2.0", "id": request_id, "error": error})
        text = str(error.get("message")) if isinstance(error, dict) else body.decode("utf-8", "replace").strip()
        status = f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
        shown = f" ({text[:_SHOWN]})" if text and "<html" not in text[:_SHOWN].lower() else ""
        mend = _MENDS.get(response.status_code, "")
        if response.status_code == 404 and in_session:
            mend = "; it knows this session no more, as after a restart"
        return _failed(request_id, f"answered with {status}{shown}{mend}")

    async def _body(self, response: httpx2.Response) -> bytes | None:
        """All of a reply, ``None`` where it is too long."""
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes(1 << 16):
                body += chunk
                if len(body) > self._max_bytes:
                    return None
        finally:
            await response.aclose()
        return bytes(body)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _CleanEvents(httpx2.AsyncByteStream):
    """A stream of events, whose lines hold JSON each, with the lines cleaned.

    A line that is longer than ``max_bytes`` goes on as it comes: the client refuses it.
    """

    def __init__(self, inner: Any, max_bytes: int) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held: list[bytes] = []
        size = 0
        async for chunk in self._inner:
            whole, newline, rest = chunk.rpartition(b"\n")
            if newline:
                yield clean_json(b"".join(held) + whole + newline)
                held, size = [], 0
            held.append(rest)
            size += len(rest)
            if size > self._max_bytes:
                yield b"".join(held)
                held, size = [], 0
        yield clean_json(b"".join(held))

    async def aclose(self) -> None:
        await self._inner.aclose()


def _failed(request_id: str | int, message: str) -> httpx2.Response:
    error = {"code": HTTP_FAILED, "message": message}
    return httpx2.Response(200, json={"jsonrpc": "2.0", "id": request_id, "error": error})


def _request_id(request: httpx2.Request) -> str | int | None:
    """Id of the JSON-RPC request that is posted, ``None`` where nothing is that waits for a reply."""
    if request.method != "POST":
        return None
    try:
        message = json.loads(request.content)
    except (ValueError, httpx2.RequestNotRead):
        return None
    found = message.get("id") if isinstance(message, dict) and "method" in message else None
    return found if isinstance(found, (str, int)) else None
