"""Reward by the calls made: all that a compliant agent makes, and none that breaks the policy."""

from __future__ import annotations

from typing import Any

from verl_agentic.core import BrokenTaskError, End, FailureKind, Trajectory, UserInputError
from verl_agentic.reward_fns.common import RewardResult, decided, decode_ground_truth, read_submission
from verl_agentic.tool_envs.canonical import arguments_agree, is_free_text


class CallsResult(RewardResult):
    """A reward result, and how far the trajectory got.

    Attributes:
        subgoals: fraction of the required calls made, in [0, 1]; 1.0 only for a right trajectory, 0.0 after a
            violation.
    """

    subgoals: float


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    *,
    partial: bool = False,
    **kwargs: Any,
) -> CallsResult:
    """Judge the tool calls of one trajectory.

    Args:
        data_source: ignored, as are ``solution_str`` and further keywords of verl's.
        solution_str: see above.
        ground_truth: ``{"required": [CALL, ...], "forbidden": [CALL, ...]}``, or that as JSON. A required ``CALL`` is
            ``{"name": str, "arguments": object}``; its arguments must be those of an executed call, prose only not
            blank. Optional lists of argument names: ``texts``, further arguments that must be there and not blank;
            ``optional``, arguments that may be missing. A forbidden call is made where every one of its
            ``arguments`` is; with none, by any call of that tool.
        extra_info: ``trajectory`` holds the trajectory as JSON.
        partial: credit the fraction of required calls made (sub-goals) instead of all or nothing. A forbidden call
            still costs everything, and ``acc`` stays strict.

    A forbidden call counts when it was executed, and also when the environment's ``state["calls"]`` shows that it
    reached the tools but met no recording: a replayed world cannot answer it, yet the policy was broken.

    Raises:
        UserInputError: ``extra_info`` has no trajectory.
        BrokenTaskError: ``ground_truth`` is malformed or asks nothing.
        InfrastructureError: the trajectory is not one.
    """
    truth = decode_ground_truth(ground_truth)
    required, forbidden = _calls(truth, "required"), _calls(truth, "forbidden")
    if not required and not forbidden:
        raise BrokenTaskError("ground_truth requires no call and forbids none: every trajectory would be right")
    trajectory = read_submission(solution_str, extra_info).trajectory
    if trajectory is None:
        raise UserInputError(
            "extra_info['trajectory'] is missing: reward 'calls' judges tool calls; "
            "sample with agent_name 'agentic', or choose a reward that judges the text"
        )
    executed = [(call.name, call.arguments) for call in trajectory.calls if call.error is None]
    for item in forbidden:
        if any(_breaks(item, name, arguments) for name, arguments in [*executed, *_unrecorded(trajectory)]):
            violation = decided(FailureKind.FORBIDDEN_CALL, f"made the forbidden call {item['name']}")
            return {**violation, "subgoals": 0.0}
    missing = [item for item in required if not any(_fulfils(item, *call) for call in executed)]
    if not missing:
        done = decided(FailureKind.NONE, f"made all {len(required)} required calls, none forbidden")
        return {**done, "subgoals": 1.0}
    subgoals = 1.0 - len(missing) / len(required)
    reason = f"{len(missing)} of {len(required)} missing: {missing[0]['name']}"
    return {**decided(_why_missing(trajectory), reason, subgoals if partial else None), "subgoals": subgoals}


def _calls(truth: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items = truth.get(key)
    if not isinstance(items, list):
        raise BrokenTaskError(f"ground_truth needs a list {key!r}")
    for position, item in enumerate(items):
        if not (isinstance(item, dict) and isinstance(item.get("name"), str)):
            raise BrokenTaskError(f"ground_truth.{key}[{position}] has no 'name'")
        if not isinstance(item.get("arguments"), dict):
            raise BrokenTaskError(f"ground_truth.{key}[{position}] needs an object 'arguments'")
    return items


def _unrecorded(trajectory: Trajectory) -> list[tuple[str, dict[str, Any]]]:
    """Calls that reached a replayed world which has no answer to them."""
    calls = trajectory.state.get("calls") or []
    return [(call["name"], call["arguments"]) for call in calls if call.get("recorded", "") is None]


def _breaks(item: dict[str, Any], name: str, arguments: dict[str, Any]) -> bool:
    if item["name"] != name:
        return False
    return all(key in arguments and arguments_agree(name, arguments[key], v) for key, v in item["arguments"].items())


def _fulfils(item: dict[str, Any], name: str, arguments: dict[str, Any]) -> bool:
    if item["name"] != name:
        return False
    optional = item.get("optional") or ()
    for key, value in item["arguments"].items():
        if key not in arguments:
            if key not in optional:
                return False
        elif is_free_text(value):
            if not _filled(arguments[key]):
                return False
        elif not arguments_agree(name, arguments[key], value):
            return False
    return all(_filled(arguments.get(key)) for key in item.get("texts") or ())


def _filled(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _why_missing(trajectory: Trajectory) -> FailureKind:
    if trajectory.end is End.TRANSFER:
        return FailureKind.GAVE_UP
    if trajectory.end in (End.MAX_TURNS, End.MAX_TOKENS):
        return FailureKind.LIMIT
    failed = sum(call.error is not None for call in trajectory.calls)
    return FailureKind.TOOL_MISUSE if failed * 2 > len(trajectory.calls) else FailureKind.MISSING_CALL
