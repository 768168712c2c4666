"""Run all cases from outside and print, kind by kind, how many hold.

    python tests/outside/run.py [--kind G1] [--failing]

Each ``cases_*.py`` beside this file has a function ``cases()`` that yields :class:`outside_case.Case`.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))

from outside_case import Case  # noqa: E402


def all_cases() -> Iterator[Case]:
    """Those of every file of this folder."""
    for path in sorted(FOLDER.glob("cases_*.py")):
        spec = importlib.util.spec_from_file_location(f"outside_{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        yield from module.cases()


def _mark(case: Case) -> str:
    return " (missed)" if case.missed else "" if case.sure else " (arguable)"


def main() -> int:
    """Print the table; 1 where a case that is sure does not hold."""
    parser = argparse.ArgumentParser(description="Run the cases from outside.")
    parser.add_argument("--kind", help="only this kind")
    parser.add_argument("--failing", action="store_true", help="name each case that does not hold")
    args = parser.parse_args()

    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    sure_failures = 0
    for case in all_cases():
        if args.kind and case.kind != args.kind:
            continue
        failure = case.failure()
        count = counts[case.kind]
        at = 2 if case.own else 0
        count[at] += not failure
        count[at + 1] += 1
        sure_failures += bool(failure) and case.sure and not case.missed
        if failure and args.failing:
            print(f"{case.kind} {case.name}{_mark(case)}: {failure}", flush=True)
    print(f"{'kind':8} {'reported':>12} {'around them':>12}")
    for kind, (held, of, own_held, own_of) in sorted(counts.items()):
        print(f"{kind:8} {f'{held} of {of}':>12} {f'{own_held} of {own_of}':>12}")
    held, of, own_held, own_of = (sum(count[i] for count in counts.values()) for i in range(4))
    print(f"{'all':8} {f'{held} of {of}':>12} {f'{own_held} of {own_of}':>12}")
    return 1 if sure_failures else 0


if __name__ == "__main__":
    sys.exit(main())
