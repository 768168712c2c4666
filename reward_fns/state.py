"""Judge a dialogue by the state it left, the calls it made and the way it ended.

``ground_truth`` is an object (or its JSON text) with these fields, all optional but ``expected`` and ``end``:

* ``expected``: rows by table name that the world must hold at the end, whatever their order;
* ``required_calls``: calls that must have been executed;
* ``forbidden_calls``: calls that must not;
* ``preconditions``: ``[{"call": ..., "calls": [...], "reply": "Yes."}]`` - a call matching ``call`` is forbidden until
  each of ``calls`` was executed and, where ``reply`` is given, the user said exactly that;
* ``end``: ways the dialogue may end (values of :class:`verl_agentic.core.End`);
* ``required_replies``: what the user must have been brought to say, word by word;
* ``forbidden_replies``: what the user must not be brought to say, e.g. thanks for what was not done.

A call is ``{"name": ..., "arguments": {...}}``; it matches an executed call of that name with at least those arguments.
"""

from __future__ import annotations

import json
from typing import Any

from verl_agentic.core import BrokenTaskError, End, FailureKind, InfrastructureError, Trajectory, UserInputError
from verl_agentic.core.trajectory import ToolCall
from verl_agentic.reward_fns.common import RewardResult, decided, decode_ground_truth, read_submission

_LISTS = ("required_calls", "forbidden_calls", "preconditions", "required_replies", "forbidden_replies")


def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: dict[str, Any] | None = None, **kwargs: Any
) -> RewardResult:
    """1.0 when the final state, the calls and the end are all as they must be, else 0.0 and why.

    Args:
        data_source: kind of the task; not used.
        solution_str: text of the response; not used, as the state decides.
        ground_truth: see the module's text.
        extra_info: must hold the rollout as ``trajectory`` (JSON of :class:`verl_agentic.core.Trajectory`).

    Raises:
        UserInputError: there is no trajectory.
        InfrastructureError: the trajectory is not one, or it has no end or no final state.
        BrokenTaskError: the ground truth is not of the form above.
    """
    truth = _checked(decode_ground_truth(ground_truth))
    trajectory = read_submission(solution_str, extra_info).trajectory
    if trajectory is None:
        raise UserInputError(
            "reward 'state' needs extra_info.trajectory; roll out with the agent loop of verl_agentic, which writes it"
        )
    if trajectory.end is None or not isinstance(trajectory.state.get("tables"), dict):
        raise InfrastructureError(f"trajectory of task {trajectory.task_id} has no end or no state.tables")
    failure, reason = _judge(truth, trajectory, trajectory.end)
    return decided(failure, reason)


def _judge(truth: dict[str, Any], trajectory: Trajectory, end: End) -> tuple[FailureKind, str]:
    """The gravest failure first: what was done wrong, how it stopped, what is missing, what was said."""
    if reason := _forbidden(truth, trajectory):
        return FailureKind.FORBIDDEN_CALL, reason
    ended_well = end.value in truth["end"]
    if not ended_well and end in (End.MAX_TURNS, End.MAX_TOKENS):
        return FailureKind.LIMIT, f"no end before {end.value}"
    if not ended_well and end is End.TRANSFER:
        return FailureKind.GAVE_UP, "handed over to a human without need"
    executed = [call for call in trajectory.calls if call.error is None]
    for wanted in truth.get("required_calls", []):
        if not any(_matches(wanted, call) for call in executed):
            misused = any(_misused(wanted, call) for call in trajectory.calls)
            kind = FailureKind.TOOL_MISUSE if misused else FailureKind.MISSING_CALL
            return kind, f"{_show(wanted)} was not executed"
    if reason := _state_difference(truth["expected"], trajectory.state["tables"]):
        return FailureKind.WRONG_STATE, reason
    if not ended_well:
        kind = FailureKind.WRONG_ANSWER if end is End.ANSWER else FailureKind.NO_ANSWER
        return kind, f"ended by {end.value} instead of {' or '.join(truth['end'])}"
    said = [turn.content for turn in trajectory.turns if turn.role == "user"]
    for reply in truth.get("required_replies", []):
        if reply not in said:
            return FailureKind.WRONG_ANSWER, f"the user was not asked what they answer with {reply!r}"
    for reply in truth.get("forbidden_replies", []):
        if reply in said:
            return FailureKind.WRONG_ANSWER, f"the user was brought to say {reply!r}"
    return FailureKind.NONE, ""


def _forbidden(truth: dict[str, Any], trajectory: Trajectory) -> str | None:
    """Walk the dialogue; say which executed call was forbidden, or came before it was allowed."""
    calls = iter(trajectory.calls)
    before: list[ToolCall] = []
    heard: set[str] = set()
    for turn in trajectory.turns:
        if turn.role == "user":
            heard.add(turn.content)
        # Every call is answered by exactly one tool turn, in the same order.
        call = next(calls, None) if turn.role == "tool" else None
        if call is None or call.error is not None:
            continue
        if any(_matches(pattern, call) for pattern in truth.get("forbidden_calls", [])):
            return f"{call.name[:64]} is forbidden here"
        for condition in truth.get("preconditions", []):
            if _matches(condition["call"], call) and (lacking := _lacking(condition, before, heard)):
                return f"{call.name[:64]} before {lacking}"
        before.append(call)
    return None


def _lacking(condition: dict[str, Any], before: list[ToolCall], heard: set[str]) -> str | None:
    for wanted in condition.get("calls", []):
        if not any(_matches(wanted, call) for call in before):
            return _show(wanted)
    reply = condition.get("reply")
    return f"the user said {reply!r}" if reply is not None and reply not in heard else None


def _matches(pattern: dict[str, Any], call: ToolCall) -> bool:
    wanted = pattern.get("arguments", {})
    return call.name == pattern["name"] and all(
        key in call.arguments and call.arguments[key] == value for key, value in wanted.items()
    )


def _misused(wanted: dict[str, Any], call: ToolCall) -> bool:
    """Whether a call was no proper call, or is the wanted one and was refused. Other refusals are part of the job."""
    return call.error is not None and (call.error != "rejected" or _matches(wanted, call))


def _state_difference(expected: dict[str, Any], tables: dict[str, Any]) -> str | None:
    """Which table differs and in what row, ``None`` when each holds what it must."""
    for table, rows in expected.items():
        wanted = sorted(json.dumps(row, sort_keys=True) for row in rows)
        found = sorted(json.dumps(row, sort_keys=True) for row in tables.get(table, []))
        if wanted != found:
            wrong = next((row for row in found if row not in wanted), None)
            return f"{table}: {'unexpected ' + wrong if wrong else 'rows are missing'}"
    return None


def _show(call: dict[str, Any]) -> str:
    return f"{call['name']}({json.dumps(call.get('arguments', {}))})"


def _checked(truth: dict[str, Any]) -> dict[str, Any]:
    expected, ends = truth.get("expected"), truth.get("end")
    if not isinstance(expected, dict) or not all(isinstance(rows, list) for rows in expected.values()):
        raise BrokenTaskError("ground_truth.expected must give a list of rows by table name")
    known = {end.value for end in End}
    if not isinstance(ends, list) or not ends or not all(isinstance(end, str) and end in known for end in ends):
        raise BrokenTaskError(f"ground_truth.end must be a list of {', '.join(sorted(known))}")
    for key in _LISTS:
        if not isinstance(truth.get(key, []), list):
            raise BrokenTaskError(f"ground_truth.{key} must be a list")
    conditions = truth.get("preconditions", [])
    if not all(isinstance(condition, dict) and "call" in condition for condition in conditions):
        raise BrokenTaskError("ground_truth.preconditions needs objects with a 'call'")
    patterns = [*truth.get("required_calls", []), *truth.get("forbidden_calls", [])]
    patterns += [pattern for c in conditions for pattern in (c["call"], *c.get("calls", []))]
    for pattern in patterns:
        named = isinstance(pattern, dict) and isinstance(pattern.get("name"), str)
        if not named or not isinstance(pattern.get("arguments", {}), dict):
            raise BrokenTaskError("a call in ground_truth needs a text 'name' and an object 'arguments'")
    return truth
