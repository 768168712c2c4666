"""The contract of a reward function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from verl_agentic.contracts.base import demand, run
from verl_agentic.core import End, Trajectory, Turn
from verl_agentic.reward_fns.common import Verdict
from verl_agentic.reward_fns.invoke import invoke
from verl_agentic.reward_fns.registry import check_kwargs
from verl_agentic.rollout import parse_assistant

Answer = tuple[str, Any]
"""What the policy writes at last, such as ``<answer>42</answer>``, and the ground truth that it is compared with."""

JUNK = (
    "",
    "   ",
    "<answer></answer>",
    "<tool_call>{",
    "(" * 10_000,
    "9" * 10_000,
    "\\boxed{" * 200,
    "\x00\u202e\U0001f600",
    "\ud800",
)
"""What policies write that are at their beginning, or look for a way around the reward."""


def check_reward(
    function: Callable[..., Any], right: Sequence[Answer], wrong: Sequence[Answer], **kwargs: Any
) -> list[dict[str, Any]]:
    """Check a reward function on answers whose verdict is known, and on junk, which is never right.

    Each answer is judged from its text alone, as verl hands it over, and with the whole trajectory, as our agent loop
    does; the verdicts must agree.

    Args:
        function: verl's ``compute_score``; sync or async.
        right: answers that must succeed.
        wrong: answers that must not.
        kwargs: ``reward_kwargs``.

    Returns:
        The results of ``right``, then those of ``wrong``.

    Raises:
        ContractError: naming the answer and what is wrong.
        UserInputError: the function does not take ``kwargs``.
    """
    check_kwargs(function, kwargs)
    demand(right and wrong, "give at least one right and one wrong answer")
    results = []
    for answers, acc in ((right, 1.0), (wrong, 0.0)):
        for answer, truth in answers:
            result = _judged(function, answer, truth, kwargs)
            demand(result["acc"] == acc, f"{answer[:80]!r} gets acc {result['acc']:g}, not {acc:g}: {result['reason']}")
            results.append(result)
    least = min(result["score"] for result in results[: len(right)])
    most = max(result["score"] for result in results[len(right) :])
    demand(least > most, f"a wrong answer scores {most:g}, a right one {least:g}: it would pay to be wrong")
    truths = {repr(truth): truth for _, truth in right}  # they may be lists or objects
    for junk in JUNK:
        for truth in truths.values():
            result = _judged(function, junk, truth, kwargs)
            demand(result["acc"] == 0, f"{junk[:40]!r} is right by this reward")
    return results


def _judged(function: Callable[..., Any], answer: str, truth: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    given = parse_assistant(answer).answer
    end = End.NO_USER if given is None else End.ANSWER
    trajectory = Trajectory("contract-1", turns=[Turn("assistant", answer)], answer=given, end=end)
    what = f"judging {answer[:40]!r}"
    found = [
        run(invoke(function, "contract", answer, truth, extra_info, kwargs, "contract"), what)
        for extra_info in (None, {}, {"trajectory": trajectory.to_json()}, {"trajectory": trajectory.to_json()})
    ]
    accs = [result["acc"] for result in found]
    demand(
        len(set(accs)) == 1, f"{what}: acc is {accs}: without extra_info, with an empty one, twice with a trajectory"
    )
    result = found[-1]
    demand(math.isfinite(result["score"]), f"{what}: the score is {result['score']}")
    verdicts = [verdict.value for verdict in Verdict]
    demand(result["verdict"] in verdicts, f"{what}: verdict must be one of {verdicts}, got {result['verdict']!r}")
    demand(isinstance(result["reason"], str), f"{what}: reason must be a text, got {result['reason']!r}")
    return result
