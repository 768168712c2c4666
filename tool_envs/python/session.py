"""One interpreter of model-written code, on the inside: runs cells and answers with what they printed.

Nothing here is a safeguard: the code it runs owns this process. The kernel confines it, and the other side of the
channel takes what comes back as hostile.
"""

from __future__ import annotations

import ast
import io
import linecache
import os
import random
import sys
import traceback
from types import ModuleType
from typing import Any

from verl_agentic.isolation.frames import HEADER, decode, encode, read_exactly

MAX_TRACEBACK_CHARS = 1500
_MAX_FRAMES = 5


class _Output(io.TextIOBase):
    """What a cell prints; beyond ``limit`` characters only counted, so that printing costs no memory.

    One for all cells: code keeps it under names of its own (a logging handler, a default argument), and what it prints
    there belongs to the cell that prints it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.begin()

    def begin(self) -> None:
        """Forget what earlier cells printed."""
        self._parts: list[str] = []
        self._kept = 0
        self._dropped = 0

    def close(self) -> None:
        """Stay open: a cell that closes it would silence the next ones."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        piece = text[: self._limit - self._kept]
        if piece:
            self._parts.append(piece)
            self._kept += len(piece)
        self._dropped += len(text) - len(piece)
        return len(text)

    def take(self) -> str:
        """The text so far."""
        more = f"\n... [{self._dropped} more characters]" if self._dropped else ""
        return "".join(self._parts) + more


class Interpreter:
    """A namespace in which cells run one after the other.

    Args:
        max_chars: characters of output that are kept of each cell.
    """

    def __init__(self, max_chars: int) -> None:
        self._output = _Output(max_chars)
        self._cells = 0
        module = ModuleType("__main__")
        sys.modules["__main__"] = module
        self._names = module.__dict__

    def run(self, code: str) -> tuple[str, bool]:
        """What ``code`` prints, with the value of a last expression and a short traceback, and whether it failed."""
        self._cells += 1
        name = f"<cell {self._cells}>"
        output = self._output
        output.begin()
        sys.stdout = sys.stderr = output
        sys.stdin = io.StringIO()
        try:
            self._execute(code, name, output)
        except BaseException as error:
            return _join(output.take(), _short_traceback(error)), True
        return output.take(), False

    def _execute(self, code: str, name: str, output: _Output) -> None:
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), self._names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), self._names)
            if value is not None:
                output.write(f"{value!r}\n")


def serve(channel: int, max_chars: int, seed: int) -> None:
    """Answer requests until the channel closes.

    Requests are ``{"token": str}`` with ``code`` or ``files`` (texts by name); a reply repeats the token, which makes
    replies forged for later requests worthless.
    """
    _seed(seed)
    interpreter = Interpreter(max_chars)

    def receive(size: int) -> bytes:
        return os.read(channel, size)

    while True:
        (length,) = HEADER.unpack(read_exactly(receive, HEADER.size))
        request = decode(read_exactly(receive, length))
        for path, text in request.get("files", {}).items():
            _write(path, text)
        output, failed = interpreter.run(request["code"]) if "code" in request else ("", False)
        reply = memoryview(encode({"token": request["token"], "output": output, "failed": failed}))
        while reply:
            reply = reply[os.write(channel, reply) :]


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(text)


def _seed(seed: int) -> None:
    random.seed(seed)
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)


def _short_traceback(error: BaseException) -> str:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__, limit=200)
        if frame.filename != __file__ and not frame.filename.endswith(f"{os.sep}ast.py")
    ]
    cells = [frame for frame in frames if frame.filename.startswith("<cell")]
    shown = (cells or frames)[-_MAX_FRAMES:]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(shown)] if shown else []
    text = "".join([*lines, *traceback.format_exception_only(type(error), error)]).rstrip()
    half = MAX_TRACEBACK_CHARS // 2
    return text if len(text) <= MAX_TRACEBACK_CHARS else f"{text[:half]}\n...\n{text[-half:]}"


def _join(output: str, error: str) -> str:
    return f"{output.rstrip()}\n{error}" if output.strip() else error
