"""How true a simulated user was to its script, told from the dialogue alone; whoever played it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError, End, Task, Trajectory
from verl_agentic.tool_envs.users.drafts import invented
from verl_agentic.tool_envs.users.hearing.acts import Act
from verl_agentic.tool_envs.users.hearing.ears import Ears, Heard
from verl_agentic.tool_envs.users.hearing.misread import contradicts
from verl_agentic.tool_envs.users.hearing.words.classes import word_set
from verl_agentic.tool_envs.users.leaks import Wording, masked
from verl_agentic.tool_envs.users.plan import Plan, read_plan
from verl_agentic.tool_envs.users.script import named_in

_PENDING = frozenset({Act.ASK, Act.CONFIRM, Act.INSTRUCT, Act.CORRECT, Act.PROGRESS, Act.HANDOVER, Act.GREET})
_CLOSING = frozenset({Act.DONE, Act.CLOSE})
_LIMITS = frozenset({End.MAX_TURNS, End.MAX_TOKENS})
_WORD = re.compile(r"[^\W_]{4,}")
_SAME = 0.5
# Names that everybody knows.
_COMMON_NAMES = word_set(
    "ok tv pin id pc usb wi-fi wifi english german french spanish italian europe monday tuesday wednesday"
    " thursday friday saturday sunday january february march april may june july august september october november"
    " december mr mrs ms dr yes no thanks thank please hello hi sorry"
)


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Where a user was not true to its script.

    Attributes:
        leaked: names of the facts that it told unasked, or that are hidden.
        invented: numbers, codes and names that it told and that neither its script nor the agent holds.
        contradicted: names of the facts for which it told another value.
        left_early: whether it ended the dialogue although something was asked of it, under way, or left to ask for.
        never_ended: whether it went on after the agent was through, until a limit ended the dialogue.
    """

    leaked: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()
    left_early: bool = False
    never_ended: bool = False

    @property
    def faults(self) -> list[str]:
        """What it did wrong, in words; empty for a true one."""
        said = [("leaked", self.leaked), ("invented", self.invented), ("contradicted its script on", self.contradicted)]
        found = [f"{what} {', '.join(names[:3])}" for what, names in said if names]
        found += ["left early"] if self.left_early else []
        return found + (["never ended"] if self.never_ended else [])


def fidelity(task: Task, trajectory: Trajectory) -> Fidelity | None:
    """How true the user of a trajectory was; ``None`` where the task has no script that can be read."""
    if task.user is None:
        return None
    try:
        plan = read_plan(task.user)
    except BrokenTaskError:
        return None
    return _Watch(plan, task).look(trajectory)


class _Watch:
    """Goes through a dialogue beside the user."""

    def __init__(self, plan: Plan, task: Task) -> None:
        self._plan = plan
        self._facts = {fact.name: fact for fact in plan.facts() if not fact.hidden}
        self._hidden = [fact for request in plan.requests for fact in request.facts if fact.hidden]
        opening = [message["content"] for message in task.messages if message["role"] == "user"]
        expects = [text for request in plan.requests for text in request.expects]
        about = " ".join([*opening, *(request.say for request in plan.requests)])
        self._ears = Ears(list(self._facts.values()), plan.actions, expects, about=about)
        self._heard = Wording(" ".join(opening))
        self._sources = [*opening, *_texts(task.user or {})]
        self._values = {name: [Wording(value) for value in fact.values] for name, fact in self._facts.items()}
        self._told = {name for name, fact in self._facts.items() if fact.known}
        self._own = {text.strip() for text in _lines(plan)}
        self._actions = [_template(action.call.say) for action in plan.actions]

    def look(self, trajectory: Trajectory) -> Fidelity:
        leaked: dict[str, None] = {}
        invention: dict[str, None] = {}
        contradicted: dict[str, None] = {}
        heard: Heard | None = None
        closed, said, agent = 0, [], []
        for turn in trajectory.turns:
            if turn.role == "assistant":
                heard = self._ears.hear(turn.content, self._told)
                agent.append(turn.content)
            elif turn.role == "user" and heard is not None:
                text = self._without_actions(turn.content)
                said.append(text)
                closed += heard.act in _CLOSING
                leaked.update(dict.fromkeys(self._leaks(text, heard, agent)))
                contradicted.update(dict.fromkeys(self._contradictions(text, heard)))
                known = [*self._sources, *agent]
                invention.update(dict.fromkeys([*invented(text, known), *_invented_names(text, known)]))
        left = self._requests_left(said)
        return Fidelity(
            tuple(leaked),
            tuple(invention),
            tuple(contradicted),
            left_early=trajectory.end is End.USER_STOP and self._left_early(trajectory, left),
            never_ended=trajectory.end in _LIMITS and closed > len(self._plan.requests) - 1,
        )

    def _leaks(self, text: str, heard: Heard, agent: Sequence[str]) -> list[str]:
        """The facts that a text tells and that nobody asked for, as the agent's last message was heard."""
        due = {*heard.asks, *heard.touches, *heard.wrong, *heard.checks, *heard.slips}
        # The surname in an e-mail address that was asked for is not told.
        rest = self._without_lines(text)
        whole, spoken = Wording(rest), Wording(masked(rest, self._values_of(due)))
        from_agent = Wording(" ".join(agent))
        told = [name for name, values in self._values.items() if any(map(whole.gives_away, values))]
        unasked = [
            name
            for name in told
            if name not in due | self._told
            and any(map(spoken.gives_away, self._values[name]))
            and not any(from_agent.gives_away(value) or self._heard.gives_away(value) for value in self._values[name])
        ]
        if heard.act is Act.ASK and not heard.asks:
            # A question that was not understood may be for any one of them.
            unasked = unasked[1:]
        self._told.update(told)
        hidden = [fact.name for fact in self._hidden if any(whole.gives_away(Wording(value)) for value in fact.values)]
        return unasked + hidden

    def _contradictions(self, text: str, heard: Heard) -> list[str]:
        """The facts for which a text has another value than the script; only those that are its subject."""
        found = []
        known = [value for fact in self._facts.values() for value in (*fact.values, *fact.slip_values)]
        for name, values in self._values.items():
            given = any(map(Wording(text).gives_away, values))
            if name in heard.asks and not given and contradicts(self._facts[name], text, known):
                found.append(name)
        return found

    def _left_early(self, trajectory: Trajectory, left: bool) -> bool:
        if trajectory.user.get("patience"):
            return False
        said = [turn.content for turn in trajectory.turns if turn.role == "assistant"]
        last = self._ears.hear(said[-1], self._told) if said else Heard(Act.UNCLEAR)
        return left or last.act in _PENDING

    def _requests_left(self, said: Sequence[str]) -> bool:
        """Whether a further request was never said, in these words or in about half of them."""
        words = {word for text in said for word in _WORD.findall(text.casefold())}
        for request in self._plan.requests[1:]:
            wanted = set(_WORD.findall(request.say.casefold()))
            if len(wanted & words) < _SAME * len(wanted):
                return True
        return False

    def _without_actions(self, text: str) -> str:
        """A text without what the environment filled in of the user's own doings."""
        for template in self._actions:
            text = template.sub(" ", text, count=1)
        return text

    def _values_of(self, names: Iterable[str]) -> list[Wording]:
        return [value for name in names for value in self._values.get(name, ())]

    def _without_lines(self, text: str) -> str:
        for line in self._own:
            text = text.replace(line, " ")
        return text


def _texts(value: Any) -> Iterable[str]:
    """All texts of a script."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _lines(plan: Plan) -> Iterable[str]:
    """What the script has the user say that tells no fact unasked, whatever words are in it."""
    for request in plan.requests:
        yield from request.push
        yield from (text for text in (request.say, request.gives_up, request.done, request.confirm or "") if text)
        if request.change:
            yield request.change.say
    for texts in plan.lines.values():
        yield from texts


def _template(say: str) -> re.Pattern[str]:
    """Finds what was said of an action, whatever was filled in."""
    parts = [re.escape(part) for part in re.split(r"\{\w+\}", say)]
    return re.compile(r"[^\n]{0,400}?".join(parts) + (r"[^\n]{0,400}" if parts[-1] == "" else ""))


def _invented_names(text: str, known: Sequence[str]) -> list[str]:
    """Capitalised words within sentences that none of the texts holds."""
    names = [name for name in named_in(text) if name.casefold() not in _COMMON_NAMES]
    if not names:
        return []
    source = Wording(" ".join(known))
    return [
        name
        for name in names
        if not all(source.gives_away(Wording(word)) or word.casefold() in _COMMON_NAMES for word in name.split())
    ]
