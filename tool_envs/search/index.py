"""BM25 over a corpus: built once for each content, kept on disk, mapped into memory, shared by the sessions."""

from __future__ import annotations

import asyncio
import dataclasses
import fcntl
import importlib
import os
import re
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.core.files.folders import make_whole
from verl_agentic.tool_envs.search.documents import (
    Document,
    DocumentFile,
    content_hash,
    corpus_files,
    read_documents,
)

MAX_QUERY_WORDS = 64

# Changes with the tokens, the scores or the files: another version's index is not taken for ours.
_FORMAT = "1"
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]+|[^\W{_IDEOGRAPHS}]+")
_IS_IDEOGRAPH = re.compile(f"[{_IDEOGRAPHS}]")


def tokens(text: str) -> list[str]:
    """Words in lower case; pairs of neighbouring characters where a script does not part words."""
    found: list[str] = []
    for word in _WORD.findall(text.lower()):
        if len(word) > 2 and _IS_IDEOGRAPH.match(word):
            found += [word[i : i + 2] for i in range(len(word) - 1)]
        else:
            found.append(word)
    return found


class SearchIndex:
    """Documents and their BM25 scores (Lucene's variant). Threads may share it."""

    def __init__(self, engine: Any, documents: Sequence[Document] | DocumentFile) -> None:
        self._engine = engine
        self._documents = documents

    @classmethod
    def of(cls, documents: Sequence[Document]) -> SearchIndex:
        """An index in memory.

        Raises:
            UserInputError: bm25s is not installed.
        """
        return cls(_built(documents), documents)

    def search(self, query: str, k: int) -> list[Document]:
        """The up to ``k`` best documents that share a word with ``query``, best first; ties in corpus order."""
        known = self._engine.vocab_dict
        words = [word for word in dict.fromkeys(tokens(query)) if word in known][:MAX_QUERY_WORDS]
        if not words or k < 1:
            return []
        scores = self._engine.get_scores(words)
        count = min(k, len(scores))
        worst = numpy.partition(scores, -count)[-count]
        candidates = numpy.flatnonzero((scores >= worst) & (scores > 0))
        best = candidates[numpy.argsort(-scores[candidates], kind="stable")][:count]
        return [dataclasses.replace(self._documents[int(i)], score=float(scores[i])) for i in best]


def open_index(corpus: Path, cache: Path) -> SearchIndex:
    """The index of a corpus, built unless the cache has it. One process builds, others wait for it.

    Raises:
        UserInputError: the corpus is missing or malformed, or bm25s is not installed.
        InfrastructureError: the cache cannot be written or read.
    """
    files = corpus_files(corpus)
    engine = _library()
    folder = cache / f"bm25-{_FORMAT}-{content_hash(files, corpus)}"
    try:
        if not folder.is_dir():
            cache.mkdir(parents=True, exist_ok=True)
            with (cache / f"{folder.name}.lock").open("w", encoding="ascii") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not folder.is_dir():
                    make_whole(folder, lambda partial: _build(files, corpus, partial))
        return SearchIndex(engine.BM25.load(str(folder), mmap=True), DocumentFile(folder))
    except OSError as error:
        raise InfrastructureError(f"the search index in {cache} cannot be used: {error}") from error


def default_cache() -> Path:
    """``verl-agentic/search`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "verl-agentic" / "search"


_opened: dict[tuple[Path, Path], Future[SearchIndex]] = {}
_lock = threading.Lock()


async def shared_index(corpus: Path, cache: Path) -> SearchIndex:
    """The process's index of a corpus; what :func:`open_index` gives and raises. Its content is looked at once.

    It is opened in one thread, for which any number of sessions wait; who stops waiting does not stop it.
    """
    key = (corpus, cache)
    with _lock:
        future = _opened.get(key)
        if future is None:
            future = _opened[key] = Future()
            future.set_running_or_notify_cancel()
            threading.Thread(target=_open, args=(key, future), name="search-index", daemon=True).start()
    return await asyncio.shield(asyncio.wrap_future(future))


def _open(key: tuple[Path, Path], future: Future[SearchIndex]) -> None:
    try:
        future.set_result(open_index(*key))
    except BaseException as error:
        with _lock:
            _opened.pop(key, None)  # the next session tries again
        future.set_exception(error)


def _build(files: list[Path], corpus: Path, folder: Path) -> None:
    documents = DocumentFile.write(folder, read_documents(files, corpus))
    _built(documents).save(str(folder), show_progress=False)


def _built(documents: Iterable[Document]) -> Any:
    engine = _library().BM25(method="lucene")
    words = [tokens(f"{document.title}\n{document.text}") for document in documents]
    if not any(words):
        raise UserInputError("the corpus has no words in it")
    engine.index(words, show_progress=False)
    return engine


def _library() -> Any:
    try:
        return importlib.import_module("bm25s")
    except ImportError as error:
        raise UserInputError(
            "agentic.rollout.env_options.search.corpus needs bm25s; install it: pip install 'verl-agentic[search]'"
        ) from error


def _forget() -> None:
    """In a forked child: the lock and the threads are the parent's."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    for key in [key for key, future in _opened.items() if not future.done()]:
        del _opened[key]


os.register_at_fork(after_in_child=_forget)
