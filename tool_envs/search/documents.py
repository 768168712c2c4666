"""Documents of a corpus: read from files, kept in one file that processes map into memory together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy

from verl_agentic.core import UserInputError

_SUFFIXES = (".jsonl", ".md", ".txt")
_TEXTS, _OFFSETS = "documents.jsonl", "offsets.npy"


@dataclass(frozen=True, slots=True)
class Document:
    """One document; ``score`` is the search engine's, the higher the better."""

    id: str
    title: str
    text: str
    score: float = 0.0


def corpus_files(corpus: Path) -> list[Path]:
    """The files of a corpus, a folder or one file, in order.

    Raises:
        UserInputError: there are none.
    """
    files = [corpus] if corpus.is_file() else sorted(corpus.rglob("*")) if corpus.is_dir() else []
    texts = [file for file in files if file.suffix in _SUFFIXES and file.is_file()]
    if not texts:
        kinds = ", ".join(_SUFFIXES)
        raise UserInputError(f"agentic.rollout.env_options.search.corpus={corpus}: no such file or folder with {kinds}")
    return texts


def content_hash(files: list[Path], corpus: Path) -> str:
    """BLAKE2 over the names and contents of files."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        name = str(file.relative_to(corpus)) if file != corpus else file.name
        digest.update(f"{len(name)} {name} {file.stat().st_size} ".encode("utf-8", "surrogateescape"))
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def read_documents(files: list[Path], corpus: Path) -> Iterator[Document]:
    """Documents of files: one per line of JSON (``text`` or ``contents``, ``title``, ``id``), or one per text file.

    Raises:
        UserInputError: a file is not UTF-8, or a line is no such object.
    """
    for file in files:
        name = str(file.relative_to(corpus)) if file != corpus else file.name
        try:
            if file.suffix != ".jsonl":
                yield Document(name, file.stem, file.read_text(encoding="utf-8"))
                continue
            with file.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        yield _parse(line, f"{name}:{number}")
        except UnicodeDecodeError as error:
            raise UserInputError(f"corpus file {file} is not UTF-8 ({error.reason}); convert it") from error


def from_data(data: Any, where: str) -> Document:
    """The document in JSON data.

    Raises:
        UserInputError: ``data`` is no object with a text.
    """
    text = data.get("text", data.get("contents")) if isinstance(data, dict) else None
    if not isinstance(text, str):
        raise UserInputError(f'{where}: a document must be an object with a "text", like {{"id", "title", "text"}}')
    title = data.get("title")
    if title is None and "text" not in data:  # in Search-R1's corpora the title is the first line
        title, _newline, text = text.partition("\n")
        title = title.strip('"')
    return Document(str(data.get("id", where)), str(title or ""), text)


def _parse(line: str, where: str) -> Document:
    try:
        return from_data(json.loads(line), where)
    except (ValueError, RecursionError) as error:
        if isinstance(error, UserInputError):
            raise
        raise UserInputError(f"{where}: not JSON: {error}") from error


class DocumentFile:
    """Documents by number, read from a folder that :meth:`write` made."""

    def __init__(self, folder: Path) -> None:
        self._texts = numpy.memmap(folder / _TEXTS, dtype=numpy.uint8, mode="r")
        self._offsets = numpy.load(folder / _OFFSETS, mmap_mode="r")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, number: int) -> Document:
        if not 0 <= number < len(self):
            raise IndexError(number)
        start, end = self._offsets[number : number + 2]
        return Document(**json.loads(self._texts[start:end].tobytes()))

    @staticmethod
    def write(folder: Path, documents: Iterator[Document]) -> Iterator[Document]:
        """Write documents as they pass by; complete when the iterator is exhausted."""
        offsets = [0]
        with (folder / _TEXTS).open("wb") as file:
            for document in documents:
                offsets.append(offsets[-1] + file.write(f"{json.dumps(asdict(document))}\n".encode("ascii")))
                yield document
        numpy.save(folder / _OFFSETS, numpy.array(offsets, dtype=numpy.int64))
