"""What a user of the natural register does about a message: its decisions, one message after the other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from verl_agentic.tool_envs.users.base import UserCall, UserReply
from verl_agentic.tool_envs.users.hearing.acts import Act
from verl_agentic.tool_envs.users.hearing.ears import Ears, Heard
from verl_agentic.tool_envs.users.hearing.offers import Offer
from verl_agentic.tool_envs.users.plan import Plan, PlannedFact, PlannedRequest

_MAX_UNCLEAR = 2
"""How often in a row the user asks what a message meant."""
_NO_THANKS = "No, thank you."
_YES = re.compile(r"\W*(?:yes|yep|yeah|indeed|absolutely|exactly|correct)\b", re.IGNORECASE)
# What gets the dialogue further.
_GETS_ON = frozenset({"act", "correct", "tell", "confirm", "change", "push", "next"})


@dataclass(frozen=True, slots=True)
class UserDecision:
    """What the user does about one message.

    Attributes:
        act: what the message does.
        kind: what the user does about it: ``act`` (do what it was told), ``correct``, ``tell``, ``unknown``,
            ``confirm``, ``change``, ``push``, ``give_up``, ``next``, ``done``, ``wait``, ``unclear``, or
            ``out_of_patience``.
        says: sentences, in order; none where there is nothing to say.
        facts: names of the facts that they tell.
        calls: what the user does before it speaks.
        stop: whether the user leaves.
    """

    act: Act
    kind: str
    says: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    calls: tuple[UserCall, ...] = ()
    stop: bool = False

    def reply(self) -> UserReply:
        """The decision in the words of the script."""
        return UserReply(" ".join(dict.fromkeys(self.says)), self.stop, self.calls)


@dataclass(slots=True)
class _Known:
    """A fact and how far it has been told.

    Attributes:
        fact: the fact.
        told: whether the agent has been told it, rightly or by mistake.
        slipped: whether what it was told is the mistake.
        times: how often it was told rightly in the dialogue.
    """

    fact: PlannedFact
    told: bool = False
    slipped: bool = False
    times: int = 0

    def say(self) -> str:
        """The next wording; the mistake, where it is still to be made."""
        if self.fact.slip and not self.told:
            self.told = self.slipped = True
            return self.fact.slip
        return self.say_rightly()

    def say_rightly(self) -> str:
        """The next wording of what is true."""
        said = self.fact.say[min(self.times, len(self.fact.say) - 1)]
        self.told, self.slipped, self.times = True, False, self.times + 1
        return said


@dataclass(slots=True)
class _Now:
    """Where the user is with its present request.

    Attributes:
        request: the request.
        pushed: how often it argued.
        changed: whether it changed its mind.
        answered: whether the agent carried it out or refused it, as far as it was understood.
        unclear: how often in a row it asked what a message meant, but for what it waited for.
    """

    request: PlannedRequest
    pushed: int = 0
    changed: bool = False
    answered: bool = False
    unclear: int = 0
    declined: bool = False


@dataclass(slots=True)
class NaturalUser:
    """Plays a :class:`~verl_agentic.tool_envs.users.plan.Plan`: deterministic, and no model.

    In order of precedence: it does what it is told to do at home; corrects what the agent restates wrongly, and its own
    mistakes once they are asked about; tells all facts that a message asks for; agrees, once it has changed its mind
    where the script says so; argues against refusals and gives up; goes on to its next request or leaves, when the
    agent reports that all is done or, after an answer, asks for anything else; waits; and asks what a message means,
    twice at most. It leaves only on a clear answer: in doubt it stays and asks what comes of its request.
    """

    plan: Plan
    opening: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    _known: dict[str, _Known] = field(init=False, default_factory=dict)
    _ears: Ears = field(init=False)
    _now: _Now = field(init=False)
    _later: list[PlannedRequest] = field(init=False)
    _lines: Counter[str] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        first, *later = self.plan.requests
        self._now, self._later = _Now(first), later
        self._learn(first.facts)

    @property
    def told(self) -> list[str]:
        """What the agent has been told of the facts, as it was told."""
        return [
            known.fact.slip if known.slipped and known.fact.slip else known.fact.say[0]
            for known in self._known.values()
            if known.told
        ]

    def told_values(self, name: str) -> tuple[str, ...]:
        """What the agent has been told of a fact, rightly or by mistake; nothing before it was told anything."""
        known = self._known.get(name)
        if known is None or not known.told:
            return ()
        return known.fact.slip_values if known.slipped else (*known.fact.values, *known.fact.slip_values)

    def decide(self, message: str) -> UserDecision:
        """What the user does about a message.

        ``counts`` go up: ``replies``, ``denials``, ``arguments``, ``corrections``, ``changes``, ``requests``,
        ``actions``, ``unclear``, ``patience``.
        """
        told = {name for name, known in self._known.items() if known.told}
        heard = self._ears.hear(message, told, refused=bool(self._now.pushed))
        if self._now.unclear and _YES.match(message):
            # "So is it done?" - "Yes. Anything else?"
            self._now.answered = True
        decision = self._decide(self._in_doubt(heard))
        if decision.kind in _GETS_ON:
            self._now.unclear = 0
        self.counts["replies"] += 1
        if not decision.stop and self.counts["replies"] > self.plan.patience:
            self.counts["patience"] += 1
            return UserDecision(heard.act, "out_of_patience", (self._line("out_of_patience"),), stop=True)
        return decision

    def _decide(self, heard: Heard) -> UserDecision:
        if self._now.declined and not heard.does:
            return self._leave(heard)
        if heard.does:
            return self._act(heard)
        again = [name for name in heard.slips if not self._known[name].slipped]
        if wrong := list(dict.fromkeys([*heard.wrong, *heard.checks, *again])):
            return self._correct(heard, wrong)
        if heard.asks:
            answers = self._answers_to_offers(heard)
            asks = tuple(dict.fromkeys((*heard.asks, *answers)))
            return UserDecision(heard.act, "tell", (*self._tell(asks), *self._agreement(heard, asks)), asks)
        if answers := self._answers_to_offers(heard):
            return UserDecision(heard.act, "tell", self._tell(answers), answers)
        if heard.act is Act.CONFIRM:
            return self._confirm(heard)
        if heard.act is Act.REFUSE:
            return self._tell_untold(heard) or self._decline(heard) or self._push_back(heard)
        if heard.act in (Act.DONE, Act.CLOSE):
            return self._finish(heard)
        if heard.act in (Act.PROGRESS, Act.HANDOVER):
            return UserDecision(heard.act, "wait", (self._line("wait"),))
        if heard.act in (Act.ASK, Act.INSTRUCT):
            self.counts["denials"] += 1
            return UserDecision(heard.act, "unknown", (self._line("unknown"),))
        if heard.act is Act.GREET:
            return self._repeat(heard)
        return self._ask_back(heard)

    def _act(self, heard: Heard) -> UserDecision:
        calls = tuple(action.call for action in self.plan.actions if action.name in heard.does)
        self.counts["actions"] += len(calls)
        return UserDecision(heard.act, "act", self._tell(heard.asks), heard.asks, calls)

    def _correct(self, heard: Heard, wrong: list[str]) -> UserDecision:
        self.counts["corrections"] += len(wrong)
        said = [self._known[name].say_rightly() for name in wrong]
        slips = [name for name in wrong if self._known[name].fact.slip]
        # The script words the correction of a mistake itself.
        no = () if slips else ("No, that is not right.",)
        return UserDecision(heard.act, "correct", (*no, *said), tuple(wrong))

    def _tell(self, names: Iterable[str]) -> tuple[str, ...]:
        said = []
        for name in names:
            self.counts["corrections"] += int(self._known[name].slipped)
            said.append(self._known[name].say())
        return tuple(said)

    def _agreement(self, heard: Heard, asks: Iterable[str]) -> tuple[str, ...]:
        """The yes to what a message wants the user to agree to besides, where nothing speaks against it."""
        request = self._now.request
        offered = any(self._known[name].fact.offer is not None for name in asks)
        waits = any(fact.offer is False for fact in request.facts)
        turns = request.declines or (request.change is not None and not self._now.changed)
        if not heard.confirms or offered or waits or turns or request.confirm is None:
            return ()
        return (request.confirm,)

    def _answers_to_offers(self, heard: Heard) -> tuple[str, ...]:
        """What the user has to say to an offer.

        Whose request is refused since it declines what is offered has nothing else to agree to, however often it is
        asked.
        """
        request = self._now.request
        for fact in request.facts:
            waits = fact.offer is not None and not self._known[fact.name].told
            last = fact.offer is False and request.outcome == "deny" and heard.act is Act.CONFIRM
            if last or (waits and heard.proposes):
                return (fact.name,)
        return ()

    def _in_doubt(self, heard: Heard) -> Heard:
        """A message that could be more than one answer to the request, as the answer that there is to it."""
        now, signs = self._now, heard.signs
        ended = heard.act in (Act.DONE, Act.CLOSE, Act.PROGRESS)
        if now.request.outcome == "deny" and ended and (signs.refuses or (now.answered and not signs.acted)):
            return replace(heard, act=Act.REFUSE, sure=True)
        open_still = heard.act not in (Act.CONFIRM, Act.ASK, Act.CORRECT, Act.INSTRUCT)
        if now.request.question and heard.informs and open_still and not heard.offers:
            return replace(heard, act=Act.DONE, sure=True)
        both = heard.act is Act.REFUSE and signs.reports and not heard.offers
        if now.request.outcome == "allow" and both:
            return replace(heard, act=Act.DONE, sure=True)
        return heard

    def _confirm(self, heard: Heard) -> UserDecision:
        now = self._now
        if told := self._tell_untold(heard):
            # What is to be agreed to differs from what the user would have said, had it been asked.
            return told
        if now.request.change and not now.changed:
            now.changed = True
            self.counts["changes"] += 1
            self._learn(now.request.change.facts, told=True)
            return UserDecision(heard.act, "change", (now.request.change.say,))
        if now.request.confirm is None:
            self.counts["denials"] += 1
            return UserDecision(heard.act, "unknown", (self._line("unknown"),))
        now.declined = now.request.declines
        return UserDecision(heard.act, "confirm", (now.request.confirm,))

    def _tell_untold(self, heard: Heard) -> UserDecision | None:
        untold = [name for name in heard.touches if not self._known[name].told]
        return UserDecision(heard.act, "tell", self._tell(untold), tuple(untold)) if untold else None

    def _decline(self, heard: Heard) -> UserDecision | None:
        """Say no to what has nothing to do with the request, and ask what comes of that."""
        if heard.offers is not Offer.BESIDES or not self._doubts():
            return None
        back = self._ask_back(heard)
        return replace(back, says=(_NO_THANKS, *back.says))

    def _push_back(self, heard: Heard) -> UserDecision:
        now = self._now
        if not heard.sure and now.pushed == len(now.request.push) and self._doubts():
            return self._ask_back(heard)
        now.answered = True
        if now.pushed < len(now.request.push):
            now.pushed += 1
            self.counts["arguments"] += 1
            return UserDecision(heard.act, "push", (now.request.push[now.pushed - 1],))
        gives_up = (now.request.gives_up,) if now.request.gives_up else ()
        if self._later:
            return self._go_on(heard, gives_up)
        return UserDecision(heard.act, "give_up", gives_up, stop=True)

    def _finish(self, heard: Heard) -> UserDecision:
        now = self._now
        clear = heard.sure or (heard.act is Act.CLOSE and now.answered)
        if not clear and (self._doubts() or heard.act is Act.CLOSE):
            # A goodbye before anything was said is no end.
            return self._ask_back(heard) if self.counts["replies"] else self._repeat(heard)
        return self._leave(heard)

    def _leave(self, heard: Heard) -> UserDecision:
        if self._later:
            return self._go_on(heard, ())
        return UserDecision(heard.act, "done", (self._now.request.done,), stop=True)

    def _go_on(self, heard: Heard, before: tuple[str, ...]) -> UserDecision:
        self._now = _Now(self._later.pop(0))
        self.counts["requests"] += 1
        self._learn(self._now.request.facts)
        return UserDecision(heard.act, "next", (*before, self._now.request.say))

    def _doubts(self) -> bool:
        """Whether the user would rather ask once more than leave."""
        return self._now.unclear < _MAX_UNCLEAR

    def _repeat(self, heard: Heard) -> UserDecision:
        """Say again what the request is."""
        said = self._now.request.say or self.opening
        if not said or not self._doubts():
            return self._ask_back(heard)
        self._now.unclear += 1
        return UserDecision(heard.act, "unclear", (said,))

    def _ask_back(self, heard: Heard) -> UserDecision:
        self._now.unclear += 1
        if self._now.unclear > _MAX_UNCLEAR:
            self.counts["patience"] += 1
            return UserDecision(heard.act, "out_of_patience", (self._line("out_of_patience"),), stop=True)
        self.counts["unclear"] += 1
        return UserDecision(heard.act, "unclear", (self._line("unclear"),))

    def _line(self, name: str) -> str:
        lines = self.plan.lines[name]
        self._lines[name] += 1
        return lines[(self._lines[name] - 1) % len(lines)]

    def _expected(self) -> list[str]:
        return [text for request in self.plan.requests for text in request.expects]

    def _learn(self, facts: Iterable[PlannedFact], *, told: bool = False) -> None:
        for fact in facts:
            if not fact.hidden:
                known = _Known(fact, told=fact.known or told)
                known.slipped = bool(fact.known and fact.slip)
                self._known[fact.name] = known
        facts = [known.fact for known in self._known.values()]
        about = f"{self.opening} {self._now.request.say}"
        self._ears = Ears(facts, self.plan.actions, self._expected(), about=about)
