"""Transport to an MCP server over streamable HTTP, with a bound on replies, in which a failed request fails alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CONNECTION_CLOSED

from verl_agentic.tool_envs.mcp_framing import too_long_reply

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

    The protocol's own client would read a reply of any length, and end the whole connection where a request fails.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, max_bytes: int) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request_id = _request_id(request)
        try:
            response = await self._inner.handle_async_request(request)
            if request_id is None or "json" not in response.headers.get("content-type", ""):
                return response
            return await self._read(request_id, response)
        except httpx2.TransportError as error:
            if request_id is None:
                raise
            reply = {"code": CONNECTION_CLOSED, "message": f"{type(error).__name__}: {error}"}
            return httpx2.Response(200, json={"jsonrpc": "2.0", "id": request_id, "error": reply})

    async def _read(self, request_id: str | int, response: httpx2.Response) -> httpx2.Response:
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes(1 << 16):
                body += chunk
                if len(body) > self._max_bytes:
                    reply = too_long_reply(request_id, self._max_bytes)
                    return httpx2.Response(200, json=reply.model_dump(by_alias=True, exclude_unset=True))
        finally:
            await response.aclose()
        kept = {k: v for k, v in response.headers.items() if k not in ("content-encoding", "content-length")}
        return httpx2.Response(response.status_code, headers=kept, content=bytes(body))

    async def aclose(self) -> None:
        await self._inner.aclose()


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
