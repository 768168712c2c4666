"""What a message of the agent does, told by its words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from verl_agentic.tool_envs.users.hearing.lines import Line


class Answering(int, Enum):
    """Whether a message tells the user something about its matter."""

    NONE = 0
    SOME = 1
    """A number that the agent was not told."""
    EXPECTED = 2
    """What the script expects the agent to tell."""


class Act(str, Enum):
    """What a message does, as far as it asks for none of the user's facts; in order of precedence on a tie."""

    INSTRUCT = "instruct"
    """Tells the user to do something."""
    CORRECT = "correct"
    """Restates something that the user told, and wrongly."""
    ASK = "ask"
    """Asks for something."""
    HANDOVER = "handover"
    """Announces a human."""
    CONFIRM = "confirm"
    """Wants the user to agree to something."""
    REFUSE = "refuse"
    """Says no, with or without an alternative."""
    DONE = "done"
    """Says that the request has been carried out."""
    PROGRESS = "progress"
    """Is at work, or announces its next step."""
    CLOSE = "close"
    """Asks for anything else, or says goodbye."""
    GREET = "greet"
    """Asks what it can help with."""
    UNCLEAR = "unclear"
    """Anything else."""


# How much each wording says, for which act.
_POINTS = {
    "handover": (Act.HANDOVER, 4.0),
    "referral": (Act.HANDOVER, 2.7),
    "consent": (Act.CONFIRM, 6.0),
    "agreed": (Act.CONFIRM, 3.6),
    "offered": (Act.CONFIRM, 2.4),
    "offer": (Act.CONFIRM, 0.6),
    "refusal": (Act.REFUSE, 3.5),
    "limit": (Act.REFUSE, 2.0),
    "negation": (Act.REFUSE, 1.0),
    "reasoning": (Act.REFUSE, 0.55),
    "done": (Act.DONE, 3.1),
    "telegraph": (Act.DONE, 2.6),
    "result": (Act.DONE, 1.6),
    "past": (Act.DONE, 1.5),
    "work": (Act.PROGRESS, 2.6),
    "promise": (Act.PROGRESS, 2.5),
    "step": (Act.PROGRESS, 1.1),
    "finding": (Act.PROGRESS, 0.5),
    "closing": (Act.CLOSE, 0.9),
    "thanks": (Act.CLOSE, 0.8),
    "welcome": (Act.GREET, 0.85),
}
# What says nothing in a farewell, as in "do not hesitate to reach out".
_HEARSAY = frozenset({"limit", "negation", "reasoning", "welcome", "step", "promise"})
_BY_QUESTION = {
    "closing": (Act.CLOSE, 1.0),
    "greeting": (Act.GREET, 2.0),
    "patience": (Act.PROGRESS, 3.0),
    "consent": (Act.CONFIRM, 6.0),
}
_STATED_QUESTION = 5.0
_LAST_LINES, _AT_LAST = 2, 1.2
_SUPPOSED, _WORK = 1.0, 2.5
_FIRM = 3.0
_DOING = ("i ", "we ", "has ", "have ", "been ")
_REMARK = 2.4
_MERE = 0.6
ASIDE = ("please note ", "note that ", "please be aware ", "keep in mind ", "please keep in mind ", "also note ")
_SURE = {Act.REFUSE: _FIRM, Act.DONE: 2.5}
_DENIAL = 1.0
_OWN = ("i ", "we ")
# "Nothing has been changed" reports no change.
_NOTHING = re.compile(
    r"\b(?:nothing|none|no \w+) (?:else |more |further )?(?:has|have|was|were) (?:been )?"
    r"|\b(?:has|have|was|were) not (?:been )?"
    r"|\b(?:have|has) (?:changed|booked|entered|charged|done|made) (?:nothing|no) "
)
_CONDITION = re.compile(
    r"(?:but |and |or |so )?(?:if|once|when|unless|in case|should|as soon as|until|after|before|whenever) "
)


def points_of(lines: Sequence[Line]) -> list[Mapping[Act, float]]:
    """How much each line of a message says for which act."""
    return [_points(line) for line in lines]


def act_of(
    lines: Sequence[Line],
    said: Sequence[Mapping[Act, float]],
    *,
    open_question: bool,
    other: bool = False,
    answer: Answering = Answering.NONE,
) -> tuple[Act, bool]:
    """What a message does that asks for none of the user's facts.

    Args:
        lines: the message.
        said: the points of each line.
        open_question: whether it ends with a question for something else.
        other: whether what it wants the user to agree to is offered in place of what the user wants, which is a no.
        answer: whether it tells the user something that may be what it wants to know.

    Returns:
        The act, and whether the message leaves no doubt about it.
    """
    points = dict.fromkeys(Act, 0.0)
    firm = dict.fromkeys(Act, -1)
    for place, line in enumerate(lines):
        for act, some in said[place].items():
            late = act is Act.PROGRESS and some > _WORK and place >= len(lines) - _LAST_LINES
            points[act] = max(points[act], some + (_AT_LAST if late else 0.0))
            if some >= _FIRM and (act is not Act.DONE or _does(line)):
                firm[act] = place
    if points[Act.CONFIRM] >= _STATED_QUESTION:
        return (Act.REFUSE if other else Act.CONFIRM), True
    if open_question and points[Act.REFUSE] < _FIRM:
        return Act.ASK, True
    if firm[Act.DONE] > firm[Act.REFUSE]:
        # What was done after all.
        points[Act.REFUSE] = min(points[Act.REFUSE], _REMARK)
    best = max(points.values())
    act = next(act for act in Act if points[act] == best) if best else Act.UNCLEAR
    if best <= _MERE and answer and act is not Act.CONFIRM:
        return Act.DONE, False
    if act is Act.CLOSE:
        return (Act.DONE if answer else act), bool(answer)
    return act, best >= _SURE.get(act, 0.0)


class Signs(NamedTuple):
    """What a message holds, whatever it does as a whole.

    Attributes:
        refuses: whether it says no to something.
        reports: whether it says that something was done.
        acted: whether it says so of the agent itself.
    """

    refuses: bool = False
    reports: bool = False
    acted: bool = False


def signs_of(lines: Sequence[Line], said: Sequence[Mapping[Act, float]]) -> Signs:
    """Whether a message refuses something, and whether it reports something; ``said`` as for :func:`act_of`."""
    done = [line for line, some in zip(lines, said, strict=True) if some.get(Act.DONE, 0.0) >= _FIRM and _does(line)]
    return Signs(
        refuses=any(some.get(Act.REFUSE, 0.0) >= _DENIAL for some in said),
        reports=bool(done),
        acted=any(line.text.startswith(_OWN, one.start) for line in done for one in line.of("done")),
    )


def _does(line: Line) -> bool:
    """Whether a line reports what somebody did, rather than how things are."""
    return any(line.text.startswith(_DOING, one.start) for one in line.of("done"))


def _points(line: Line) -> Mapping[Act, float]:
    found: dict[Act, float] = {}
    supposed = bool(_CONDITION.match(line.text))
    closing = "closing" in line.kinds
    for name in line.kinds & _POINTS.keys():
        act, points = _POINTS[name]
        if (act is Act.PROGRESS and "agreed" in line.kinds) or (closing and name in _HEARSAY):
            continue
        if act is Act.REFUSE and line.text.startswith(ASIDE):
            points = min(points, _REMARK)
        if act is Act.DONE and _NOTHING.search(line.text):
            continue
        if supposed and act in (Act.REFUSE, Act.DONE):
            points = min(points, _SUPPOSED)
        found[act] = max(found.get(act, 0.0), points)
    wants_consent = line.asks("consent")
    for clause in line.clauses:
        if clause.kind in _BY_QUESTION and (clause.kind == "consent" or not wants_consent):
            found = dict([_BY_QUESTION[clause.kind]])
        elif clause.kind == "said" and not wants_consent and not line.asks("ask"):
            if "closing" in line.kinds:
                found = dict([_BY_QUESTION["closing"]])
            else:
                found[Act.CONFIRM] = max(found.get(Act.CONFIRM, 0.0), _STATED_QUESTION)
    return found
