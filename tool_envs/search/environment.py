"""Search: the policy asks, and reads the beginnings of the documents that fit best."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Protocol

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.core.checked import Count, Positive, Seconds, Within, check_arguments
from verl_agentic.isolation.threads import shared_threads
from verl_agentic.tool_envs.base import Environment, ToolError
from verl_agentic.tool_envs.search.documents import Document, from_data
from verl_agentic.tool_envs.search.index import SearchIndex, default_cache, shared_index
from verl_agentic.tool_envs.search.server import hold_server
from verl_agentic.tool_envs.users.base import User

SEARCH_TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "search",
            "description": "Search documents.",
            "parameters": {
                "type": "object",
                "properties": {"query": {"type": "string"}, "k": {"type": "integer", "minimum": 1}},
                "required": ["query"],
            },
        },
    }
]

MAX_QUERY_CHARS = 1000
MAX_TASK_DOCUMENTS = 1000

_KEY = "agentic.rollout.env_options.search"


class Searcher(Protocol):
    """Where documents come from."""

    async def search(self, query: str, k: int) -> list[Document]:
        """The best documents, best first."""

    async def release(self) -> None:
        """Stop using it."""


class SearchEnvironment(Environment):
    """One tool, ``search(query, k?)``, over a corpus on disk, a retrieval server, or the task's own documents.

    ``env_args`` may hold ``documents``, objects with ``text`` and also ``id`` and ``title``, which are searched
    instead of what the options name.
    """

    def __init__(
        self,
        user: User | None = None,
        *,
        corpus: str | None = None,
        url: str | None = None,
        cache: str | None = None,
        k: Positive = 3,
        max_k: Positive = 10,
        max_chars: Annotated[int, Within(least=100)] = 4000,
        seconds: Seconds = 30.0,
        retries: Count = 3,
        concurrency: Positive = 16,
    ) -> None:
        """Describe the session.

        Args:
            user: who talks with the policy.
            corpus: a folder or file of ``.txt``, ``.md`` and ``.jsonl``; its index fits in memory.
            url: a retrieval server, its whole address (``http://localhost:8000/retrieve``).
            cache: folder for indexes; the user's cache folder by default.
            k: documents that a search shows unless it says how many.
            max_k: the most it may ask for.
            max_chars: of the text that a search shows, shared by its documents.
            seconds: of one request to the server.
            retries: how often a request is repeated.
            concurrency: requests at once, each with the queries of many sessions.

        Raises:
            UserInputError: an option has a value that it cannot have.
        """
        super().__init__(user)
        check_arguments(SearchEnvironment, locals(), _KEY)
        if max_k < k:
            raise UserInputError(f"{_KEY}.max_k must be at least {_KEY}.k={k}, got {max_k}")
        if corpus and url:
            raise UserInputError(f"{_KEY} names both a corpus and a url; give one of them")
        if url and not url.startswith(("http://", "https://")):
            raise UserInputError(f"{_KEY}.url={url!r}: must begin with http:// or https://")
        self._corpus = Path(corpus).expanduser().absolute() if corpus else None
        self._url = url
        self._cache = Path(cache).expanduser() if cache else default_cache()
        self._k, self._max_k = k, max_k
        self._max_chars = max_chars
        self._server = (seconds, retries, concurrency)
        self._searcher: Searcher | None = None

    async def open(self, task: Task, seed: int) -> None:
        """Have the documents ready; the first session of a process waits for the index.

        Raises:
            BrokenTaskError: the task's ``documents`` are none.
            UserInputError: there is nothing to search, or a library is missing.
        """
        await super().open(task, seed)
        if "documents" in task.env_args:
            documents = _task_documents(task.env_args["documents"])
            index = await shared_threads().run("search index", lambda: SearchIndex.of(documents))
            self._searcher = LocalSearcher(index)
        elif self._url:
            self._searcher = hold_server(self._url, *self._server)
        elif self._corpus:
            self._searcher = LocalSearcher(await shared_index(self._corpus, self._cache))
        else:
            raise UserInputError(f"nothing to search: set {_KEY}.corpus, a folder, or {_KEY}.url, a retrieval server")

    def tools(self) -> list[dict[str, Any]]:
        """The task's schemas, or one for ``search`` where the task brings none."""
        return self.task.tools or SEARCH_TOOLS

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """The beginnings of the best documents, numbered.

        Raises:
            ToolError: no query, or one that is too long.
            InfrastructureError: the server failed.
        """
        assert self._searcher is not None, "call before open"
        query, k = arguments.get("query"), arguments.get("k", self._k)
        if name != "search" or not isinstance(query, str) or not query.strip():
            raise ToolError("use search with a query")
        if len(query) > MAX_QUERY_CHARS:
            raise ToolError(f"query is longer than {MAX_QUERY_CHARS} characters")
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= self._max_k:
            raise ToolError(f"k must be a whole number from 1 to {self._max_k}")
        query = query.encode("utf-8", "replace").decode("utf-8")
        return render(await self._searcher.search(query, k), self._max_chars)

    async def close(self) -> None:
        if self._searcher:
            searcher, self._searcher = self._searcher, None
            await searcher.release()


class LocalSearcher:
    """An index of this process, searched in threads."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index

    async def search(self, query: str, k: int) -> list[Document]:
        """The best documents, best first."""
        found: list[Document] = await shared_threads().run("search", lambda: self._index.search(query, k))
        return found

    async def release(self) -> None:
        """The index stays for other sessions, or goes with its task."""


def render(documents: list[Document], max_chars: int) -> str:
    """Documents as text of at most ``max_chars`` characters; long ones leave room for the others."""
    if not documents:
        return "no results"
    room = max_chars // len(documents)
    return "\n".join(_shown(document, number, room - 1) for number, document in enumerate(documents, 1))


def _shown(document: Document, number: int, room: int) -> str:
    head = f"[{number}] {document.title}".rstrip()
    text = f"{head}\n{document.text.strip()}"
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= room else text[: room - 3] + "..."


def _task_documents(data: Any) -> list[Document]:
    if not isinstance(data, list) or not 0 < len(data) <= MAX_TASK_DOCUMENTS:
        raise BrokenTaskError(f"env_args of a search task: 'documents' must be a list of 1 to {MAX_TASK_DOCUMENTS}")
    try:
        return [from_data(one, f"documents[{place}]") for place, one in enumerate(data)]
    except UserInputError as error:
        raise BrokenTaskError(f"env_args of a search task: {error}") from error
