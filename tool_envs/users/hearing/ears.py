"""The reader: what the user makes of one message of the agent."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from verl_agentic.tool_envs.users.hearing.acts import Act, Answering, Signs, act_of, points_of, signs_of
from verl_agentic.tool_envs.users.hearing.answers import Answers
from verl_agentic.tool_envs.users.hearing.asks import FactWords
from verl_agentic.tool_envs.users.hearing.choices import is_either_or
from verl_agentic.tool_envs.users.hearing.instructions import Instructions
from verl_agentic.tool_envs.users.hearing.lines import Line, heard_lines
from verl_agentic.tool_envs.users.hearing.misread import Restatements
from verl_agentic.tool_envs.users.hearing.offers import Offer, Wants
from verl_agentic.tool_envs.users.hearing.proposals import Proposals
from verl_agentic.tool_envs.users.hearing.records import Records
from verl_agentic.tool_envs.users.hearing.words.values import Value
from verl_agentic.tool_envs.users.plan import PlannedAction, PlannedFact

_CHECKS = re.compile(r"\b(?:right|correct|correctly|confirm|verify|accurate|check|sure) ")

# "Is it about the shoes" asks for no leave to do anything.
_IS_IT = re.compile(r"(?:is|was|are|were) (?:it|that|this|these|those) (?:about|you|your|for|so|the) ")
# What proposes nothing, whatever it names.
_OVER = frozenset({Act.DONE, Act.PROGRESS, Act.HANDOVER, Act.GREET})
_IT = frozenset({"that", "this", "it", "one"})
_AND = re.compile(r" (?:, )?(?:and|plus|as well as) | , ")
_SHORT, _SHORTEST = 8, 4
_DOUBTS = re.compile(r"\b(?:cannot|could not|not) (?:be )?(?:find|found|see|locate)|\bcheck\b")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message says to the user.

    Attributes:
        act: what it does; what a sensible customer reacts to first.
        asks: names of the facts that it asks for.
        does: names of the actions that it tells the user to do.
        wrong: names of the facts that it restates wrongly.
        slips: names of the facts that a request to confirm restates as the user told them by mistake.
        checks: those of them of which it wants to know whether they are right.
        touches: names of the facts that a request to confirm speaks of without their value, told or not.
        offers: what a refusal offers that the user did not ask for.
        sure: whether the message leaves no doubt about what it does.
        proposes: whether it speaks of something else that could be had.
        confirms: whether a message that asks for facts wants the user to agree to something, too, in another sentence.
        informs: whether it tells something that the user expects to be told.
        signs: what it holds besides, whatever it does as a whole.
    """

    act: Act
    asks: tuple[str, ...] = ()
    does: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    slips: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    offers: Offer | None = None
    sure: bool = True
    proposes: bool = False
    confirms: bool = False
    signs: Signs = field(default=Signs(), compare=False)
    informs: bool = field(default=False, compare=False)


class Ears:
    """Reads messages for one user. Never raises on what a model wrote; linear in a length that is bounded."""

    def __init__(
        self,
        facts: Sequence[PlannedFact],
        actions: Sequence[PlannedAction] = (),
        expects: Sequence[str] = (),
        *,
        about: str = "",
    ) -> None:
        """Prepare for what the user knows and can do.

        Args:
            facts: what the user knows; what is hidden is not listened for.
            actions: what only the user can do.
            expects: what the agent may name though it looks like a fact of another value.
            about: how the user put what it wants.
        """
        facts = [fact for fact in facts if not fact.hidden]
        values = {fact.name: [Value(text, fact.say) for text in fact.values] for fact in facts}
        self._facts = FactWords(facts, values)
        self._proposals = Proposals(facts, values, [about])
        self._records = Records(facts, values)
        self._restated = Restatements(facts, values, expects)
        self._answers = Answers((value for several in values.values() for value in several), expects)
        told = (text for fact in facts for text in (*fact.ask, *fact.say, *fact.values))
        self._wants = Wants([about, *told, *expects], expects)
        self._instructions = Instructions({action.name: action.ask for action in actions})

    def hear(self, message: str, told: frozenset[str] | set[str] = frozenset(), *, refused: bool = False) -> Heard:
        """Read a message.

        Args:
            message: as the model wrote it.
            told: names of the facts that the agent has been told.
            refused: whether the agent has said no before.
        """
        told = frozenset(told)
        lines = heard_lines(message)
        if not lines:
            return Heard(Act.PROGRESS)
        if does := self._instructions.given(lines):
            asks = self._facts.asked([line for whole in lines for line in self._rest(whole)], told).facts
            return Heard(Act.INSTRUCT, tuple(asks), does=tuple(does))
        others, right = self._records.named(lines)
        if wrong := list(dict.fromkeys([*self._restated.wrong(lines, told), *others])):
            return Heard(Act.CORRECT, wrong=tuple(wrong))
        asking = self._facts.asked(lines, told)
        wanted = [line for line in lines if line.wants_consent]
        other = self._wants.other(lines, refused=refused) if wanted else None
        answer = self._answers.told_in(lines)
        said = points_of(lines)
        act, sure = act_of(lines, said, open_question=asking.open, other=other is not None, answer=answer)
        # What was told and is only named in what is to be agreed to is not asked for again.
        about = [line for line, following in itertools.pairwise(lines) if _is_about_it(following)]
        named = act is Act.CONFIRM and told.issuperset(asking.facts) and not _asks_anew(lines)
        proposes = act not in _OVER and self._proposals.made(lines, told)
        if right and not asking.facts and (act is Act.ASK or not told.issuperset(right)):
            # "It is" alone would be lost on whoever asks about the record in passing.
            return Heard(Act.ASK, tuple(right))
        if asking.facts and not named:
            apart = self._facts.asked([one for one in lines if one not in wanted], told) if wanted else None
            confirms = apart is not None and apart.facts == asking.facts
            return Heard(Act.ASK, tuple(asking.facts), proposes=proposes and bool(wanted), confirms=confirms)
        if act is Act.REFUSE and other:
            touches = tuple(self._facts.mentioned([*wanted, *about], lines))
            return Heard(act, offers=other, touches=touches, proposes=True)
        if act is not Act.CONFIRM:
            informs = answer is Answering.EXPECTED
            return Heard(act, sure=sure, proposes=proposes, signs=signs_of(lines, said), informs=informs)
        return Heard(
            act,
            proposes=proposes,
            slips=tuple(self._restated.slips(lines)),
            checks=tuple(self._restated.slips([line for line in lines if _CHECKS.search(line.text)])),
            touches=tuple(self._facts.mentioned([*wanted, *about], lines)),
        )

    def _rest(self, line: Line) -> Sequence[Line]:
        """A line, or what its questions are besides an instruction."""
        if not self._instructions.given([line]):
            return [line]
        apart = [f"{line.text[clause.start : clause.end]}?" for clause in line.clauses]
        if len(apart) < 2 and (apart or "request" in line.kinds):
            apart = [f"{part}?" for part in _AND.split(line.text)]
        heard = [one for text in apart for one in heard_lines(text)]
        return [one for one in heard if not self._instructions.given([one])]


def wants_agreement(message: str) -> bool:
    """Whether a message wants the user to agree to what the agent is about to do, whatever the user knows."""
    return any(
        line.kinds & {"consent", "agreed"}
        or any(clause.kind == "consent" and not _IS_IT.match(line.text, clause.start) for clause in line.clauses)
        for line in heard_lines(message)
    )


def _asks_anew(lines: Sequence[Line]) -> bool:
    """Whether a message asks a question that is not one of yes or no, or doubts something."""
    return any(
        any(is_either_or(line, clause) for clause in line.clauses)
        or line.asks("ask")
        or "doubt" in line.kinds
        or _DOUBTS.search(line.text)
        for line in lines
    )


def _is_about_it(line: Line) -> bool:
    """Whether a line wants the user to agree to what the line before says."""
    short = len(line.words) <= _SHORT and not _IT.isdisjoint(line.sentence.words)
    return line.wants_consent and (short or len(line.words) <= _SHORTEST)
