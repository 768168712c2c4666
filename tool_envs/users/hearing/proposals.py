"""Whether a message speaks of something that could be had in place of what the user asked for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from verl_agentic.tool_envs.users.hearing.acts import ASIDE
from verl_agentic.tool_envs.users.hearing.lines import Line
from verl_agentic.tool_envs.users.hearing.offers import content_of
from verl_agentic.tool_envs.users.hearing.words.classes import word_set
from verl_agentic.tool_envs.users.hearing.words.clean import sentences
from verl_agentic.tool_envs.users.hearing.words.values import Value, holds, number_of, units_in
from verl_agentic.tool_envs.users.plan import PlannedFact

_PROPOSES = re.compile(
    r"\b(?:offer|offers|offered|offering|instead|alternative|alternatively|alternatives|at (?:the )?(?:very )?most"
    r"|highest|lowest|earliest|longest|shortest|nearest|next best|rather|the most (?:i|we) can) "
)
# These say it of what is wanted as well, unless that was denied before.
_COULD_BE = re.compile(
    r"\b(?:options?|possible|available|free|left|would be|would cost|could (?:also )?(?:offer|do|have|give|book|take"
    r"|come|put)|latest|what about|how about|only|another|other"
    r"|the next) "
)
_ONLY = re.compile(r"\b(?:i|we) (?:can|could) only ")
_GONE = re.compile(
    r"(?<!\bbe )\b(?:taken|full|gone|occupied|sold out|booked (?:up|out)|nothing (?:left|free|available)|none left"
    r"|not free|out of stock|discontinued|too (?:late|long|many|much|large|high|low|early|short|big|small)) "
)
_DENIES = ("refusal",)
# What is said of what is done, and denies nothing.
_FOR_GOOD = re.compile(
    r"\b(?:undone|reversed|revoked|afterwards|later on|later|once|hereafter|from then on|taken back) "
)
_GOING_ON = word_set("ahead sure still then agree proceed continue want fine happy alright really anyway all same")
_STEM = 5


class Proposals:
    """Finds what is proposed to a user."""

    def __init__(
        self, facts: Sequence[PlannedFact], values: Mapping[str, Sequence[Value]], texts: Iterable[str] = ()
    ) -> None:
        """Read what the user wants.

        Args:
            facts: what the user knows, what it says to offers among it.
            values: what each of them holds, by its name.
            texts: how the user put what it wants.
        """
        own = [fact for fact in facts if fact.offer is None]
        self._values = {fact.name: [one for one in values[fact.name] if not one.code] for fact in own}
        several = [one for fact in own for one in values[fact.name]]
        self._measures = list(dict.fromkeys(one for value in several for one in _measures(value.words)))
        self._texts = [*texts, *(text for fact in own for text in (*fact.ask, *fact.say, *fact.values))]

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(word[:_STEM] for text in self._texts for word in content_of(text))

    def made(self, lines: Sequence[Line], told: frozenset[str]) -> bool:
        """Whether lines name something else that could be had, or want the user to agree to it after a denial.

        Args:
            lines: a message.
            told: names of the facts that the agent has been told.
        """
        denied = False
        wanted = any(line.wants_consent for line in lines)
        rest: list[str] = []
        for line in lines:
            spans = denials(line)
            for found in _PROPOSES.finditer(line.text):
                # "The earliest day" is a wish in some scripts.
                if not _outside(found, spans) or found[0].strip()[:_STEM] in self._stems:
                    continue
                if denied or spans or not self._restates(line, found, told):
                    return True
            only = _ONLY.search(line.text) if wanted else None
            if only and not self._restates(line, only, told):
                return True
            after = max((end for _, end in spans), default=-1)
            if denied or spans:
                weak = (found for found in _COULD_BE.finditer(line.text) if denied or found.start() >= after)
                if any(_outside(found, spans) for found in weak):
                    return True
            if denied or spans:
                rest.append(line.text[max(after, 0) :])
            if denied and line.wants_consent and any(self._is_new(text) for text in rest):
                return True
            if "offer" in line.kinds and self._is_other_number(line):
                return True
            denied = denied or bool(spans)
        return False

    def _restates(self, line: Line, found: re.Match[str], told: frozenset[str]) -> bool:
        """Whether a line names what the agent was told, other than as that in whose place something comes."""
        if self._is_other_number(line):
            return False
        text = line.text[: found.start()] if line.text.startswith("of ", found.end()) else line.text
        values = [value for name, several in self._values.items() if name in told for value in several]
        return any(holds(value, one) for one in sentences(text) for value in values)

    def _is_new(self, text: str) -> bool:
        """Whether a text speaks of something that is not what the user wants."""
        return any(word[:_STEM] not in self._stems and word not in _GOING_ON for word in content_of(text))

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
    if "harmless" in line.kinds or line.text.startswith(ASIDE) or _FOR_GOOD.search(line.text):
        return ()
    found = [(one.start, one.end) for name in _DENIES for one in line.of(name)]
    gone = () if line.clauses else _GONE.finditer(line.text)
    return [*found, *(one.span() for one in gone)]


def _outside(found: re.Match[str], spans: Iterable[tuple[int, int]]) -> bool:
    return not any(start < found.end() and found.start() < end for start, end in spans)
