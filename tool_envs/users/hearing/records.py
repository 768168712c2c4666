"""Whether a question is about the right record: the booking, order or contract that the user means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from verl_agentic.tool_envs.users.hearing.lines import Line
from verl_agentic.tool_envs.users.hearing.words.classes import word_set
from verl_agentic.tool_envs.users.hearing.words.clean import words_of
from verl_agentic.tool_envs.users.hearing.words.phrases import spelled
from verl_agentic.tool_envs.users.hearing.words.values import MIN_CODE, TRIVIAL, Value, compact_of
from verl_agentic.tool_envs.users.plan import PlannedFact

_NAMES_ONE = re.compile(
    r"\b(?:(?:is|was) (?:it|this|that|your (?:request|question))|(?:are|were) (?:we|you) (?:talking|speaking|writing"
    r"|asking|calling)|(?:do|did) you mean|(?:does|do) (?:it|this|that|your (?:request|question)) (?:concern|relate to)"
    r"|(?:i|we) (?:can |have |could )?(?:see|find|found|have|got)(?: here)?)"
    r" (?:really |perhaps |maybe |indeed )?(?:about |for |on |regarding |with |of |in )?(?:the |your |a |an |this )?"
    r"(?P<what>(?:[a-z-]+ ){1,3})(?:[:(#] )*(?P<code>[a-z0-9/.-]+) "
)
_IS_IT = re.compile(
    r"(?:so |and |, )*(?:(?:is|was) (?:it|that|this)(?: the)?(?: right| correct| that| this| one)*"
    r"(?: (?:you|we)(?: are talking)?(?: mean| about)?)?|right|correct|do you mean (?:it|that|this)(?: one)?) "
)
_OF_ANYTHING = word_set("number code reference id no the of your on which what name date") | TRIVIAL
_AMOUNT = re.compile(r"\d{1,3}(?:,\d{3})*[.,]\d\d|\d{4}-\d\d-\d\d|\d{1,2}:\d\d")
_FEWEST_DIGITS = 2


class Records:
    """What the user knows of records, by the code of each."""

    def __init__(self, facts: Sequence[PlannedFact], values: Mapping[str, Sequence[Value]]) -> None:
        """Read the codes.

        Args:
            facts: what the user knows.
            values: what each of them holds, by its name.
        """
        self._codes = {
            fact.name: frozenset(
                one
                for text in (*fact.values, *fact.slip_values)
                if _is_code(one := compact_of(text)) or _is_lettered(text)
            )
            for fact in facts
            if any(value.code for value in values[fact.name]) or any(map(_is_lettered, fact.values))
        }
        self._nouns = {
            fact.name: frozenset(word.word for text in fact.ask for word in spelled(words_of(text))) - _OF_ANYTHING
            for fact in facts
            if fact.name in self._codes
        }

    def named(self, lines: Sequence[Line]) -> tuple[list[str], list[str]]:
        """The facts whose record questions name: those of which they name another, and those of which the right one."""
        wrong: dict[str, None] = {}
        right: dict[str, None] = {}
        for line, following in zip(lines, [*lines[1:], None], strict=True):
            asks = line.clauses or (following and _IS_IT.fullmatch(following.text))
            found = _NAMES_ONE.search(line.text) if asks else None
            if found is None or _AMOUNT.fullmatch(found["code"]):
                continue
            code = compact_of(found["code"])
            nouns = {word.word for word in spelled(found["what"].split())}
            about = [name for name, own in self._nouns.items() if own & nouns]
            if held := [name for name in about if code in self._codes[name]]:
                right.update(dict.fromkeys(held))
            elif (
                about
                and _is_code(code)
                and not any(one in compact_of(line.text) for codes in self._codes.values() for one in codes)
            ):
                wrong[about[0]] = None
        return list(wrong), list(right)


def _is_lettered(text: str) -> bool:
    """Whether a value is a code of letters alone."""
    return len(text) > MIN_CODE and text.isalpha() and text.isupper()


def _is_code(compact: str) -> bool:
    return len(compact) >= MIN_CODE and sum(char.isdigit() for char in compact) >= _FEWEST_DIGITS
