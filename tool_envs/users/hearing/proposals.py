"""Whether a message speaks of something that could be had in place of what the user asked for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from verl_agentic.tool_envs.users.hearing.lines import Line
from verl_agentic.tool_envs.users.hearing.values import Value, number_of, units_in

_PROPOSES = re.compile(
    r"\b(?:offer|offers|offered|offering|instead|alternative|alternatively|alternatives|at (?:the )?(?:very )?most"
    r"|highest|lowest|earliest|longest|shortest|nearest|next best|rather|the most (?:i|we) can) "
)
# These say it of what is wanted as well, unless that was denied before.
_COULD_BE = re.compile(
    r"\b(?:options?|possible|available|free|left|would be|would cost|could (?:also )?(?:offer|do|have|give|book|take"
    r"|come|put)|latest|what about|how about) "
)
_GONE = re.compile(
    r"\b(?:taken|full|gone|occupied|sold out|booked (?:up|out)|nothing (?:left|free|available)|none left|not free"
    r"|out of stock|discontinued|too (?:late|long|many|much|large|high|low|early|short|big|small)) "
)
_DENIES = ("refusal",)


class Proposals:
    """Finds what is proposed to a user."""

    def __init__(self, values: Iterable[Value]) -> None:
        """Read what the user wants.

        Args:
            values: what its facts hold.
        """
        self._measures = list(dict.fromkeys(one for value in values for one in _measures(value.words)))

    def made(self, lines: Sequence[Line]) -> bool:
        """Whether lines name something else that could be had, or want the user to agree to it after a denial."""
        denied = False
        for line in lines:
            spans = denials(line)
            if any(_outside(found, spans) for found in _PROPOSES.finditer(line.text)):
                return True
            after = max((end for _, end in spans), default=-1)
            if denied or spans:
                weak = (found for found in _COULD_BE.finditer(line.text) if denied or found.start() >= after)
                if any(_outside(found, spans) for found in weak):
                    return True
            if denied and _wants_yes(line):
                return True
            if "offer" in line.kinds and self._is_other_number(line):
                return True
            denied = denied or bool(spans)
        return False

    def _is_other_number(self, line: Line) -> bool:
        """Whether a line has another number of what the user wants a number of."""
        words = line.sentence.words
        for number, unit in self._measures:
            numbers = units_in(words, unit)
            if numbers and number not in numbers:
                return True
        return False


def _measures(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Numbers and what they are numbers of."""
    for one, following in itertools.pairwise(words):
        if (number := number_of(one)) and following.isalpha():
            yield number, following.rstrip("s")


def denials(line: Line) -> Collection[tuple[int, int]]:
    """Where a line says that something cannot be had: begins and ends."""
    if "harmless" in line.kinds:
        return ()
    found = [(one.start, one.end) for name in _DENIES for one in line.of(name)]
    gone = () if line.clauses else _GONE.finditer(line.text)
    return [*found, *(one.span() for one in gone)]


def _outside(found: re.Match[str], spans: Iterable[tuple[int, int]]) -> bool:
    return not any(start < found.end() and found.start() < end for start, end in spans)


def _wants_yes(line: Line) -> bool:
    return line.asks("consent", "said") or "consent" in line.kinds
