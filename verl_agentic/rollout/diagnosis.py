"""Why a trajectory failed, told from what is stored of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from verl_agentic.core import End, FailureKind, Outcome, Task, ToolCall, Trajectory
from verl_agentic.core.messages.action import parse_assistant
from verl_agentic.core.outcome import ErrorKind
from verl_agentic.core.trajectory import LIMITS, stored_trajectory
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.calculator import evaluate
from verl_agentic.tool_envs.users.fidelity import fidelity
from verl_agentic.tool_envs.users.plan import NATURAL

MAX_CHARS = 20_000
"""Of one message that is looked at."""

_REPEATS = 3
_CLAIM = re.compile(
    r"(?<![\w.)])(\(?\d[\d\s.+*/()\u00d7\u00f7-]{0,60}?)\s{0,4}=\s{0,4}"
    r"(-?\d{1,15}(?:\.\d{1,15})?)(?![\d.]{0,9}\d|\s{0,4}[-+*/\u00d7\u00f7])"
)
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_SURRENDER = re.compile(
    r"(?i)\b(?:i (?:do not|don't) know|i (?:can ?not|can't|am unable to)|unable to (?:answer|solve)|"
    r"not (?:sure|possible)|no (?:idea|answer)|give up|unknown|n/a|none)\b"
)
_HALF_FORM = re.compile(
    r"<answer>|</answer>|\\boxed\{|<tool_call>|</tool_call>|(?i:\bfinal answer\b|\bthe answer is\b)"
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why one trajectory failed.

    Attributes:
        kind: the kind of error.
        evidence: what shows it, in a few words; fit for people.
        blame: who is to blame: ``policy``, ``user`` or ``environment``, which stands for whoever judges, too.
    """

    kind: ErrorKind
    evidence: str
    blame: str = "policy"


def diagnose(outcome: Outcome) -> Diagnosis | None:
    """:func:`diagnose_trajectory` of a stored outcome, ``None`` for one that succeeded."""
    return None if outcome.acc >= 1 else diagnose_trajectory(stored_trajectory(outcome.trajectory), outcome.failure)


def diagnose_trajectory(trajectory: Trajectory | None, failure: FailureKind, task: Task | None = None) -> Diagnosis:
    """Why a trajectory failed. Deterministic; never raises on model text.

    A loop is named before the limit that ended it, and what cannot be read before what was calculated.

    Args:
        trajectory: the trajectory, ``None`` where none was kept: the reward alone tells then.
        failure: what the reward calls it.
        task: its task, where it is known: only then a user of the natural register can be to blame.
    """
    found = _diagnosis(trajectory, failure)
    if found.kind is ErrorKind.UNDECIDED:
        return replace(found, blame="environment")
    if trajectory is None or task is None or (task.user or {}).get("hearing") != NATURAL:
        return found
    true = fidelity(task, trajectory)
    if true is None or not true.faults:
        return found
    return Diagnosis(found.kind, f"{found.evidence}; the user {' and '.join(true.faults)}", "user")


def _diagnosis(trajectory: Trajectory | None, failure: FailureKind) -> Diagnosis:
    by_reward = Diagnosis(_BY_FAILURE.get(failure, ErrorKind.WRONG_ANSWER), f"reward: {failure.value}")
    if by_reward.kind is ErrorKind.UNDECIDED or trajectory is None:
        return by_reward
    for look in (_loop, _format, _gave_up, _misuse, _limit, _arithmetic):
        found = look(trajectory)
        if found is not None:
            return found
    return by_reward


def _loop(trajectory: Trajectory) -> Diagnosis | None:
    calls = [_signature(call) for call in trajectory.calls]
    said = [turn.content.strip() for turn in trajectory.turns if turn.role == "assistant"]
    for what, items in (("call", calls), ("message", said)):
        for period in (1, 2, 3):
            tail = items[-period * _REPEATS :]
            repeated = len(tail) == period * _REPEATS and all(
                item == tail[position % period] for position, item in enumerate(tail)
            )
            if repeated and any(tail):
                return Diagnosis(ErrorKind.LOOP, f"the last {period} {what}(s) {_REPEATS} times: {tail[-1][:60]}")
    if trajectory.end is End.LOOP:
        return Diagnosis(ErrorKind.LOOP, f"the same call until it was ended: {calls[-1][:60] if calls else ''}")
    if calls and (most := Counter(calls).most_common(1)[0])[1] > _REPEATS:
        return Diagnosis(ErrorKind.LOOP, f"one call {most[1]} times: {most[0][:60]}")
    return None


def _signature(call: ToolCall) -> str:
    # With its result: asking again is no loop where the world answers otherwise.
    return f"{call.name} {json.dumps(call.arguments, sort_keys=True, default=str)} {call.result}"[:MAX_CHARS]


def _format(trajectory: Trajectory) -> Diagnosis | None:
    outcomes = trajectory.calls_by_outcome()
    malformed = outcomes["malformed"]
    if malformed and malformed * 2 >= sum(outcomes.values()):
        return Diagnosis(ErrorKind.FORMAT, f"{malformed} of {sum(outcomes.values())} calls malformed")
    if trajectory.answer is not None or trajectory.end not in (End.NO_USER, End.MAX_TURNS, End.USER_STOP):
        return None
    last = _last_said(trajectory)
    if parse_assistant(last).calls:
        return None
    if form := _HALF_FORM.search(last):
        return Diagnosis(ErrorKind.FORMAT, f"{form[0]!r} but no answer")
    if trajectory.end is End.NO_USER and not _SURRENDER.search(last) and _NUMBER.search(last):
        return Diagnosis(ErrorKind.FORMAT, "an answer outside of its form")
    return None


def _gave_up(trajectory: Trajectory) -> Diagnosis | None:
    if trajectory.end is End.TRANSFER:
        return Diagnosis(ErrorKind.GAVE_UP, "handed over")
    if trajectory.answer is not None and not trajectory.answer.strip():
        return Diagnosis(ErrorKind.GAVE_UP, "an empty answer")
    words = trajectory.answer if trajectory.answer is not None else _last_said(trajectory)
    gave_in = _SURRENDER.search(words[:MAX_CHARS]) if len(words) < 200 or trajectory.answer is None else None
    if gave_in and trajectory.end not in LIMITS:
        return Diagnosis(ErrorKind.GAVE_UP, f"said {gave_in[0]!r}")
    if trajectory.answer is None and trajectory.end in (End.NO_USER, End.USER_STOP):
        return Diagnosis(ErrorKind.GAVE_UP, "no answer")
    return None


def _misuse(trajectory: Trajectory) -> Diagnosis | None:
    outcomes = trajectory.calls_by_outcome()
    refused = sum(outcomes.values()) - outcomes["executed"]
    if refused and refused * 2 >= sum(outcomes.values()):
        outcomes["executed"] = 0
        kind = max(sorted(outcomes), key=lambda name: outcomes[name])
        return Diagnosis(ErrorKind.TOOL_MISUSE, f"{refused} calls refused, mostly {kind}")
    return None


def _limit(trajectory: Trajectory) -> Diagnosis | None:
    if trajectory.end is not None and trajectory.end in LIMITS:
        return Diagnosis(ErrorKind.LIMIT, trajectory.end.value)
    return None


def _arithmetic(trajectory: Trajectory) -> Diagnosis | None:
    for turn in trajectory.turns:
        if turn.role != "assistant":
            continue
        for claim in _CLAIM.finditer(turn.content[:MAX_CHARS]):
            if _false(claim[1], claim[2]):
                return Diagnosis(ErrorKind.ARITHMETIC_SLIP, f"wrote {claim[0].strip()}")
    answer = _NUMBER.fullmatch((trajectory.answer or "").strip())
    executed = [call for call in trajectory.calls if call.error is None]
    result = _NUMBER.fullmatch(executed[-1].result.strip()) if executed else None
    if answer and result and answer[0] != result[0] and _one_slip(answer[0], result[0]):
        return Diagnosis(ErrorKind.ARITHMETIC_SLIP, f"{result[0]} came out, {answer[0]} was answered")
    return None


def _false(expression: str, value: str) -> bool:
    """Whether an equation that was written is wrong; what cannot be read is not."""
    plain = expression.replace("\u00d7", "*").replace("\u00f7", "/").strip()
    if not re.search(r"[-+*/]", plain):
        return False
    try:
        true = evaluate(plain)
    except ToolError:
        return False
    # Rounded to as many places as were written.
    places = len(value.partition(".")[2])
    return abs(true - Fraction(value)) > Fraction(1, 2 * 10**places) if places else true != Fraction(value)


def _one_slip(one: str, other: str) -> bool:
    """Whether one digit was changed, left out or added, or two neighbours changed places."""
    if len(one) == len(other):
        wrong = [place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
        swapped = len(wrong) == 2 and wrong[1] == wrong[0] + 1 and one[wrong[0]] == other[wrong[1]]
        return (len(wrong) == 1 and len(one) > 1) or (swapped and one[wrong[1]] == other[wrong[0]])
    short, long = sorted((one, other), key=len)
    return len(long) - len(short) == 1 and any(long[:place] + long[place + 1 :] == short for place in range(len(long)))


def _last_said(trajectory: Trajectory) -> str:
    said: Iterable[str] = (turn.content for turn in reversed(trajectory.turns) if turn.role == "assistant")
    return next(iter(said), "")[:MAX_CHARS]


_BY_FAILURE = {
    FailureKind.WRONG_STATE: ErrorKind.WRONG_STATE,
    FailureKind.FORBIDDEN_CALL: ErrorKind.WRONG_STATE,
    FailureKind.MISSING_CALL: ErrorKind.WRONG_STATE,
    FailureKind.TOOL_MISUSE: ErrorKind.TOOL_MISUSE,
    FailureKind.NO_ANSWER: ErrorKind.GAVE_UP,
    FailureKind.GAVE_UP: ErrorKind.GAVE_UP,
    FailureKind.LIMIT: ErrorKind.LIMIT,
    FailureKind.UNDECIDED: ErrorKind.UNDECIDED,
}
