"""What became of the candidates of each operator, kept among a round's counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

FRESH = "fresh"
"""Stands for the operator of tasks that were not grown from another one."""

_OPERATOR = "operator/"
_TROUBLES = ("late", "over_budget", "overtime", "skipped")


@dataclass(slots=True)
class Yield:
    """Candidates of one operator.

    Attributes:
        accepted: those that entered the pool.
        rejected: the others by reason.
    """

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def made(self) -> int:
        """All of them."""
        return self.accepted + self.rejected.total()

    @property
    def share(self) -> float:
        """Share of them that were accepted; 0 where there were none."""
        return self.accepted / self.made if self.made else 0.0

    def __add__(self, other: Yield) -> Yield:
        return Yield(self.accepted + other.accepted, self.rejected + other.rejected)


class YieldCounts:
    """Counts candidates while a round runs."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def accept(self, operator: str | None) -> None:
        """Count a candidate that enters the pool; ``None`` for one that was not grown."""
        self._counts[f"{_OPERATOR}{operator or FRESH}/accepted"] += 1

    def reject(self, operator: str | None, reason: str, number: int = 1) -> None:
        """Count candidates that do not."""
        self._counts[f"{_OPERATOR}{operator or FRESH}/rejected/{reason}"] += number

    def take(self, hook_counts: Mapping[str, int]) -> None:
        """Count what a hook refused itself (``rejected.OPERATOR.REASON``)."""
        for name, number in hook_counts.items():
            what, _, rest = name.partition(".")
            operator, _, reason = rest.partition(".")
            if what == "rejected" and reason:
                self.reject(operator, reason, number)

    def counts(self) -> dict[str, int]:
        """By name, as a round keeps them: ``operator/NAME/made``, ``.../accepted`` and ``.../rejected/REASON``."""
        made = {f"{_OPERATOR}{name}/made": one.made for name, one in yields(self._counts).items()}
        return dict(sorted({**self._counts, **made}.items()))


def yields(counts: Mapping[str, int]) -> dict[str, Yield]:
    """The yield of each operator, from a round's counts."""
    found: dict[str, Yield] = {}
    for name, number in sorted(counts.items()):
        if not name.startswith(_OPERATOR):
            continue
        # An operator's name may hold anything but what follows it.
        operator, rejected, reason = name.removeprefix(_OPERATOR).rpartition("/rejected/")
        if rejected:
            found.setdefault(operator, Yield()).rejected[reason] += number
        elif name.endswith("/accepted"):
            operator = name.removeprefix(_OPERATOR).removesuffix("/accepted")
            found.setdefault(operator, Yield()).accepted += number
    return found


def total_yields(rounds: Iterable[Mapping[str, int]]) -> dict[str, Yield]:
    """The yield of each operator over several rounds."""
    total: dict[str, Yield] = {}
    for counts in rounds:
        for operator, one in yields(counts).items():
            total[operator] = total.get(operator, Yield()) + one
    return dict(sorted(total.items()))


def round_summary(counts: Mapping[str, int]) -> str:
    """A round in a line: what entered the pool, what did not, and hooks that had to do without something."""
    made = sum(one.made for one in yields(counts).values())
    told = [f"{counts.get('added', 0)} tasks added" + (f" of {made} candidates" if made else "")]
    for name, count in other_counts(counts).items():
        hook, _, what = name.rpartition(".")
        if name != "added" and (not hook or what in _TROUBLES):
            told.append(f"{f'{hook} ' if hook else ''}{what.replace('_', ' ')} {count}")
    return ", ".join(told)


def other_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """A round's counts but for those of operators, and those that are 0."""
    return {name: count for name, count in counts.items() if count and not name.startswith(_OPERATOR)}
