"""The math reward under load: queues, hanging answers, memory and leftovers."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from verl_agentic.core import InfrastructureError
from verl_agentic.reward_fns.math import acompute_score, compute_score, statistics

pytestmark = pytest.mark.integration

HANGING = [
    r"\sum_{a=1}^{1000}\sum_{b=1}^{1000}\sum_{c=1}^{1000} a^{b^c}",
    r"\prod_{k=1}^{100000} (k^k)",
    r"\int x^{1000} e^{x^{50}} \sin^{50} x dx",
    r"\int_0^1 \frac{\sin x^{x^{x}}}{\ln x} dx",
]
INTEGRALS = [(rf"\int_0^{{{last}}} 3\pi x^2 dx", rf"{last**3}\pi") for last in range(20, 36)]
VERDICTS = 200_000


@pytest.fixture(autouse=True, scope="module")
def workers_are_running() -> None:
    compute_score("math", rf"\boxed{{{INTEGRALS[0][0]}}}", INTEGRALS[0][1])


def test_right_answers_behind_hanging_ones_are_not_lost() -> None:
    with ThreadPoolExecutor(48) as threads:
        hung = [
            threads.submit(compute_score, "math", rf"\boxed{{{answer}}}", rf"{number}\pi", seconds=1.0)
            for number, answer in enumerate(HANGING * 8)
        ]
        time.sleep(0.2)
        right = [threads.submit(compute_score, "math", rf"\boxed{{{answer}}}", truth) for answer, truth in INTEGRALS]
        assert [future.result()["verdict"] for future in right] == ["right"] * len(INTEGRALS)
        assert {future.result()["verdict"] for future in hung} <= {"undecided", "wrong"}
    assert sum(future.result()["verdict"] == "undecided" for future in hung) >= len(hung) // 2


async def test_event_loop_goes_on_while_answers_hang() -> None:
    longest, running = 0.0, True

    async def watch() -> None:
        nonlocal longest
        while running:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - before)

    watcher = asyncio.create_task(watch())
    calls = [acompute_score("math", rf"\boxed{{{answer}}}", r"5\pi", seconds=0.5) for answer in HANGING * 2]
    results = await asyncio.gather(*calls)
    running = False
    await watcher
    assert {result["verdict"] for result in results} <= {"undecided", "wrong"}
    assert longest < 0.5


@pytest.mark.parametrize("answer", HANGING)
def test_deadline_is_kept(answer: str) -> None:
    started = time.monotonic()
    result = compute_score("math", rf"\boxed{{{answer}}}", r"123456789\pi", seconds=1.0)
    assert result["verdict"] in ("undecided", "wrong")
    assert time.monotonic() - started < 1.5


def test_drop_raises_for_verl() -> None:
    with pytest.raises(InfrastructureError, match="undecided"):
        compute_score("math", rf"\boxed{{{HANGING[2]}}}", r"77\pi", seconds=0.3, on_undecided="drop")


def test_memory_stays_bounded_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def pair(number: int) -> tuple[str, str]:
        kinds = (
            (str(number), str(number + number % 2)),
            (rf"\frac{{{number}}}{{{number % 97 + 2}}}", f"{number}/{number % 97 + 2}"),
            (rf"{number % 89 + 2}\sqrt{{{number}}}", rf"\sqrt{{{(number % 89 + 2) ** 2 * number}}}"),
            (f"(x+{number})^2", f"x^2+{2 * number}x+{number * number}"),
            (f"({number}, {number % 7})", rf"\left({number},{number % 5}\right)"),
            (f"x > {number} " + "y" * (number % 50), f"({number}, \\infty)"),
        )
        return kinds[number % len(kinds)]

    def judge(numbers: range) -> None:
        for number in numbers:
            answer, truth = pair(number)
            compute_score("math", rf"\boxed{{{answer}}}", truth)

    process = psutil.Process()
    before = statistics()
    marks, share = [], VERDICTS // 8
    for part in range(8):
        threads = [
            threading.Thread(target=judge, args=(range(part * share + offset, (part + 1) * share, 4),))
            for offset in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        marks.append(process.memory_info().rss / 2**20)
    after = statistics()
    judged = sum(after.get(name, 0) - before.get(name, 0) for name in ("right", "wrong", "undecided", "cache_hits"))
    # Cases that were judged before may still be counted by threads that hang in a pool.
    assert judged >= VERDICTS
    assert marks[-1] - marks[1] < 30, marks  # MiB, once the caches are full
    assert len(process.children(recursive=True)) <= 5  # the fork server and its workers
    assert os.listdir(tmp_path) == []
