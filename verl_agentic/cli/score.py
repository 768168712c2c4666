"""``verl-agentic score``: judge responses in a file with any reward function, one JSON object a line."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from verl_agentic.cli.key_values import key_values
from verl_agentic.cli.score_rows import ERROR, RowScorer, input_lines, to_line
from verl_agentic.core import UserInputError
from verl_agentic.reward_fns.registry import BUILT_IN, check_kwargs, configured_reward

DEFAULT_WORKERS = 8
# Rows that wait for a slower one before them, as a multiple of the workers.
_WINDOW = 8
_PROGRESS_SECONDS = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("file", metavar="FILE", help="JSON lines, or - for the standard input")
    names = ", ".join(BUILT_IN)
    parser.add_argument(
        "--reward",
        required=True,
        metavar="NAME",
        help=f"{names}, mixed, compose, package.module:function or path/to/file.py:function",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a keyword of the reward function (its reward_kwargs); the value is YAML; may be repeated",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write (default: the standard output)")
    parser.add_argument(
        "--workers", type=int, default=DEFAULT_WORKERS, metavar="N", help=f"rows at a time (default: {DEFAULT_WORKERS})"
    )
    parser.add_argument("--keep-going", action="store_true", help=f"give bad rows the verdict {ERROR!r} and go on")
    parser.epilog = (
        "Each line of FILE is an object with data_source, solution_str, ground_truth and, where the reward needs it, "
        "extra_info. Exit status: 0; 1 where a row has no verdict because of a failure or an error; 2 for bad input."
    )


def run(arguments: argparse.Namespace) -> int:
    """Judge every row, in order; return the exit status.

    Raises:
        UserInputError: naming the argument, or the line of a bad row.
    """
    if arguments.workers < 1:
        raise UserInputError(f"--workers must be at least 1, got {arguments.workers}")
    # As for "python -m": the user's own function may lie where the command is given.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    kwargs = key_values("--set", arguments.set, "partial=true")
    try:
        function = configured_reward(arguments.reward)
    except UserInputError as error:
        raise UserInputError(f"--reward: {error}") from error
    check_kwargs(function, kwargs)
    scorer = RowScorer(arguments.reward, function, kwargs, arguments.keep_going)
    try:
        with ExitStack() as files:
            lines = input_lines(arguments.file, files)
            output = _open_output(arguments.output, arguments.file, files)
            verdicts = asyncio.run(_score_all(scorer, lines, output, arguments.workers))
    except BrokenPipeError:
        # The reader has gone; the interpreter's last flush must not fail as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if scorer.failures:
        print(f"{scorer.failures} rows are undecided because the infrastructure failed", file=sys.stderr)
    if verdicts[ERROR]:
        print(f"{verdicts[ERROR]} bad rows", file=sys.stderr)
    return 1 if scorer.failures or verdicts[ERROR] else 0


async def _score_all(
    scorer: RowScorer, lines: Iterator[tuple[str, bytes]], output: IO[str], workers: int
) -> Counter[str]:
    """Score with ``workers`` rows at a time, write in input order, hold only a window of rows; count verdicts."""
    loop = asyncio.get_running_loop()
    # One thread more, for reading.
    loop.set_default_executor(ThreadPoolExecutor(max_workers=workers + 1))
    limit = asyncio.Semaphore(workers)
    waiting: asyncio.Queue[asyncio.Future[dict[str, Any]] | None] = asyncio.Queue(workers * _WINDOW)
    verdicts: Counter[str] = Counter()
    progress = _progress()

    async def score(where: str, line: bytes) -> dict[str, Any]:
        async with limit:
            return await scorer.score(where, line)

    async def read() -> None:
        try:
            # In a thread: a slow pipe must not hold up the rows under way.
            while (item := await asyncio.to_thread(next, lines, None)) is not None:
                await waiting.put(asyncio.create_task(score(*item)))
        except UserInputError as error:
            failed: asyncio.Future[dict[str, Any]] = loop.create_future()
            failed.set_exception(error)
            await waiting.put(failed)
        await waiting.put(None)

    reader = asyncio.create_task(read())
    try:
        while (future := await waiting.get()) is not None:
            result = await future
            output.write(to_line(result))
            output.flush()
            verdicts[str(result["verdict"])] += 1
            progress(verdicts)
    finally:
        reader.cancel()
        while not waiting.empty():
            if (future := waiting.get_nowait()) is not None:
                future.cancel()
    return verdicts


def _open_output(path: Path | None, source: str, files: ExitStack) -> IO[str]:
    if path is None:
        return sys.stdout
    if path.exists() and source != "-" and path.samefile(source):
        raise UserInputError(f"--output {path}: is the file that is read; name another")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return files.enter_context(path.open("w", encoding="utf-8"))
    except OSError as error:
        raise UserInputError(f"--output {path}: cannot be written: {error.strerror or error}") from error


def _progress() -> Callable[[Counter[str]], None]:
    """Says how far it is on a terminal, twice a second at most."""
    started = last = time.monotonic()
    shown = sys.stderr.isatty()

    def show(verdicts: Counter[str]) -> None:
        nonlocal last
        now = time.monotonic()
        if shown and now - last >= _PROGRESS_SECONDS:
            last = now
            counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
            rate = verdicts.total() / (now - started)
            print(f"\r\x1b[K{verdicts.total()} rows ({counts}), {rate:.0f}/s", end="", file=sys.stderr, flush=True)

    return show
