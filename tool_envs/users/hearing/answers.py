"""Whether a message tells the user what it may have wanted to know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from verl_agentic.tool_envs.users.hearing.acts import Answering
from verl_agentic.tool_envs.users.hearing.lines import Line
from verl_agentic.tool_envs.users.hearing.words.values import Value, compact_of, holds

# A line that does one of these is about what comes next.
_NOT_TELLING = frozenset({"request", "wanting", "agreed", "consent", "work", "step", "doubt", "offered", "promise"})
_TO_THE_USER = frozenset({"you", "your", "yours"})


class Answers:
    """Finds what is told about the user's matter, as far as the user did not tell it itself."""

    def __init__(self, values: Iterable[Value], expects: Iterable[str]) -> None:
        """Read what is known.

        Args:
            values: what the user knows.
            expects: what the agent may tell.
        """
        known = list(values)
        self._known = frozenset(value.compact for value in known)
        days = {value.day for value in known} - {None}
        expected = [Value(text, ()) for text in expects]
        self._expected = [one for one in expected if one.compact not in self._known and one.day not in days]

    def told_in(self, lines: Sequence[Line]) -> Answering:
        """What a message tells."""
        telling = [line for line in lines if not line.clauses and not line.kinds & _NOT_TELLING]
        if any(holds(value, line.sentence) for line in telling for value in self._expected):
            return Answering.EXPECTED
        return Answering.SOME if any(map(self._is_news, telling)) else Answering.NONE

    def _is_news(self, line: Line) -> bool:
        words = line.sentence.words
        compacts = [compact_of(word) for word in words]
        if _TO_THE_USER.isdisjoint(words) and self._known.isdisjoint(compacts):
            return False
        return any(any(char.isdigit() for char in one) and one not in self._known for one in compacts)
