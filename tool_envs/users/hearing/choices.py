"""Which fact a question asks for that names none: by what there is to choose from, or by its sense."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from verl_agentic.tool_envs.users.hearing.lines import Clause, Line
from verl_agentic.tool_envs.users.hearing.offers import content_of
from verl_agentic.tool_envs.users.hearing.words.phrases import Phrases, spelled
from verl_agentic.tool_envs.users.plan import PlannedFact

_CHOICES = (
    (
        re.compile(r"\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|today)\b"),
        ("which day", "what day", "day", "which date", "date"),
    ),
    (
        re.compile(r"\b\d{1,2}[:.]\d\d\b|\b\d{1,2} (?:am|pm)\b|\b(?:morning|afternoon|evening|noon)\b"),
        ("what time", "time of day", "which time", "time", "time slot"),
    ),
    (
        re.compile(r"\b\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b"),
        ("which date", "what date", "date", "which day"),
    ),
)
_ENDS = ("until when", "last day", "day of leaving", "departure", "how many nights", "how many days", "how long", "end")
_AN_END = re.compile(
    r"\b(?:until|till|last|latest|end|ends|leav\w+|return|back|departure|expir\w+|how long)\b", re.IGNORECASE
)
# What a question may mean whose own words name nothing, and how facts may be named that answer it.
_SENSES = (
    (re.compile(r"(?:how much|what) (?:does|do|did|will|would|is) .*\bweigh(?:ing)? "), ("weight", "kilos", "kg")),
    (
        re.compile(r"(?:until|till) (?:which|what|when) |(?:for )?how long .*\bstay "),
        _ENDS,
    ),
    (
        re.compile(r"when (?:do|will|are|would|did|does) (?:you|they|it|we) .*\b(?:leave|leaving|depart|start) "),
        ("departure", "leave", "day of departure", "first day", "move out", "from when", "start"),
    ),
    (
        re.compile(r"when (?:do|will|are|would) (?:you|they) .*\b(?:be back|return|returning|come back|coming back) "),
        ("return", "last day", "until when", "day of return"),
    ),
    (
        re.compile(r"(?:when|on (?:which|what) day) (?:was|were|did|has|have|will|is) .*\b(?:deliver(?:ed)?|arrived?"
        r"|come|came|brought) "),
        ("delivery day", "date of the delivery", "delivered", "which delivery", "which order", "order number"),
    ),
    (
        re.compile(r"(?:(?:in )?(?:which|what) way|how) .*\b(?:be paid|get (?:it|the money|your money)|receive it) "),
        ("way of payment", "means of payment", "payment method", "refund method", "paid out", "payment"),
    ),
    (
        re.compile(r"(?:which|what) (?:one|ones|thing|things|of them)\b.*\b(?:sell|sold|buy|bought|return|exchange"
        r"|order|ordered|list|pause|mean) "),
        ("item", "title", "product", "article", "listing", "sale number", "which one"),
    ),
    (
        re.compile(r"(?:which|what|for which|about which|in which) (?:delivery|purchase|order|shopping|sale|booking"
        r"|reservation|stay|trip|shipment) "),
        ("which delivery", "order number", "delivery number", "purchase number", "sale number", "booking number"
        , "booking code", "booking reference", "reservation number", "reservation code", "order", "reference"),
    ),
)  # fmt: skip
_OR = re.compile(r" (?:, )?or ")
# What stands after these is no second thing to choose.
_NO_CHOICE = re.compile(
    r" or (?:not|no|is|are|was|do|does|did|would|should|shall|will|can|could|have|has|if|so|anything|something|else"
    r"|more|leave|keep|wait|cancel|change|stop|rather|whatever|maybe|perhaps|what|which|how|any|other|another|later|both"
    r"|you) "
)
_STATING = frozenset({"right", "correct", "ok", "yes", "no", "agreed", "anything", "questions", "else", "more"})
_STEM = 5
_LONGEST = 12


class Choices:
    """Finds the fact that a question asks for by its sense."""

    def __init__(self, facts: Sequence[PlannedFact], phrases: Phrases) -> None:
        """Read what the facts hold.

        Args:
            facts: what the user can tell.
            phrases: the words that ask for them.
        """
        self._phrases = phrases
        self._ends = frozenset(fact.name for fact in facts if any(_AN_END.search(text) for text in fact.ask))
        self._facts = facts

    @cached_property
    def _stems(self) -> dict[str, frozenset[str]]:
        return {
            fact.name: frozenset(
                word[:_STEM] for text in (*fact.ask, *fact.say, *fact.values) for word in content_of(text)
            )
            for fact in self._facts
        }

    def by_kind(self, line: Line, part: tuple[int, int]) -> list[str]:
        """The fact that a choice of days or the like asks for where its own words do not, by the kind."""
        text = line.text[slice(*part)]
        if (" or " not in text and " and " not in text) or self._phrases.mentions(line.words, [part]):
            return []
        for choices, wordings in _CHOICES:
            if len(choices.findall(text)) > 1:
                return self._named(wordings)
        return []

    def until(self, name: str) -> list[str]:
        """The facts that tell the end of something that a question seems to ask a fact for."""
        return [name] if name in self._ends else self._named(_ENDS) or [name]

    def by_sense(self, line: Line, clause: Clause, told: frozenset[str], named: Sequence[str]) -> list[str]:
        """The fact that a clause asks for whose words name none.

        Args:
            line: the line.
            clause: what it asks.
            told: the facts that the agent has been told, which others go before.
            named: the facts that the line names.
        """
        if clause.kind == "ask":
            text = line.text[clause.start : clause.end]
            for sense, wordings in _SENSES:
                if sense.match(text):
                    apart = not named or not self._phrases.mentions(line.words, [(clause.start, clause.end)])
                    return self._named(wordings) if apart else []
        return self._chosen(line, clause, told) if not named and is_either_or(line, clause) else []

    def _chosen(self, line: Line, clause: Clause, told: frozenset[str]) -> list[str]:
        """The fact that holds one of the things to choose from."""
        things = {word[:_STEM] for word in content_of(line.text[clause.start : clause.end])}
        shared = {name: len(things & stems) for name, stems in self._stems.items()}
        best = max(((shared[name], name not in told) for name in shared), default=(0, False))
        return [name for name in shared if best[0] and (shared[name], name not in told) == best][:1]

    def _named(self, wordings: Sequence[str]) -> list[str]:
        for wording in wordings:
            if found := self._phrases.mentions(spelled(wording.split()), ((0, 1 << 30),)):
                return [mention.fact for mention in found]
        return []


def is_either_or(line: Line, clause: Clause) -> bool:
    """Whether a clause asks which of two things it is to be."""
    text = line.text[clause.start : clause.end]
    joined = _OR.search(text)
    if joined is None or _NO_CHOICE.search(text) or clause.kind not in ("consent", "said"):
        return False
    if clause.kind == "said":
        words = text.split()
        return (
            len(words) <= _LONGEST and _STATING.isdisjoint(words) and not line.kinds & {"consent", "agreed", "closing"}
        )
    return True
