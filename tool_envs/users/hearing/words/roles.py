"""The role of a fact's words in what is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from verl_agentic.tool_envs.users.hearing.lines import Line
from verl_agentic.tool_envs.users.hearing.words.classes import word_set
from verl_agentic.tool_envs.users.hearing.words.phrases import Mention, Word

_WHETHER = re.compile(r"\b(?:if|whether) (?:(?!and |or )[^\s,;:]+ ){0,3}$")
_RELATIVE = re.compile(
    r"\b(?!(?:me|us|know|and|or|also|tell|is|was) )[a-z]+ (?:on|in|at|from|for|with) which (?:it|this|that) $"
)
_UNTIL = re.compile(r"\b(?:until|till) (?:which |what |the )?$")
_FOR_WHERE = re.compile(
    r"(?:where|why) (?!is |are |was |were )|when (?:did|do|does|would|should|can|could|will|shall) "
)
_PREPOSITIONS = word_set("of in on from for with to at by under")
# "The name of the medicine" is the medicine.
_NAMING = word_set("name number date kind type model title")
_DETERMINERS = frozenset({"the", "your", "this", "that"})
_WHICH = re.compile(r"(?:(?:by|from|until|since|under|in|on|at|for|to|with|of|about) )?(?:which|what) ")
_JOINING = word_set("and or also together along plus well , :")
_AGENT = frozenset({"i", "we"})


def _is_prepositional(words: Sequence[Word], at: int) -> bool:
    named = at > 2 and words[at - 2].word == "of" and words[at - 3].word in _NAMING
    return at > 1 and not named and words[at - 1].word in _DETERMINERS and words[at - 2].word in _PREPOSITIONS


def is_about(line: Line, last: Mention, mention: Mention) -> bool:
    """Whether a word says more of what a question is for, as in "which branch would you pick it up from"."""
    first, second = line.words[last.places[0]], line.words[mention.places[0]]
    clause = next((one for one in line.clauses if one.start <= first.start < one.end), None)
    if clause is None or not clause.start <= second.start < clause.end or not _WHICH.match(line.text, clause.start):
        return False
    between = line.words[last.places[-1] + 1 : mention.places[0]]
    return not any(word.word in _JOINING for word in between)


def is_whether(line: Line, mention: Mention) -> bool:
    """Whether something else is asked about what a word names, as in "let me know whether the items are there"."""
    before = line.text[: line.words[mention.places[0]].start]
    return bool(_WHETHER.search(before))


def is_relative(line: Line, mention: Mention) -> bool:
    """Whether a word only says more of what is asked for, as in "the day on which it happened"."""
    return bool(_RELATIVE.search(line.text[: line.words[mention.places[0]].start]))


def is_until(line: Line, mention: Mention) -> bool:
    """Whether words are about the end of something, as in "until which day", without naming it themselves."""
    return bool(_UNTIL.search(line.text, 0, line.words[mention.places[0]].start))


def is_argument(line: Line, mention: Mention) -> bool:
    """Whether a word only says what a question for a place, a time or a reason is about."""
    at = line.words[mention.places[0]].start
    clause = next((one for one in line.clauses if one.start <= at < one.end), None)
    return clause is not None and at > clause.start and bool(_FOR_WHERE.match(line.text, clause.start))


def is_part_of(words: Sequence[Word], last: Mention, mention: Mention) -> bool:
    """Whether a word only says more of what was named before it, as the order in "the name on the order"."""
    between = words[last.places[-1] + 1 : mention.places[0]]
    near = len(between) <= 3 and not any(word.word in _JOINING for word in between)
    return near and _is_prepositional(words, mention.places[0])


def is_direct(words: Sequence[Word], mention: Mention, parts: Sequence[tuple[int, int]]) -> bool:
    """Whether a single word is what is asked for, rather than part of what is said of it."""
    at = mention.places[0]
    begin = max((start for start, end in parts if start <= words[at].start < end), default=0)
    distance = at - next(place for place, word in enumerate(words) if word.start >= begin)
    if _is_prepositional(words, at) and distance > 3:
        return False
    conditions = [place for place in range(at - distance, at) if words[place].word in ("if", "whether")]
    if any(words[place + 1].word not in _AGENT for place in conditions):
        return False
    if distance <= 4 or (at > 1 and words[at - 2].word == "about"):
        return True
    listed = any(word.word in _JOINING for word in words[max(0, at - 3) : at])
    return mention.head and (listed or distance <= 8)
