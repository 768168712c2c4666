"""What verl's tracking is told of a step."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from verl_agentic.core import FailureKind, Outcome, ToolCall, Trajectory, Turn
from verl_agentic.reward_fns.common import decided, undecided
from verl_agentic.reward_fns.mixed import compute_score
from verl_agentic.store import Cell
from verl_agentic.training.step_metrics import Judged, step_metrics


def judged(uid: str, verdict: Any, *calls: str | None, **user: int) -> Judged:
    rolled = Trajectory("t", calls=[ToolCall("f", {}, "", error) for error in calls], user=user)
    failure = FailureKind(verdict["failure"])
    outcome = Outcome("t", 0, 1, 0, verdict["score"], verdict["acc"], failure, 1)
    return Judged(uid, outcome, rolled, verdict)


RIGHT, WRONG = decided(FailureKind.NONE), decided(FailureKind.WRONG_ANSWER, "no")
FIGURES = {"agreement": 1.0, "judge_tokens": 100.0, "judge_cost": 0.25, "judge_retries": 0.0}


def test_nothing_is_said_of_what_did_not_occur() -> None:
    assert step_metrics([]) == {}
    assert step_metrics([judged("a", RIGHT)]) == {
        "agentic/success": 1.0,
        "agentic/zero_variance_groups": 1.0,
        "agentic/undecided/scored": 0.0,
    }


def test_shares_of_trajectories_groups_and_calls() -> None:
    step = [judged("a", RIGHT, None, None), judged("a", WRONG, "malformed"), judged("b", WRONG, None)]
    metrics = step_metrics([*step, judged("b", undecided("out of time", "zero"))])
    assert metrics["agentic/success"] == 0.25 and metrics["agentic/zero_variance_groups"] == 0.5
    assert (metrics["agentic/failure/wrong_answer"], metrics["agentic/failure/undecided"]) == (0.5, 0.25)
    assert (metrics["agentic/calls/executed"], metrics["agentic/calls/malformed"]) == (0.75, 0.25)
    assert metrics["agentic/calls/rejected"] == 0.0 and metrics["agentic/undecided/scored"] == 1.0


def test_success_is_told_by_kind_and_depth() -> None:
    cells = (Cell("math", 1), Cell("math", 2), Cell("sql", 2), None)
    verdicts = (RIGHT, WRONG, RIGHT, WRONG)
    step = [replace(judged("a", verdict), cell=cell) for verdict, cell in zip(verdicts, cells, strict=True)]
    told = {name: value for name, value in step_metrics(step).items() if name.startswith("agentic/success/")}
    assert told == {
        "agentic/success/kind/math": 0.5,
        "agentic/success/kind/sql": 1.0,
        "agentic/success/depth/1": 1.0,
        "agentic/success/depth/2": 0.5,
    }


def test_users_are_counted_over_the_dialogues_that_had_one() -> None:
    step = [judged("a", RIGHT, replies=2, denials=1), judged("a", RIGHT, replies=4), judged("a", RIGHT)]
    metrics = step_metrics(step)
    assert (metrics["agentic/user/replies"], metrics["agentic/user/denials"]) == (3.0, 0.5)


def test_reminders_are_counted_where_there_were_any() -> None:
    step = [judged("a", RIGHT), judged("a", WRONG)]
    assert "agentic/reminders" not in step_metrics(step)
    step[0].trajectory.reminders = 1
    assert step_metrics(step)["agentic/reminders"] == 0.5


def test_judges_alone_and_as_a_part() -> None:
    split = {**FIGURES, "agreement": 0.5, "judge_retries": 2.0}
    parts = {f"rubric/{key}": value for key, value in split.items()}
    none: dict[str, Any] = dict.fromkeys(FIGURES)
    step = [judged("a", {**RIGHT, **FIGURES}), judged("a", {**WRONG, **parts}), judged("a", {**RIGHT, **none})]
    metrics = {key: value for key, value in step_metrics(step).items() if "/judge/" in key}
    assert metrics == {
        "agentic/judge/verdicts": 2.0,
        "agentic/judge/agreement": 0.75,
        "agentic/judge/tokens": 200.0,
        "agentic/judge/cost": 0.5,
        "agentic/judge/retries": 2.0,
    }


def test_a_real_judges_figures_come_through_the_mixed_reward(endpoint: Any, llm: dict[str, Any]) -> None:
    verdict = json.dumps({"evidence": "seen", "satisfied": True})
    endpoint.script = [endpoint.fail(503), endpoint.say("not JSON")]
    endpoint.content = lambda body: verdict
    rolled = Trajectory("t", turns=[Turn("assistant", "Done.")])

    def score(reward: str, truth: Any) -> Any:
        extra = {"trajectory": rolled.to_json(), "reward": reward}
        return asyncio.run(compute_score("any", "", truth, extra, llm=llm))

    first, other = score("rubric", {"rubric": ["It was polite."]}), score("math", "5")
    # verl needs the same keys of every row.
    assert set(first) == set(other) and other["judge_tokens"] is None
    metrics = step_metrics([judged("a", first), judged("b", other)])
    assert (metrics["agentic/judge/verdicts"], metrics["agentic/judge/agreement"]) == (1.0, 1.0)
    assert metrics["agentic/judge/retries"] == 2.0
    # The malformed reply was paid for, the failed request was not.
    assert metrics["agentic/judge/tokens"] == 220.0
    assert metrics["agentic/judge/cost"] == pytest.approx(2 * 0.00024)
