"""What a message of the agent does, told by its words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from enum import Enum

from verl_agentic.tool_envs.users.hearing.lines import Line


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
    "consent": (Act.CONFIRM, 6.0),
    "agreed": (Act.CONFIRM, 3.6),
    "offered": (Act.CONFIRM, 2.4),
    "offer": (Act.CONFIRM, 0.6),
    "refusal": (Act.REFUSE, 3.5),
    "limit": (Act.REFUSE, 2.0),
    "negation": (Act.REFUSE, 1.0),
    "done": (Act.DONE, 3.1),
    "telegraph": (Act.DONE, 2.6),
    "result": (Act.DONE, 1.6),
    "past": (Act.DONE, 1.5),
    "work": (Act.PROGRESS, 2.6),
    "step": (Act.PROGRESS, 1.1),
    "finding": (Act.PROGRESS, 0.5),
    "closing": (Act.CLOSE, 0.9),
}
_BY_QUESTION = {
    "closing": (Act.CLOSE, 1.0),
    "greeting": (Act.GREET, 2.0),
    "patience": (Act.PROGRESS, 3.0),
    "consent": (Act.CONFIRM, 6.0),
}
_STATED_QUESTION = 5.0
_LAST_LINES, _AT_LAST = 2, 1.2
_SUPPOSED = 1.0
_FIRM = 3.0
_CONDITION = re.compile(
    r"(?:but |and |or |so )?(?:if|once|when|unless|in case|should|as soon as|until|after|before|whenever) "
)
_ALTERNATIVE = re.compile(r"\b(?:instead|alternatively|alternative|another option|different option) ")


def act_of(lines: Sequence[Line], *, open_question: bool) -> Act:
    """What a message does that asks for none of the user's facts.

    Args:
        lines: the message.
        open_question: whether it ends with a question for something else.
    """
    points = Counter[Act]()
    for place, line in enumerate(lines):
        mine = _points(line)
        if place >= len(lines) - _LAST_LINES and mine[Act.PROGRESS] > _SUPPOSED:
            mine[Act.PROGRESS] += _AT_LAST
        points |= mine
    if points[Act.CONFIRM] >= _STATED_QUESTION:
        # An offer in place of what is refused is still a refusal.
        other = any(line.asks("consent") and _ALTERNATIVE.search(line.text) for line in lines)
        return Act.REFUSE if other and points[Act.REFUSE] >= _FIRM else Act.CONFIRM
    if open_question and points[Act.REFUSE] < _FIRM:
        return Act.ASK
    order = list(Act)
    return max(points, key=lambda act: (points[act], -order.index(act)), default=Act.UNCLEAR)


def _points(line: Line) -> Counter[Act]:
    found = Counter[Act]()
    supposed = bool(_CONDITION.match(line.text))
    for name in line.kinds & _POINTS.keys():
        act, points = _POINTS[name]
        if act is Act.PROGRESS and "agreed" in line.kinds:
            continue
        if supposed and act in (Act.REFUSE, Act.DONE):
            points = min(points, _SUPPOSED)
        found[act] = max(found[act], points)  # type: ignore[assignment]
    for clause in line.clauses:
        if clause.kind in _BY_QUESTION and (clause.kind == "consent" or not line.asks("consent")):
            act, points = _BY_QUESTION[clause.kind]
            found = Counter({act: points})  # type: ignore[dict-item]
        elif clause.kind == "said" and not line.asks("consent"):
            act, points = (Act.CLOSE, 1.0) if "closing" in line.kinds else (Act.CONFIRM, _STATED_QUESTION)
            found = Counter({act: points}) if act is Act.CLOSE else found | Counter({act: points})  # type: ignore[dict-item]
    return found
