"""Search through a retrieval server that speaks Search-R1's protocol, with the queries of many sessions in a request.

``POST {"queries": [...], "topk": k, "return_scores": true}`` is answered by ``{"result": [[{"document": {"id",
"contents"}, "score"}, ...], ...]}``, one list for each query; the first line of ``contents`` is the title.
"""

from __future__ import annotations

import asyncio
import math
import weakref
from typing import Any

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.tool_envs.json_http import JsonService, hold
from verl_agentic.tool_envs.search.documents import Document, from_data

BATCH_SECONDS = 0.004
MAX_BATCH = 64


class SearchServer:
    """A retrieval server as one event loop's sessions share it; see :func:`hold_server`.

    Args:
        service: where requests go.
        seconds: of one request.
        retries: of a request.
    """

    def __init__(self, service: JsonService, seconds: float, retries: int) -> None:
        self._service = service
        self._seconds = seconds
        self._retries = retries
        self._open: dict[int, _Batch] = {}

    async def search(self, query: str, k: int) -> list[Document]:
        """The server's ``k`` best documents.

        Raises:
            InfrastructureError: the server failed, or replied with something else.
        """
        batch = self._open.get(k)
        if batch is None:
            batch = self._open[k] = _Batch()
            batch.task = asyncio.ensure_future(self._send(batch, k))
        position = len(batch.queries)
        batch.queries.append(query)
        batch.waiting += 1
        if len(batch.queries) >= MAX_BATCH:
            self._seal(batch, k)
        assert batch.task is not None
        try:
            results = await asyncio.shield(batch.task)
        except asyncio.CancelledError:
            batch.waiting -= 1
            if not batch.waiting:  # nobody is left to read the reply
                self._seal(batch, k)
                batch.task.cancel()
            raise
        return results[position][:k]

    async def release(self) -> None:
        """Stop using it."""
        await self._service.release()

    def _seal(self, batch: _Batch, k: int) -> None:
        if self._open.get(k) is batch:
            del self._open[k]
        batch.full.set()

    async def _send(self, batch: _Batch, k: int) -> list[list[Document]]:
        try:
            await asyncio.wait_for(batch.full.wait(), BATCH_SECONDS)
        except asyncio.TimeoutError:
            self._seal(batch, k)
        payload = {"queries": batch.queries, "topk": k, "return_scores": True}
        reply = await self._service.post(payload, seconds=self._seconds, retries=self._retries)
        results = reply.get("result") if isinstance(reply, dict) else None
        if not isinstance(results, list) or len(results) != len(batch.queries):
            raise InfrastructureError(f"{self._service.url} replied without a list of results for each query")
        return [self._documents(hits) for hits in results]

    def _documents(self, hits: Any) -> list[Document]:
        if not isinstance(hits, list):
            raise InfrastructureError(f"{self._service.url} replied with a result that is no list")
        return [self._document(hit, f"result {place}") for place, hit in enumerate(hits, 1)]

    def _document(self, hit: Any, where: str) -> Document:
        # Without scores some servers send the bare document.
        data, score = (hit["document"], hit.get("score")) if isinstance(hit, dict) and "document" in hit else (hit, 0)
        try:
            document = from_data(data, where)
        except UserInputError as error:
            raise InfrastructureError(f"{self._service.url}: {error}") from error
        number = float(score) if isinstance(score, (int, float)) and math.isfinite(score) else 0.0
        return Document(document.id, document.title, document.text, number)


class _Batch:
    """Queries on their way in one request."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.waiting = 0
        self.full = asyncio.Event()
        self.task: asyncio.Future[list[list[Document]]] | None = None


_Servers = dict[tuple[str, float, int], SearchServer]
_servers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Servers] = weakref.WeakKeyDictionary()


def hold_server(url: str, seconds: float, retries: int, concurrency: int) -> SearchServer:
    """The running event loop's server at ``url``, to be released.

    Raises:
        UserInputError: aiohttp is not installed.
    """
    service = hold(url, concurrency)
    servers = _servers.setdefault(asyncio.get_running_loop(), {})
    return servers.setdefault((url, seconds, retries), SearchServer(service, seconds, retries))
