"""Which of its facts a message asks the user for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from verl_agentic.tool_envs.users.hearing.choices import Choices, is_either_or
from verl_agentic.tool_envs.users.hearing.lines import Clause, Line
from verl_agentic.tool_envs.users.hearing.words.classes import word_set
from verl_agentic.tool_envs.users.hearing.words.clean import BLANK
from verl_agentic.tool_envs.users.hearing.words.phrases import Mention, Phrases
from verl_agentic.tool_envs.users.hearing.words.roles import (
    is_about,
    is_argument,
    is_direct,
    is_part_of,
    is_relative,
    is_until,
    is_whether,
)
from verl_agentic.tool_envs.users.hearing.words.values import Value, holds
from verl_agentic.tool_envs.users.hearing.words.wording import Found
from verl_agentic.tool_envs.users.plan import PlannedFact

# What follows tells what the answer is for.
_QUESTION_TAIL = re.compile(
    r"(?:, )?\b(?:so that|so (?:i|we)|because|in order to|so as to|for (?!your |the )[a-z]+ (?:purposes?|reasons)) "
    r"|, (?:which|as|since) "
)
_TAIL = re.compile(
    r"(?:, )?\b(?:so that|so (?:i|we|it)|in order that|so as to|because|once (?:i|we|it|you|they)"
    r"|and (?:i|we) (?:will|can|would)|for (?!your |the )[a-z]+ (?:purposes?|reasons)|then (?:i|we)|before (?:i|we)"
    r"|for which|as (?:i|we|this|that|it|soon)"
    r"|which (?:you|is|we|i) |since|otherwise|therefore|hence|to (?:process|find|access|verify|check|pay|look|complete"
    r"|proceed|file|submit|book|issue|cancel|open|see|make|locate|work out|create|start|get|set|continue|confirm|help"
    r"|assist|change|update|send|ensure|be able|investigate|match|move|go|use|discuss|allow|avoid|give|let|identify"
    r"|pull|bring|reach|finish|register|arrange|do|solve)) |, (?:which(?! is your)|it|they|these|this|you"
    r"|(?:i|we) (?:can|will|could|would|shall|am|are)) "
)
_NO_REQUEST = re.compile(r"\b(?:not|never|no|that|which) $|(?:^|[,;:] )(?:if|in case|should|whenever) [^,;:]*$")
_THANKS = re.compile(r"(?:many )?thank(?:s| you)(?: \w+){0,3} for (?:(?!(?:please|could|can|may|kindly|,|;) )\S+ )*")
_SETTLING = frozenset({"done", "consent", "refusal"})
# "Your name, please": what is asked for stands before.
_PLEASE = re.compile(r"[^,;:(] (?:, )?please (?:$|[,;] |and (?!(?:i|we) ))")
_PURPOSES = (" ( to ", " ( for ", " ( so ", " , to ", " , so ", " ( we ", " , which ")
_SUPPOSES = re.compile(r"(?:and |but |so )?(?:if|should|in case|when|whenever) ")
# What the agent says of itself, or of what was named before.
_SAID_OF = re.compile(
    r"\b(?:this|that|it|these|they|which) $"
    r"|\b(?:let me|while i|while we|(?:i|we) (?:will|am|are|have)) (?!not )[^,;:]*$"
)
_GOES_ON = re.compile(r"(?:and|also|plus) (?:your|the|also) ")
_SPOKEN = re.compile(r"\b(?:i|we) $")
_BUT_ONE = re.compile(r" (?:only|just|but) ")
# What is asked for stands before these words.
_PASSIVE = re.compile(
    r"(?:is|are|must|has to|have to be|will|would|should|needs? to be|possible|available|free|choose|offered|open) "
)
_AGENT = frozenset({"i", "we"})
# What is said of a thing that is not to be told.
_ORDERS = word_set("bring keep print pack remember use come find see visit drop return wear expect make collect take")
# What an entry that only names something does not have.
_FINITE = word_set("will would is are has receive get keep should must")
_PRONOUNS = word_set("it them this these both that those any one which do pick choice")
_TO_ME = word_set("me us i we please which what pick choose")
_FILL = word_set(
    "please your the a an my and or now hi hello ok first also next then again so with as well too number thanks"
    ' just only kindly in for of to full is , ; : ( ) "'
)
_OFFERED = re.compile(r"\b(?:available|possible|free|have|offer|slots?|openings?|left|choose|options?) ")
_SOMETHING = re.compile(r"\b(?:number|code|id|reference|entry|name|plate|details|information|it|that)\b")
_REPORTING = frozenset({"done", "refusal", "work", "closing", "consent", "past"})
_EVERYWHERE = ((0, 1 << 30),)
_LONGEST_LABEL = 8
_LONGEST_BARE = 12
_LONGEST_ANAPHOR = 14


class Asking(NamedTuple):
    """What is asked for.

    Attributes:
        facts: their names, in order.
        open: whether the message ends with a question that is for none of them.
    """

    facts: list[str]
    open: bool


class _Scope(NamedTuple):
    parts: list[tuple[int, int]]
    question: bool
    request: bool
    guess: bool


class FactWords:
    """Finds the facts that a message asks for."""

    def __init__(self, facts: Sequence[PlannedFact], values: Mapping[str, Sequence[Value]]) -> None:
        """Read the words that ask.

        Args:
            facts: what the user can tell.
            values: what each of them holds, by its name.
        """
        self._facts = facts
        self._values = values
        self._slips = {fact.name: [Value(text, ()) for text in fact.slip_values] for fact in facts if fact.slip}
        self._phrases = Phrases({fact.name: fact.ask for fact in facts})
        self._choices = Choices(facts, self._phrases)

    def asked(self, lines: Sequence[Line], told: frozenset[str]) -> Asking:
        """The facts that a message asks for; ``told`` are those that the agent has been told."""
        found: dict[str, None] = {}
        unanswered = listing = before = False
        settled = [_settles(line) for line in lines]
        working = ["work" in line.kinds and not line.kinds & {"request", "wanting"} for line in lines]
        for place, line in enumerate(lines):
            elsewhere = any(settled[:place]) or any(settled[place + 1 :]) or any(working[place + 1 :])
            scope = self._scope(line, told, listing=listing, after_question=before, settled=elsewhere)
            names = self._named(line, scope.parts, told)
            names += [name for part in scope.parts for name in self._choices.by_kind(line, part)]
            if scope.guess or (scope.question and " or " not in line.text and not line.asks("ask")):
                names = [name for name in names if not self._stated(name, line)]
            if scope.parts and not names and (scope.question or scope.request) and place and _refers_back(line):
                before_it = lines[place - 1]
                names = self._named(before_it, _EVERYWHERE, told)
                names = [name for name in names if name not in told] or names
                names = names or self._choices.by_kind(before_it, _EVERYWHERE[0])
            proposes = bool(names) and line.asks("consent")
            names += [name for clause in line.clauses for name in self._choices.by_sense(line, clause, told, names)]
            if proposes:
                names += self._proposed(line, told)
            if "doubt" in line.kinds:
                names += self._doubted(lines, place, told)
            found.update(dict.fromkeys(names))
            before = bool(names)
            asks = line.asks("ask") or any(is_either_or(line, clause) for clause in line.clauses)
            if (scope.question or asks) and not names and asks and place >= len(lines) - 2:
                unanswered = True
            if not (line.sentence.item and (listing or not line.sentence.heads)):
                listing = scope.request and (line.sentence.heads or not names)
        if not found and not any(line.clauses or "done" in line.kinds for line in lines):
            for line in lines:
                if _OFFERED.search(line.text):
                    found.update(dict.fromkeys(self._choices.by_kind(line, (0, len(line.text)))))
        return Asking(list(found), unanswered)

    def mentioned(self, lines: Sequence[Line], message: Sequence[Line]) -> list[str]:
        """The facts whose words some lines hold, asked for or not, and whose value the message does not hold."""
        named = (one.fact for line in lines for one in self._phrases.mentions(line.words, _EVERYWHERE))
        return [name for name in dict.fromkeys(named) if not any(self._stated(name, line) for line in message)]

    def _scope(self, line: Line, told: frozenset[str], *, listing: bool, after_question: bool, settled: bool) -> _Scope:
        """The parts of a line in which something is asked for."""
        sentence, text, size = line.sentence, line.text, len(line.text)
        requests = _requests(line, settled=settled)
        parts = list(_denied_but(line)) + [part for clause in line.clauses for part in _asked(line, clause)]
        question = bool(line.clauses) and bool(parts)
        if requests and not sentence.question:
            first, last = requests[0].start, max(one.end for one in requests)
            tail = _TAIL.search(text, last - 1)
            parts.append((0 if _PASSIVE.match(text, first) else first, tail.start() if tail else size))
        request = bool(requests)
        if parts or sentence.question:
            pass
        elif (sentence.item or listing) and not _has_value(text):
            if (listing and not _AGENT.intersection(_head(text).split(" "))) or self._is_label(line):
                parts = self._label_part(line, told)
        elif _PLEASE.search(text) and not _has_value(text) and not line.kinds & {"done", "work", "consent", "agreed"}:
            parts, request = [(0, size)], True
        elif (not sentence.item and not settled and not _has_value(text) and self._is_bare(line)) or (
            after_question and _GOES_ON.match(text)
        ):
            parts = [(0, size)]
        guess = bool(parts) and not question and not request and not listing
        if BLANK in sentence.words:
            parts = [(0, size)]
        return _Scope(parts, question, request, guess)

    def _named(self, line: Line, parts: Iterable[tuple[int, int]], told: frozenset[str]) -> list[str]:
        parts = list(parts)
        found: dict[str, None] = {}
        last: Mention | None = None
        for mention in self._phrases.mentions(line.words, parts) if parts else ():
            # "The new address" is the street, the town and the postcode alike.
            before = None if last is None or last.places == mention.places else last
            if mention.weight == 1:
                if mention.fact in told and not is_direct(line.words, mention, parts):
                    continue
                if mention.fact not in found and before and is_part_of(line.words, before, mention):
                    if not (before.weight == 1 and before.fact in told and mention.fact not in told):
                        continue
                    found.pop(before.fact, None)
            if mention.fact not in found and before and is_about(line, before, mention):
                continue
            if mention.fact in told and is_whether(line, mention):
                continue
            if mention.weight == 1 and (is_argument(line, mention) or is_relative(line, mention)):
                continue
            names = self._choices.until(mention.fact) if is_until(line, mention) else [mention.fact]
            found.update(dict.fromkeys(names))
            last = mention
        return list(found)

    def _proposed(self, line: Line, told: frozenset[str]) -> list[str]:
        """The untold facts that a question of yes or no speaks of, beside another question."""
        parts = [(clause.start, clause.end) for clause in line.clauses if clause.kind == "consent"]
        named = [one.fact for one in self._phrases.mentions(line.words, parts) if one.weight > 1]
        return [name for name in named if name not in told and not self._stated(name, line)]

    def _stated(self, name: str, line: Line) -> bool:
        return any(holds(value, line.sentence) for value in self._values[name])

    def _is_label(self, line: Line) -> bool:
        ordered = _ORDERS.intersection(line.sentence.words[:2]) or _FINITE.intersection(line.sentence.words)
        if ordered or len(line.words) > _LONGEST_LABEL or any(char.isdigit() for char in line.text):
            return False
        return bool(self._phrases.mentions(line.words, _EVERYWHERE))

    def _label_part(self, line: Line, told: frozenset[str]) -> list[tuple[int, int]]:
        ends = [end for mark in (" : ", " , ", " ( ") if (end := line.text.find(mark)) > 0]
        end = min(ends, default=len(line.text))
        named = {mention.fact for mention in self._phrases.mentions(line.words, [(0, end)])}
        if not named:
            return [(0, len(line.text))]
        rest = [(end, len(line.text))]
        if named <= told and not line.text.startswith(_PURPOSES, end):
            # "Desired date of travel, meaning the new date" is not the date that was told.
            more = {mention.fact for mention in self._phrases.mentions(line.words, rest)}
            return rest if more - told else [(0, end)]
        return [(0, end)]

    def _is_bare(self, line: Line) -> bool:
        """Whether a sentence is hardly more than the names of facts, as in "your address, please"."""
        if line.sentence.words[0].startswith("thank") or line.kinds & _REPORTING:
            return False
        if _ORDERS.intersection(line.sentence.words[:2]):
            return False
        tail = _TAIL.search(line.text)
        end = tail.start() if tail else len(line.text)
        words = [word for word in line.words if word.start < end]
        if len(words) > _LONGEST_BARE:
            return False
        mentions = self._phrases.mentions(words, [(0, end)])
        used = {place for mention in mentions for place in mention.places}
        rest = [word for place, word in enumerate(words) if place not in used and word.word not in _FILL]
        return bool(mentions) and len(rest) <= (2 if "please" in line.sentence.words else 0)

    def _doubted(self, lines: Sequence[Line], place: int, told: frozenset[str]) -> list[str]:
        """The facts that the agent could not find, or doubts."""
        line = lines[place]
        facts = [fact.name for fact in self._facts if fact.name in told and self._is_coded(fact.name)]
        held = [name for name in facts if any(holds(value, line.sentence) for value in self._coded(name))]
        if held:
            return held
        for near in (line, *lines[place + 1 : place + 2], *lines[max(0, place - 1) : place]):
            named = {mention.fact for mention in self._phrases.mentions(near.words, _EVERYWHERE)}
            if found := [name for name in facts if name in named]:
                return found
        return [name for name in facts if name in self._slips] if _SOMETHING.search(line.text) else []

    def _coded(self, name: str) -> list[Value]:
        return [*(value for value in self._values[name] if value.code), *self._slips.get(name, ())]

    def _is_coded(self, name: str) -> bool:
        return bool(self._coded(name))


def _settles(line: Line) -> bool:
    """Whether a line is what its message is about, beside which a mere mention of a need asks for nothing."""
    return line.asks("consent") or bool(line.kinds & _SETTLING)


def _requests(line: Line, *, settled: bool) -> list[Found]:
    """The requests of a line that ask the user for something.

    Args:
        line: the line.
        settled: whether the message is about something else.
    """
    if "agreed" in line.kinds or line.asks("closing") or ("closing" in line.kinds and _SUPPOSES.match(line.text)):
        return []
    denied = max((one.end for one in line.of("denied_need")), default=-1)
    thanked = _THANKS.match(line.text)
    thanks = thanked.end() if thanked else -1
    work = {one.start for one in line.of("work")}
    found = sorted(
        (*line.of("request"), *(() if settled or "done" in line.kinds else line.of("wanting"))),
        key=lambda one: one.start,
    )
    return [
        one
        for one in found
        if one.start >= thanks
        and one.start > denied + (3 if denied >= 0 else 0)
        and (one.start not in work or line.sentence.heads)
        and not (one.name == "wanting" and _SAID_OF.search(line.text, 0, one.start))
        and not _NO_REQUEST.search(line.text, 0, one.start)
        and not (line.text.startswith("will ", one.start) and _SPOKEN.search(line.text, 0, one.start))
    ]


def _denied_but(line: Line) -> Iterable[tuple[int, int]]:
    """What is needed where something else is not: "not your name, only the number"."""
    for one in line.of("denied_need")[-1:]:
        if but := _BUT_ONE.search(line.text, one.end - 1):
            yield but.start(), len(line.text)


def _asked(line: Line, clause: Clause) -> Iterable[tuple[int, int]]:
    text = line.text
    tail = _QUESTION_TAIL.search(text, clause.start + 1, clause.end)
    end = tail.start() if tail else clause.end
    if clause.kind == "ask":
        yield clause.start, end
    elif clause.kind == "consent":
        # A choice of two is no question of yes or no.
        if " or " in text[clause.start : clause.end] and "or not" not in text and not line.asks("closing"):
            yield clause.start, len(text)
    elif clause.kind == "said" and not line.asks("consent", "closing", "greeting", "patience", "ask"):
        yield clause.start, end


def _head(text: str) -> str:
    """What is asked for in an entry, without what it is for."""
    tail = _TAIL.search(text)
    return text[: tail.start()] if tail else text


def _has_value(text: str) -> bool:
    """Whether a line is a label and what stands under it."""
    at = text.find(" : ")
    value = text[at + 3 :].strip() if at > 0 else ""
    return bool(value) and value != BLANK and not value.startswith("(")


def _refers_back(line: Line) -> bool:
    """Whether a line asks for what the line before names."""
    if len(line.words) > _LONGEST_ANAPHOR or line.sentence.heads or line.asks("closing") or "consent" in line.kinds:
        return False
    if line.clauses and not line.asks("ask", "consent"):
        return False
    if not line.clauses and not _TO_ME.intersection(line.sentence.words):
        return False
    return bool(_PRONOUNS.intersection(line.sentence.words))
