"""Pairing what was expected with what was found, one to one, where names may differ if they do so consistently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from verl_agentic.reward_fns.state.tables import ALL_TABLES, RowComparison
from verl_agentic.tool_envs.world.values import new_id

MAX_STEPS = 20_000
"""How many pairs are tried where names differ, before the best pairing so far is taken."""
LEAST_IDS = 64

L = TypeVar("L")
R = TypeVar("R")
Pairs = list[tuple[Any, Any]]
Cell = tuple[str, str, Any]
"""Table, column and value."""


class MadeIds:
    """Which values of two bags of rows are ids that a world made, and so may be renamed.

    Args:
        seed: the world's, by which it makes the values of ``:new_id``; ``None`` where nobody knows it.
        count: how many of them a session may have taken.
        columns: further columns that hold ids that the world made, by table name (``*``: in every table).
    """

    def __init__(self, seed: int | None, count: int, columns: Mapping[str, frozenset[str]]) -> None:
        made = () if seed is None else [new_id(seed, number) for number in range(max(count, LEAST_IDS))]
        self._made = [form for one in made for form in (one, one.lower())]
        self._columns = columns
        self._wanted: set[Any] = set()
        self._found: set[Any] = set()
        self._frames: dict[str, tuple[str, list[str]]] = {}

    def note(self, wanted: Iterable[Cell], found: Iterable[Cell]) -> None:
        """Say what is in the new rows of either side."""
        for known, cells in ((self._wanted, wanted), (self._found, found)):
            known.update(value for table, column, value in cells if self._is_named(table, column, value))

    def pairs(self, compare: RowComparison, wanted: Cell, found: Any) -> Pairs | None:
        """Ids of a wanted value and those that stand in their place, ``None`` where the values differ otherwise."""
        table, column, value = wanted
        if self._is_named(table, column, value) and value in self._wanted and found in self._found:
            return [(value, found)]
        if isinstance(value, str) and isinstance(found, str):
            frame, ids = self._split(value)
            if ids:
                other_frame, others = self._split(found)
                return list(zip(ids, others, strict=True)) if frame == other_frame else None
        return [] if compare.same_stored(value, found) else None

    def _is_named(self, table: str, column: str, value: Any) -> bool:
        named = any(column in self._columns.get(one, ()) for one in (table, ALL_TABLES))
        return named and isinstance(value, str | int)

    def _split(self, text: str) -> tuple[str, list[str]]:
        """A text with marks in place of its ids, and the ids in order."""
        if text not in self._frames:
            held = sorted((text.index(one), one) for one in self._made if one in text)
            frame = text
            for _, one in held:
                frame = frame.replace(one, "\0")
            self._frames[text] = frame, [one for _, one in held]
        return self._frames[text]


class Bindings:
    """Which id stands for which, one for one."""

    def __init__(self) -> None:
        self._forth: dict[Any, Any] = {}
        self._back: dict[Any, Any] = {}

    def add(self, pairs: Pairs) -> Pairs | None:
        """Bind them; those that were not bound before, ``None`` (and nothing bound) where they contradict."""
        new: Pairs = []
        for one, other in pairs:
            if one not in self._forth and other not in self._back:
                self._forth[one], self._back[other] = other, one
                new.append((one, other))
            elif one not in self._forth or self._forth[one] != other:
                self.remove(new)
                return None
        return new

    def remove(self, pairs: Pairs) -> None:
        """Undo what :meth:`add` bound."""
        for one, other in pairs:
            del self._forth[one], self._back[other]


def paired(
    lefts: Sequence[L], rights: Sequence[R], fit: Callable[[L, R], Pairs | None], bindings: Bindings
) -> dict[int, int]:
    """A largest pairing, as the right place by the left one.

    Args:
        lefts: one side.
        rights: the other.
        fit: the ids that two have in each other's place, ``None`` where they are no pair.
        bindings: ids that are bound already; gets those of the pairing.
    """
    near: list[list[tuple[int, Pairs]]] = [
        [(place, pairs) for place, right in enumerate(rights) if (pairs := fit(left, right)) is not None]
        for left in lefts
    ]
    named = [place for place, options in enumerate(near) if any(pairs for _, pairs in options)]
    found = _renamed({place: near[place] for place in named}, bindings)
    taken = set(found.values())
    plain = {
        place: [other for other, _ in options if other not in taken]
        for place, options in enumerate(near)
        if place not in named
    }
    owner: dict[int, int] = {}
    for place in plain:
        _augment(place, plain, owner, set())
    return found | {place: other for other, place in owner.items()}


def _augment(place: int, near: Mapping[int, list[int]], owner: dict[int, int], seen: set[int]) -> bool:
    for other in near[place]:
        if other not in seen:
            seen.add(other)
            if other not in owner or _augment(owner[other], near, owner, seen):
                owner[other] = place
                return True
    return False


def _renamed(near: Mapping[int, list[tuple[int, Pairs]]], bindings: Bindings) -> dict[int, int]:
    """The largest pairing whose ids agree, or the best that was found within the bound."""
    places = list(near)
    best: dict[int, int] = {}
    current: dict[int, int] = {}
    steps = 0

    def walk(depth: int) -> None:
        nonlocal best, steps
        if len(current) > len(best):
            best = dict(current)
        if len(current) + len(places) - depth <= len(best) or steps > MAX_STEPS:
            return
        place = places[depth]
        for other, pairs in near[place]:
            steps += 1
            if other in current.values() or (new := bindings.add(pairs)) is None:
                continue
            current[place] = other
            walk(depth + 1)
            del current[place]
            bindings.remove(new)
        walk(depth + 1)

    walk(0)
    for place, other in best.items():
        bindings.add(next(pairs for one, pairs in near[place] if one == other))
    return best
