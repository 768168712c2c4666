"""What a language model may say in one turn as a user of the natural register: the script's decision, told to it.

The script decides as for a scripted user (:class:`~verl_agentic.tool_envs.users.hearing.natural.NaturalUser`): what is
asked for, whether to agree, to argue, to change its mind, to go on or to leave. The model only words it, and does by
itself what the user can do at home, by a line ``ACTION name``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from verl_agentic.tool_envs.users.base import UserCall
from verl_agentic.tool_envs.users.hearing.natural import NaturalUser, UserDecision
from verl_agentic.tool_envs.users.leaks import Wording
from verl_agentic.tool_envs.users.plan import Plan
from verl_agentic.tool_envs.users.prompt import PromptTurn

_ACTION = re.compile(r"(?im)^[ \t>*-]*action[ \t]*:?[ \t]+[`\"']?([\w-]+)[`\"']?[ \t.]*$")
_LEADS = {
    "correct": "The agent has something wrong, or you told it wrongly. Put it right and do not agree to anything; say, "
    "in your own words: ",
    "change": "You have just changed your mind. Do not agree; say, in your own words: ",
    "next": "That request is settled. You want something else now; say, in your own words: ",
    "give_up": "The agent has refused for good. You may leave, with stop true and such words as: ",
    "done": "The agent says that all is done. You may leave, with stop true and such words as: ",
    "unknown": "You do not know what the agent asks for. Say so, as in: ",
    "unclear": "The agent neither asks, refuses nor says that anything is done. Ask where things stand, as in: ",
}


class Said(NamedTuple):
    """A draft without its actions.

    Attributes:
        text: the rest.
        actions: names of those of its actions that were due.
        missed: number of actions that were due and are not in it.
        unasked: number of actions in it that were not due; they are not done.
    """

    text: str
    actions: tuple[str, ...]
    missed: int
    unasked: int


class NaturalTurns:
    """The turns of one dialogue."""

    def __init__(self, plan: Plan, opening: str) -> None:
        self._user = NaturalUser(plan, opening)
        self._calls = {action.name: action.call for action in plan.actions}
        self._facts = plan.facts()
        self._due: list[str] = []
        self.prose = plan.prose
        self.actions = tuple(self._calls)

    def decide(self, message: str) -> UserDecision:
        """What the script has the user do about a message."""
        decision = self._user.decide(message)
        self._due = [name for name, call in self._calls.items() if call in decision.calls]
        return decision

    def turn(self, decision: UserDecision) -> PromptTurn:
        """The same, for the model."""
        said = " ".join(decision.says)
        lead = _LEADS.get(decision.kind, "")
        return PromptTurn(
            tellable=self._user.told,
            confirm=said if decision.kind == "confirm" else None,
            plea=said if decision.kind == "push" else None,
            may_stop=decision.stop,
            lead=f"{lead}{said}" if lead and said else "",
            due=tuple(self._due),
        )

    def acted(self, draft: str) -> Said:
        """What a draft does, and what it says besides."""
        named = list(dict.fromkeys(_ACTION.findall(draft)))
        done = tuple(name for name in named if name in self._due)
        text = _ACTION.sub("", draft).strip()
        return Said(text, done, missed=len(self._due) - len(done), unasked=len(named) - len(done))

    def calls(self, names: Iterable[str]) -> tuple[UserCall, ...]:
        """What actions make the environment run."""
        return tuple(self._calls[name] for name in names)

    def counts(self) -> Counter[str]:
        """What the script counted that is not the model's doing."""
        return Counter({name: count for name, count in self._user.counts.items() if name not in ("replies", "actions")})

    def values(self) -> Iterable[tuple[str, Wording]]:
        """What gives facts away, by the facts' names; those that are hidden among them."""
        for fact in self._facts:
            for value in (*fact.values, *fact.slip_values):
                yield fact.name, Wording(value)

    def may_tell(self, name: str, value: Wording) -> bool:
        """Whether the agent has been told a value of a fact, or is about to be."""
        return value.text in self._user.told_values(name)

    def hidden(self) -> list[Wording]:
        """What must never be told."""
        return [Wording(value) for fact in self._facts if fact.hidden for value in fact.values]
