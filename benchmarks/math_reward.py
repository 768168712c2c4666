"""Verdicts per second of the math reward, its tail, its queue, its memory and its agreement, beside math-verify.

``python -m benchmarks.math_reward [--verdicts 200000]``. The peer is math-verify as verl 0.9.1 calls it
(``verl.utils.reward_score.math_verify``, four processes), on the same inputs, from as many threads, for as long, in the
same run.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.harness import machine, percentile, report, resident_mib
from verl_agentic.reward_fns.math import answers_equal, compute_score, statistics

THREADS = 32
SECONDS = 30.0
PATHOLOGICAL = [
    "9^{9^{9^{9}}}",
    "(10^{6})!",
    r"\sum_{a=1}^{1000}\sum_{b=1}^{1000}\sum_{c=1}^{1000} a^{b^c}",
    "(" * 400 + "1" + ")" * 400,
    "9" * 900 + "!",
    r"\int x^{1000} e^{x^{50}} \sin^{50} x dx",
    "(x+y+z)^{10^9}",
    r"\sqrt{" * 60 + "2" + "}" * 60,
]
SLOW_SUMS = [
    r"\sum_{a=1}^{1000}\sum_{b=1}^{1000}\sum_{c=1}^{1000} a^{b^c}",
    r"\prod_{k=1}^{100000} (k^k)",
    r"\int x^{1000} e^{x^{50}} \sin^{50} x dx",
    r"\int_0^1 \frac{\sin x^{x^{x}}}{\ln x} dx",
]

Pair = tuple[str, str]
Judge = Callable[[str, str], float]


def mix(count: int, seed: int = 20) -> list[Pair]:
    """Answers and references as rollouts bring them: two thirds integers, a third LaTeX, few hard, fewer hostile."""
    numbers = random.Random(seed)
    pairs = [_pair(numbers, numbers.random()) for _ in range(count)]
    for place in range(count // 1000):  # one in a thousand is hostile
        pairs[numbers.randrange(count)] = (PATHOLOGICAL[place % len(PATHOLOGICAL)], str(numbers.randint(2, 99)))
    return pairs


def _pair(numbers: random.Random, kind: float) -> Pair:
    a, b, c = (numbers.randint(2, 9999) for _ in range(3))
    off = numbers.choice((0, 0, 1))
    if kind < 0.64:
        return str(a * b + off), str(a * b)
    if kind < 0.78:
        return rf"\frac{{{a + off}}}{{{b}}}", numbers.choice((f"{a}/{b}", rf"\dfrac{{{2 * a}}}{{{2 * b}}}"))
    if kind < 0.82:
        return f"{(a + off) / 8:.3f}", rf"\frac{{{a}}}{{8}}"
    if kind < 0.88:
        return rf"{a % 50 + 2}\sqrt{{{b + off}}}", rf"\sqrt{{{(a % 50 + 2) ** 2 * b}}}"
    if kind < 0.91:
        return rf"\left({a}, {b + off}\right)", f"({a},{b})"
    if kind < 0.94:
        return f"(x+{a})(x-{b + off})", f"x^2+{a - b}x-{a * b}".replace("+-", "-")
    if kind < 0.96:
        return rf"[{a}, \infty)", rf"x \ge {a + off}"
    if kind < 0.98:
        return rf"{a + off}\pi", rf"\pi \cdot {a}"
    if kind < 0.99:
        return (
            rf"\frac{{{a}\pm\sqrt{{{b}}}}}{{2}}",
            rf"\frac{{{a}+\sqrt{{{b}}}}}{{2}}, \frac{{{a}-\sqrt{{{b + off}}}}}{{2}}",
        )
    if kind < 0.998:
        return (
            rf"\begin{{pmatrix}}{a}&{b}\\{c}&{off}\end{{pmatrix}}",
            rf"\begin{{bmatrix}}{a}&{b}\\{c}&0\end{{bmatrix}}",
        )
    return rf"\sum_{{k=1}}^{{{a % 90 + 9}}} k\pi", rf"{(a % 90 + 9) * (a % 90 + 10) // 2 + off}\pi"


def ours(answer: str, reference: str) -> float:
    """Our verdict, as verl calls a reward function."""
    return compute_score("math", rf"\boxed{{{answer}}}", reference)["score"]


def peers() -> Judge:
    """math-verify's verdict, as verl calls it; its processes are started."""
    from verl.utils.reward_score import math_verify

    def judge(answer: str, reference: str) -> float:
        return float(math_verify.compute_score(rf"\boxed{{{answer}}}", reference))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: judge(str(number), "5"), range(16)))
    return judge


def end_peer() -> None:
    """Kill the peer's processes: those that hang never end."""
    from verl.utils.reward_score import math_verify

    pool, math_verify._pool = math_verify._pool, None
    for process in list(pool._processes.values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)


def drive(judge: Judge, pairs: Sequence[Pair], seconds: float) -> dict[str, Any]:
    """Judge pairs from ``THREADS`` threads until all are done or the time is over."""
    todo, lock, latencies = iter(pairs), threading.Lock(), []
    started = time.perf_counter()

    def call() -> None:
        while time.perf_counter() - started < seconds:
            with lock:
                pair = next(todo, None)
            if pair is None:
                return
            begun = time.perf_counter()
            judge(*pair)
            latencies.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=call, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, started + seconds - time.perf_counter()))
    took, done = time.perf_counter() - started, list(latencies)
    return {
        "verdicts": len(done),
        "seconds": round(took, 2),
        "per_second": round(len(done) / took, 1),
        "p50_ms": round(percentile(done, 50) * 1e3, 2),
        "p99_ms": round(percentile(done, 99) * 1e3, 2),
    }


def queue_test(judge: Judge, seconds: float) -> dict[str, Any]:
    """32 answers that no computer algebra system finishes, and 16 right ones behind them that take one."""
    slow = [(answer, rf"{number}\pi") for number, answer in enumerate(SLOW_SUMS * 8)]
    right = [(rf"\int_0^{{{last}}} 3\pi x^2 dx", rf"{last**3}\pi") for last in range(20, 36)]
    started = time.perf_counter()
    with ThreadPoolExecutor(48) as threads:
        hung = [threads.submit(judge, *pair) for pair in slow]
        time.sleep(0.2)
        answered = [threads.submit(judge, *pair) for pair in right]
        lost = sum(future.result(timeout=seconds) != 1.0 for future in answered)
        took = time.perf_counter() - started
        for future in hung:
            future.result(timeout=seconds)
    return {"right": len(right), "behind": len(slow), "lost": lost, "seconds": round(took, 1)}


def agreement() -> dict[str, Any]:
    """Our verdicts on the labelled pairs, with every one that differs, and how many math-verify gets right alone."""
    import math_verify

    path = Path(__file__).parents[1] / "tests" / "unit" / "reward_fns" / "math" / "math_pairs.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [tuple(line.split("\t")) for line in lines if not line.startswith("# ")]
    differ = [list(pair) for pair in pairs if answers_equal(pair[1], pair[2]) != (pair[0] == "=")]
    theirs = 0
    for label, answer, reference in pairs:
        try:
            gold, given = (math_verify.parse(rf"\boxed{{{text}}}") for text in (reference, answer))
            theirs += math_verify.verify(gold, given, timeout_seconds=2) == (label == "=")
        except Exception:
            theirs += label == "!"
    share = round(100 * (1 - len(differ) / len(pairs)), 2)
    return {
        "pairs": len(pairs),
        "percent": share,
        "differ": differ,
        "peer_percent": round(100 * theirs / len(pairs), 2),
    }


def memory(verdicts: int) -> dict[str, Any]:
    """Resident memory, workers included, while that many mostly distinct pairs are judged."""
    pairs = [pair for pair in mix(verdicts, seed=7) if pair[0] not in PATHOLOGICAL]
    before = resident_mib()
    marks, started = [], time.perf_counter()
    for quarter in range(4):
        part = pairs[quarter * len(pairs) // 4 : (quarter + 1) * len(pairs) // 4]
        drive(ours, part, 300.0)
        marks.append(round(resident_mib(), 1))
    took = time.perf_counter() - started
    return {
        "verdicts": len(pairs),
        "distinct": len(set(pairs)),
        "seconds": round(took, 1),
        "before_mib": round(before, 1),
        "after_quarters_mib": marks,
    }


def main() -> None:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--verdicts", type=int, default=0, help="verdicts of the memory run, which is left out by default"
    )
    options = parser.parse_args()
    details: dict[str, Any] = {"machine": machine("verl", "math-verify", "sympy"), "threads": THREADS}
    agreed = details["agreement"] = agreement()
    print(
        f"agreement: {agreed['percent']} % of {agreed['pairs']} (math-verify alone {agreed['peer_percent']} %)",
        flush=True,
    )
    pairs = mix(300_000)
    ours(r"\int_0^3 2\pi x dx", r"9\pi")
    details["ours"] = drive(ours, pairs, SECONDS)
    print(f"ours: {details['ours']}", flush=True)
    peer = peers()
    details["peer"] = drive(peer, pairs, SECONDS)
    print(f"verl: {details['peer']}", flush=True)
    end_peer()
    details["queue"] = queue_test(
        lambda *pair: compute_score("math", rf"\boxed{{{pair[0]}}}", pair[1], seconds=1.0)["score"], 120.0
    )
    print(f"queue: {details['queue']}", flush=True)
    details["queue_peer"] = queue_test(peers(), 120.0)
    print(f"queue of verl: {details['queue_peer']}", flush=True)
    end_peer()
    if options.verdicts:
        details["memory"] = memory(options.verdicts)
        print(f"memory: {details['memory']}", flush=True)
    details["statistics"] = statistics()
    what = f"verdicts per second on a mix of answers, {THREADS} calling threads"
    report("math_reward", what, "1/s", details["ours"]["per_second"], details["peer"]["per_second"], details)


if __name__ == "__main__":
    main()
