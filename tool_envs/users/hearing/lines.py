"""A message as the reader takes it in: its sentences with what was found in them, and the clauses of its questions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from verl_agentic.tool_envs.users.hearing.denials import DENIALS
from verl_agentic.tool_envs.users.hearing.handovers import HANDOVERS
from verl_agentic.tool_envs.users.hearing.openings import OPENINGS
from verl_agentic.tool_envs.users.hearing.reports import REPORTS
from verl_agentic.tool_envs.users.hearing.requests import REQUESTS
from verl_agentic.tool_envs.users.hearing.words.classes import CLASSES
from verl_agentic.tool_envs.users.hearing.words.clean import Sentence, sentences
from verl_agentic.tool_envs.users.hearing.words.phrases import Word, spelled
from verl_agentic.tool_envs.users.hearing.words.wording import Found, Wordings

_ASKS = (
    r"(?:(?:by|from|until|since|under|in|on|at|for|to|with|of|about) )?(?:how|what|which|who|whom|whose|where"
    r"|whereabouts|when|why)"
    r"|do|did|does|are|is|was|were|have|has|had|can|could|will|would|should|shall|may|might|any|everything|all|want"
    r"|need"
    r"|ready|interested|right|correct|ok|yes|agreed|deal|confirm|anything|sound|sounds"
    r"|you(?= are (?:ok|fine|happy|sure|aware|good|certain|comfortable) )"
)
_OPENS = re.compile(rf"(?:{_ASKS})\b")
_ASKS_LAST = re.compile(r"\b(?:when|what|which|where|whom?|how (?:many|much)) $")
# "Flicking through the book for this week": who does it is left out, and so is the verb that says that it is done.
_DOING = re.compile(
    r"(?:(?:just|now|ok|still|right|great|sure|one moment) (?:, )?)*(?!(?:regarding|concerning|during|including"
    r"|following"
    r"|according|depending|considering|missing|pending|something|nothing|everything|anything|morning|evening|thing"
    r"|bring|spring|king|being|having) )(?:cross |double |re |quickly |briefly )?[a-z]{2,}ing (?!.*\b(?:is|are|was"
    r"|were|means|leads|costs|takes|requires|would|can"
    r"|could|may|might|has|does|do|makes|helps|ends|must|should|follows|comes|arrives|starts|will|begins) )"
)
# "That is for how many nights?"
_IN_PLACE = re.compile(
    r"\b(?:for|on|in|at|from|to|by|until|with|under|is|was|be|want|like|need|buy|order) "
    r"(?:how (?:many|much|long)|which|what) (?:[a-z]+ ){1,2}$"
)
# "The olive oil, was it?"
_TAG = re.compile(
    r"(?:is|was|are|were|do|does|did|has|have|had|will|would|can) (?:not )?(?:it|you|they|that)(?: not)? $"
)
_RELATIVE = r"which (?:you|i|we|is|are|was|were|will|would|can|has|have|the|it|they|means|should) "
_AFTER_AND = (
    r"(?:how|what|which|who|whom|whose|where|when|why) "
    r"|[a-z]+ (?:you|i|we|it|this|that|there|the|your|any|they|these|he|she|someone|anyone|somebody) "
)
_CLAUSE = re.compile(
    rf"(?:^|[,;:(-] (?:(?:and|or|so|then|but|also|plus|if so ,|now) )+|[,;:(-] (?!{_RELATIVE})"
    rf"|\b(?:and|or|but) (?={_AFTER_AND}))(?=(?:{_ASKS}) )"
)
_LEAD = re.compile(
    r"(?:(?:and|so|or|ok|also|now|then|but|well|great|thanks|sure|first|next|finally|lastly|secondly|please|perfect"
    r"|good|hi|hello|hey|just|yes|right|again|oh|by the way|in that case|if so|therefore|thank you|sorry|excuse me|dear"
    r"|alternatively|instead|before that|one more thing|quick question|one question|last question|meanwhile|firstly"
    r"|could i ask|may i ask|can i ask) (?:[,:] )?)+"
)
_SUBORDINATE = re.compile(
    r"\b(?:after|once|when|if|which|who|whether|until|as|because|since|where|before|unless|provided|in case|as soon as"
    r"|should|what|glad that|happy that|pleased that|relieved that|great that) (?:[^\s,;:()]+ ){0,7}$|\b[a-z]+(?:s"
    r"|ment|ket|er|ion|tem|one|age|ing) that (?:[^\s,;:()]+ ){0,4}$"
)
_FINITE = re.compile(
    r"\b(?:is|are|was|were|have|has|had|be|been|being|will|would|can|could|may|i|we|you|please|get|gets|to|once|if|when"
    r"|not|no|by)\b"
)
_CARRIED = CLASSES["carried"].replace(" ", "|").replace("_", " ")
_LAST = re.compile(rf"(?:^| )(?:{_CARRIED}) (?:[:,.;(]|$|(?:until|from|for|on|at|with|as|successfully|in) )")
_PARTS = re.compile(r"[:,;(]")
_OURSELVES = re.compile(r"\bwe (?:have been|were) (?:[a-z]+ )?$")
_DENIALS = frozenset({"refusal", "limit", "negation"})
_TELLING = frozenset({"done", "refusal", "limit", "past", "handover", "consent", "agreed", "request", "closing"})
_REPORTS = frozenset({"done", "past"})
_ADDRESSED = frozenset({"request", "consent"})
# "Let me just confirm the number" asks nobody to.
_BY_ITSELF = re.compile(
    r"\b(?:let me|let us|(?:i|we) (?:will|am going to|are going to|have to|need to|just need to|must)) "
    r"(?:just |also |quickly |now |briefly |first |please |then )*$"
)
_SHORT = 6
_RHETORICAL = frozenset({"because", "yes", "no"})


# Read when the first message is heard: it takes a fraction of a second, and most processes hear none.
@cache
def _wordings() -> Wordings:
    return Wordings({**REPORTS, **HANDOVERS, **DENIALS, **REQUESTS}, CLASSES)


@cache
def _openings() -> Wordings:
    return Wordings(OPENINGS, CLASSES)


class Clause(NamedTuple):
    """A part of a sentence that asks: what it does, where it begins and where it ends."""

    kind: str
    start: int
    end: int


class Line:
    """A sentence and what was found in it.

    Attributes:
        sentence: the sentence.
        words: its words in one spelling each.
        found: the wordings in it that count.
        kinds: their names; ``telegraph`` for a report in the style of a telegram.
        clauses: what it asks, none where it is a statement.
    """

    __slots__ = ("clauses", "found", "kinds", "sentence", "words")

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        self.words: list[Word] = spelled(sentence.words)
        self.found = list(_counting(sentence, _wordings().find(sentence.words)))
        self.kinds = {one.name for one in self.found}
        self.clauses = list(_clauses(sentence.text)) if sentence.question else []
        if sentence.words[-1] == "only" and not self.clauses:
            self.kinds.add("limit")
        if not self.clauses and not self.kinds & {"done", "refusal", "agreed"} and _is_telegraph(sentence.text):
            self.kinds.add("telegraph")
        if not self.clauses and not self.kinds & _TELLING and _DOING.match(sentence.text):
            self.kinds.add("work")

    @property
    def text(self) -> str:
        return self.sentence.text

    def of(self, name: str) -> list[Found]:
        """What was found under a name."""
        return [one for one in self.found if one.name == name]

    def asks(self, *kinds: str) -> bool:
        """Whether a clause is one of these kinds."""
        return any(clause.kind in kinds for clause in self.clauses)

    @property
    def wants_consent(self) -> bool:
        """Whether it wants the user to agree to something."""
        return self.asks("consent", "said") or "consent" in self.kinds


def heard_lines(message: str) -> list[Line]:
    """The lines of a message; a question that the agent answers itself counts as a statement."""
    lines = [Line(sentence) for sentence in sentences(message)]
    for line, following in itertools.pairwise(lines):
        if line.clauses and following.sentence.words[0] in _RHETORICAL:
            line.clauses = []
            line.found = [one for one in line.found if one.name != "request"]
            line.kinds.discard("request")
    return lines


def _counting(sentence: Sentence, found: list[Found]) -> Iterator[Found]:
    """What counts of what was found: no denial that is none, and no report of what is only supposed."""
    harmless = [one for one in found if one.name == "harmless"]
    for one in found:
        if one.name in _DENIALS and any(
            other.start <= one.start < other.end or (one.start <= other.start < one.end and one.name != "limit")
            for other in harmless
        ):
            continue
        if one.name in _REPORTS and (
            _SUBORDINATE.search(sentence.text[: one.start]) or _OURSELVES.search(sentence.text[: one.end])
        ):
            continue
        if one.name == "work" and sentence.text.endswith(("not ", "never "), 0, one.start):
            continue
        if one.name in _ADDRESSED and _BY_ITSELF.search(sentence.text, 0, one.start):
            continue
        if one.name == "doubt" and sentence.text.endswith("you ", 0, one.start):
            continue
        yield one


def _clauses(text: str) -> Iterator[Clause]:
    lead = _LEAD.match(text)
    first = lead.end() if lead and lead.end() < len(text) else 0
    closing = False
    starts = sorted({first, *(clause.end() for clause in _CLAUSE.finditer(text) if clause.end() > first)})
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        kind = "said" if start > first and _TAG.match(text, start, end) else _openings().begin(text, start)
        if not kind:
            asks = (
                _OPENS.match(text, start) or _ASKS_LAST.search(text, start, end) or _IN_PLACE.search(text, start, end)
            )
            kind = "ask" if asks else "said"
        # "Was that all, or would you like a bag" asks for anything else, too.
        closing = kind == "closing" or (closing and text.endswith(" or ", 0, start))
        yield Clause("closing" if closing else kind, start, end)
        closing = closing and text.count(" ", start, end) <= _SHORT


def _is_telegraph(text: str) -> bool:
    return any(_LAST.search(part) and not _FINITE.search(part) for part in _PARTS.split(text))
