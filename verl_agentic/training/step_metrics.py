"""What verl's tracking is told of one step's judged trajectories."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import FailureKind, Outcome, Trajectory
from verl_agentic.core.trajectory import CALL_OUTCOMES
from verl_agentic.reward_fns.common import Verdict
from verl_agentic.reward_fns.rubric import JUDGE_FIGURES
from verl_agentic.store import Cell


@dataclass(frozen=True, slots=True)
class Judged:
    """One trajectory.

    Attributes:
        uid: verl's id of its group.
        outcome: what the flywheel reads.
        trajectory: what happened.
        verdict: what its reward function returned.
        cell: kind and depth of its task, ``None`` where the pool does not know it.
    """

    uid: str
    outcome: Outcome
    trajectory: Trajectory
    verdict: Mapping[str, Any]
    cell: Cell | None = None


def step_metrics(judged: Sequence[Judged]) -> dict[str, float]:
    """Metrics by name; nothing of what did not occur.

    * ``agentic/success``, ``agentic/zero_variance_groups`` (no gradient): shares, of trajectories and of groups;
    * ``agentic/success/kind/KIND``, ``agentic/success/depth/DEPTH``: shares of the trajectories of tasks like that;
    * ``agentic/failure/KIND``, ``agentic/calls/OUTCOME``: shares, of trajectories and of tool calls;
    * ``agentic/undecided/scored``: number of trajectories that were scored 0 without a verdict;
    * ``agentic/judge/verdicts``, ``.../agreement``, ``.../tokens``, ``.../cost``, ``.../retries``: how many
      trajectories a model judged, how far its votes agreed on the mean (0.5 to 1), and what that took (US dollars);
    * ``agentic/user/NAME``: what simulated users counted, on the mean over the dialogues that had one;
    * ``agentic/reminders``: how often the policy was reminded to call or to answer, on the mean over trajectories.
    """
    if not judged:
        return {}
    return {
        **_outcomes(judged),
        **_calls(judged),
        **_verdicts([one.verdict for one in judged]),
        **_users([one.trajectory.user for one in judged if one.trajectory.user]),
        **_reminders([one.trajectory.reminders for one in judged]),
    }


def _outcomes(judged: Sequence[Judged]) -> dict[str, float]:
    groups: defaultdict[str, set[float]] = defaultdict(set)
    for one in judged:
        groups[one.uid].add(one.outcome.reward)
    failures = Counter(one.outcome.failure for one in judged if one.outcome.failure is not FailureKind.NONE)
    by_cell: defaultdict[str, list[float]] = defaultdict(list)
    for one in judged:
        if one.cell is not None:
            by_cell[f"agentic/success/kind/{one.cell.kind}"].append(one.outcome.acc)
            by_cell[f"agentic/success/depth/{one.cell.depth}"].append(one.outcome.acc)
    return {
        **{name: sum(accs) / len(accs) for name, accs in by_cell.items()},
        "agentic/success": sum(one.outcome.acc for one in judged) / len(judged),
        "agentic/zero_variance_groups": sum(len(rewards) == 1 for rewards in groups.values()) / len(groups),
        **{f"agentic/failure/{kind.value}": count / len(judged) for kind, count in failures.items()},
    }


def _calls(judged: Sequence[Judged]) -> dict[str, float]:
    calls = sum((one.trajectory.calls_by_outcome() for one in judged), Counter[str]())
    return {f"agentic/calls/{kind}": calls[kind] / calls.total() for kind in CALL_OUTCOMES if calls}


def _verdicts(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    undecided = sum(verdict.get("verdict") == Verdict.UNDECIDED.value for verdict in verdicts)
    metrics = {"agentic/undecided/scored": float(undecided)}
    figures = [figure for verdict in verdicts if (figure := _figures(verdict))]
    if figures:
        metrics["agentic/judge/verdicts"] = float(len(figures))
        metrics["agentic/judge/agreement"] = sum(figure["agreement"] for figure in figures) / len(figures)
        for name in JUDGE_FIGURES:
            if name != "agreement":
                metrics[f"agentic/judge/{name.removeprefix('judge_')}"] = sum(figure[name] for figure in figures)
    return metrics


def _figures(verdict: Mapping[str, Any]) -> dict[str, float]:
    """The judge's figures, also where the rubric is part of a composed reward (``rubric/agreement``)."""
    found: dict[str, list[float]] = defaultdict(list)
    for key, value in verdict.items():
        name = key.rpartition("/")[2]
        if name in JUDGE_FIGURES and isinstance(value, int | float):
            found[name].append(float(value))
    if set(found) != set(JUDGE_FIGURES):
        return {}
    agreement = found.pop("agreement")
    return {"agreement": sum(agreement) / len(agreement), **{name: sum(values) for name, values in found.items()}}


def _users(users: Sequence[Mapping[str, int]]) -> dict[str, float]:
    names = sorted({name for counts in users for name in counts})
    return {f"agentic/user/{name}": sum(counts.get(name, 0) for counts in users) / len(users) for name in names}


def _reminders(counts: Sequence[int]) -> dict[str, float]:
    return {"agentic/reminders": sum(counts) / len(counts)} if any(counts) else {}
