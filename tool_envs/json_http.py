"""JSON requests to tool services: bounded in number, time and size, repeated when that may help."""

from __future__ import annotations

import asyncio
import json
import random
import weakref
from typing import Any

from verl_agentic.core import InfrastructureError, UserInputError

_SHOWN = 200
_MAX_DELAY = 8.0


class JsonService:
    """``POST`` to one URL from one event loop; shared by the sessions there.

    Sessions that use it hold it: see :func:`hold` and :meth:`release`. Connections close with the last of them.
    """

    def __init__(self, url: str, concurrency: int) -> None:
        self.url = url
        self._slots = asyncio.Semaphore(concurrency)
        self._client: Any = None
        self._holders = 0

    async def post(self, payload: Any, *, seconds: float, retries: int, max_bytes: int = 1 << 24) -> Any:
        """The JSON reply to ``payload``.

        Args:
            payload: JSON data.
            seconds: of one attempt.
            retries: further attempts after a timeout, a broken connection, or a status of 429 or 5xx.
            max_bytes: longest reply.

        Raises:
            InfrastructureError: no attempt succeeded, or the service refused the request.
        """
        failure = ""
        async with self._slots:
            for attempt in range(retries + 1):
                if attempt:
                    await asyncio.sleep(min(_MAX_DELAY, 0.25 * 2**attempt) * random.uniform(0.5, 1.0))
                try:
                    status, body = await asyncio.wait_for(self._exchange(payload, max_bytes), seconds)
                except asyncio.TimeoutError:
                    failure = f"no reply within {seconds:g} s"
                    continue
                except (OSError, _client_error()) as error:
                    failure = f"{type(error).__name__}: {error}"[:_SHOWN]
                    continue
                said = body[:_SHOWN].decode("utf-8", "replace")
                if len(body) > max_bytes:
                    raise InfrastructureError(f"{self.url} replied with over {max_bytes} bytes")
                if status == 429 or status >= 500:
                    failure = f"status {status}: {said}"
                    continue
                if status != 200:
                    raise InfrastructureError(f"{self.url} refused the request with status {status}: {said}")
                try:
                    return json.loads(body)
                except (ValueError, RecursionError) as error:
                    raise InfrastructureError(f"{self.url} replied with what is not JSON: {said}") from error
        raise InfrastructureError(f"{self.url} failed {retries + 1} time(s), at last: {failure}")

    async def release(self) -> None:
        """Stop using it."""
        self._holders -= 1
        if self._holders == 0 and self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _exchange(self, payload: Any, max_bytes: int) -> tuple[int, bytes]:
        import aiohttp

        if self._client is None:
            # The slots bound the connections; timeouts are counted here, for one attempt as a whole.
            connector = aiohttp.TCPConnector(limit=0)
            self._client = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
        async with self._client.post(self.url, json=payload, headers={"Accept": "application/json"}) as response:
            body = bytearray()
            async for chunk in response.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > max_bytes:
                    break
            return response.status, bytes(body)


_services: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, JsonService]] = weakref.WeakKeyDictionary()


def hold(url: str, concurrency: int) -> JsonService:
    """The running event loop's service at ``url``, to be released; its first holder bounds its concurrency.

    Raises:
        UserInputError: aiohttp is not installed.
    """
    try:
        __import__("aiohttp")
    except ImportError as error:
        raise UserInputError("tools behind a URL need aiohttp; install it: pip install aiohttp") from error
    services = _services.setdefault(asyncio.get_running_loop(), {})
    service = services.setdefault(url, JsonService(url, concurrency))
    service._holders += 1
    return service


def _client_error() -> type[Exception]:
    import aiohttp

    return aiohttp.ClientError
