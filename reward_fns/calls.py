"""Reward by the calls made: all that a compliant agent makes, none that breaks the policy, and not by trying out.

Values agree as :mod:`verl_agentic.core.canonical` has it, whatever their case, except that a code (a text without
blanks that mixes letters and digits, such as ``A-1x``) fulfils a required call only in its own letters: two codes may
differ by case alone, and who calls a tool has read it. How a word is capitalised nobody is told. A world that is
replayed answers codes in any case, so there the case does not count; nor does it in a forbidden call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from verl_agentic.core import BrokenTaskError, End, FailureKind, Trajectory, UserInputError
from verl_agentic.core.canonical import arguments_agree, is_free_text
from verl_agentic.core.checked import Count
from verl_agentic.core.trajectory import LIMITS
from verl_agentic.reward_fns.common import RewardResult, decided, decode_ground_truth, read_submission
from verl_agentic.reward_fns.misses import most_misses, tried_out

__all__ = ["CallsResult", "compute_score"]

# A code may be joined by underscores, which are blanks here.
_CODE = re.compile(r"(?=\S*[0-9])(?=\S*[^\W\d_])[^\s@]+")
# Dates, hexadecimal ids, and numbers with a unit or an ending: "2024-05-01T10:00Z", "10kg", "2nd".
_CASELESS = re.compile(r"[0-9:tTzZ.+-]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9.,:/]+[^\W\d_]{1,3}")


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
    max_misses: Count | None = None,
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
            ``arguments`` is; with none, by any call of that tool. ``max_misses`` goes before the keyword.
        extra_info: ``trajectory`` holds the trajectory as JSON.
        partial: credit the fraction of required calls made (sub-goals) instead of all or nothing. A forbidden call
            still costs everything, and ``acc`` stays strict.
        max_misses: calls of a required call's tool that are not required, per required call of it, beyond which none of
            these counts as made (:mod:`verl_agentic.reward_fns.misses`); by default 5 for tools that only read and
            for rejected calls, 1 for those that write.

    A forbidden call counts when it was executed, and also when the environment's ``state["calls"]`` shows that it
    reached the tools but met no recording: a replayed world cannot answer it, yet the policy was broken.

    Raises:
        UserInputError: ``extra_info`` has no trajectory, or ``max_misses`` is no number.
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
    case = not any("recorded" in call for call in trajectory.state.get("calls") or [])
    found_by_trying = tried_out(
        trajectory.calls,
        (item["name"] for item in required),
        lambda call: any(_fulfils(item, call.name, call.arguments, case) for item in required),
        most_misses(truth, max_misses),
    )
    missing = [
        item
        for item in required
        if item["name"] in found_by_trying or not any(_fulfils(item, *call, case) for call in executed)
    ]
    if not missing:
        done = decided(FailureKind.NONE, f"made all {len(required)} required calls, none forbidden")
        return {**done, "subgoals": 1.0}
    subgoals = 1.0 - len(missing) / len(required)
    first = missing[0]["name"]
    kind = FailureKind.TOOL_MISUSE if first in found_by_trying else _why_missing(trajectory)
    reason = f"{len(missing)} of {len(required)} missing: {found_by_trying.get(first, first)}"
    return {**decided(kind, reason, subgoals if partial else None), "subgoals": subgoals}


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


def _fulfils(item: dict[str, Any], name: str, arguments: dict[str, Any], case: bool) -> bool:
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
        elif not arguments_agree(name, arguments[key], value) or (case and not _same_codes(arguments[key], value)):
            return False
    return all(_filled(arguments.get(key)) for key in item.get("texts") or ())


def _same_codes(called: Any, required: Any) -> bool:
    """Whether every code of the required value stands in the called one as it is written."""
    codes = {text for text in _texts(required) if _CODE.fullmatch(text) and not _CASELESS.fullmatch(text)}
    return codes <= set(_texts(called))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        # As canonical values have it, but for their case.
        yield re.sub(r"[\s_]+", " ", value).strip().lstrip("#")
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _filled(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _why_missing(trajectory: Trajectory) -> FailureKind:
    if trajectory.end is End.TRANSFER:
        return FailureKind.GAVE_UP
    if trajectory.end in LIMITS:
        return FailureKind.LIMIT
    failed = sum(call.error is not None for call in trajectory.calls)
    return FailureKind.TOOL_MISUSE if failed * 2 > len(trajectory.calls) else FailureKind.MISSING_CALL
