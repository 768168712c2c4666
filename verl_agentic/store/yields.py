"""What became of the candidates of each operator in a round, and the form in which the store keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

FRESH = "fresh"
"""Stands for the operator of tasks that were not grown from another one."""

# Among a stored round's counts: operator/NAME/made, .../accepted and .../rejected/REASON.
_OPERATOR = "operator/"


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


def total_yields(rounds: Iterable[Mapping[str, Yield]]) -> dict[str, Yield]:
    """The yield of each operator over several rounds, by name."""
    total: dict[str, Yield] = {}
    for yields in rounds:
        for operator, one in yields.items():
            total[operator] = total.get(operator, Yield()) + one
    return dict(sorted(total.items()))


def stored_counts(counts: Mapping[str, int], yields: Mapping[str, Yield]) -> dict[str, int]:
    """A round's counts and yields as the store keeps them, in one mapping."""
    stored = dict(counts)
    for operator, one in sorted(yields.items()):
        place = f"{_OPERATOR}{operator}"
        stored[f"{place}/made"] = one.made
        if one.accepted:
            stored[f"{place}/accepted"] = one.accepted
        stored.update({f"{place}/rejected/{reason}": number for reason, number in sorted(one.rejected.items())})
    return stored


def read_counts(stored: Mapping[str, int]) -> tuple[dict[str, int], dict[str, Yield]]:
    """Inverse of :func:`stored_counts`, for rounds of earlier releases, too.

    These told hooks' candidates twice, once more by hook: ``HOOK.rejected.NAME.REASON``, ``HOOK.grown.NAME``,
    ``HOOK.NAME/tried`` and ``HOOK.NAME/kept``, which are left out.
    """
    counts: dict[str, int] = {}
    yields: dict[str, Yield] = {}
    for name, number in stored.items():
        if not name.startswith(_OPERATOR):
            counts[name] = number
            continue
        # An operator's name may hold anything but what follows it.
        operator, rejected, reason = name.removeprefix(_OPERATOR).rpartition("/rejected/")
        if rejected:
            yields.setdefault(operator, Yield()).rejected[reason] += number
        elif name.endswith("/accepted"):
            operator = name.removeprefix(_OPERATOR).removesuffix("/accepted")
            yields.setdefault(operator, Yield()).accepted += number
    if yields:
        counts = {name: number for name, number in counts.items() if not _told_twice(name)}
    return counts, dict(sorted(yields.items()))


def _told_twice(name: str) -> bool:
    return any(part in name for part in (".rejected.", ".grown.")) or name.endswith(("/tried", "/kept"))
