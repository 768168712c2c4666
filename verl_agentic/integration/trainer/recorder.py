"""From verl's batches to the store."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import transfer_queue as tq

from verl_agentic.core import FailureKind, Outcome, Trajectory
from verl_agentic.integration.trainer.incidents import collect
from verl_agentic.store import Evaluation, Failure, Store
from verl_agentic.store.secrets import redact_texts
from verl_agentic.store.statistics import cells_of
from verl_agentic.training.step_metrics import Judged, step_metrics


class Recorder:
    """Writes outcomes, evaluations and failures, and counts them for verl's tracking."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.last_incident: str | None = None
        self._incidents: Counter[str] = Counter(infrastructure=0, broken_task=0, configuration=0, undecided=0)
        self._dropped = 0
        self._splits: dict[str, tuple[str, str]] | None = None

    def record_step(self, batch: Any, step: int, epoch: int) -> dict[str, float]:
        """Record the outcomes of one step's batch.

        Args:
            batch: verl's batch (``KVBatchMeta``), with rewards computed.
            step: training step, from 1.
            epoch: its epoch, from 0.

        Returns:
            Metrics (see :func:`verl_agentic.training.step_metrics.step_metrics`).
        """
        judged: list[Judged] = []
        for uid, session, fields, reward in _rows(batch):
            verdict = fields.get("reward_extra_info") or {}
            trajectory = Trajectory.from_json(fields["trajectory"])
            version = _version(fields.get("min_global_steps"))
            outcome = Outcome(
                task_id=trajectory.task_id,
                session=session,
                step=step,
                epoch=epoch,
                reward=reward,
                acc=float(verdict.get("acc", reward)),
                failure=_failure(verdict, reward),
                turns=sum(turn.role == "assistant" for turn in trajectory.turns),
                trajectory=kept_json(trajectory, verdict, reward, version),
                policy_version=version,
            )
            judged.append(Judged(uid, outcome, trajectory, verdict))
        self.store.record_outcomes([one.outcome for one in judged], [one.uid for one in judged])
        cells = cells_of(self.store, {one.outcome.task_id for one in judged})
        return step_metrics([dataclasses.replace(one, cell=cells.get(one.outcome.task_id)) for one in judged])

    def record_evaluation(self, batch: Any, step: int) -> None:
        """Record an evaluation batch; split and kind are those of the task in the store."""
        evaluations = []
        for _, session, fields, reward in _rows(batch):
            trajectory = Trajectory.from_json(fields["trajectory"])
            entry = self._evaluated(trajectory.task_id)
            if entry is None:
                continue
            verdict = fields.get("reward_extra_info") or {}
            evaluations.append(
                Evaluation(
                    split=entry[0],
                    step=step,
                    task_id=trajectory.task_id,
                    kind=entry[1],
                    session=session,
                    acc=float(verdict.get("acc", reward)),
                    reward=reward,
                    failure=_failure(verdict, reward),
                    trajectory=kept_json(trajectory, verdict, reward, _version(fields.get("min_global_steps"))),
                )
            )
        self.store.record_evaluations(evaluations)

    def record_incidents(self, step: int, epoch: int) -> None:
        """Record what agent-loop and reward workers reported; a broken task leaves the pool."""
        for incident in collect():
            self._incidents[incident.kind] += 1
            self._dropped += incident.kind == "undecided"
            if incident.culprit:
                self._incidents[f"hung/{incident.culprit}"] += 1
            self.last_incident = incident.message
            self.store.record_failure(Failure(step, incident.kind, incident.message, incident.task_id))
            if incident.kind == "broken_task" and self.store.task(incident.task_id) is not None:
                self.store.quarantine(incident.task_id, incident.message, epoch)

    def record_hopeless(self, step: int, reason: str) -> None:
        """Record why the run is being ended."""
        self.store.record_failure(Failure(step, "run", reason))

    @property
    def incidents(self) -> int:
        """Number of failures so far that were not the policy's."""
        return sum(count for kind, count in self._incidents.items() if not kind.startswith("hung/"))

    def incident_metrics(self) -> dict[str, float]:
        """Failures so far that were not the policy's, and which tools hung; samples dropped without a verdict since
        the last call."""
        dropped, self._dropped = self._dropped, 0
        return {
            **{f"agentic/incidents/{kind}": float(count) for kind, count in self._incidents.items()},
            "agentic/undecided/dropped": float(dropped),
        }

    def _evaluated(self, task_id: str) -> tuple[str, str] | None:
        if self._splits is None:
            self._splits = {
                entry.id: (split, entry.kind)
                for split in ("validation", "held_out")
                for entry in self.store.pool(split=split)
            }
        return self._splits.get(task_id)


def _rows(batch: Any) -> list[tuple[str, int, dict[str, Any], float]]:
    """Uid, session, extra fields and reward of each real trajectory of a batch (the last output of a session)."""
    keys = [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding", False)]
    if not keys:
        return []
    data = tq.kv_batch_get(keys=keys, partition_id=batch.partition_id, select_fields=["extra_fields", "rm_scores"])
    rewards = [float(np.asarray(row.sum())) for row in data["rm_scores"].unbind()]
    last: dict[tuple[str, int], tuple[int, dict[str, Any], float]] = {}
    for key, fields, reward in zip(keys, list(data["extra_fields"]), rewards, strict=True):
        uid, session, index = key.rsplit("_", 2)
        if "trajectory" in fields and int(index) >= last.get((uid, int(session)), (-1,))[0]:
            last[uid, int(session)] = (int(index), fields, reward)
    return [(uid, session, fields, reward) for (uid, session), (_, fields, reward) in last.items()]


def kept_json(trajectory: Trajectory, verdict: Mapping[str, Any], reward: float, version: int | None) -> str:
    """The trajectory as it is stored: with its verdict and the policy's version, secrets in its texts blanked."""
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in verdict.items()}
    shown = {name: value for name, value in plain.items() if isinstance(value, (bool, int, float, str))}
    trajectory.reward, trajectory.policy_version = {"score": reward, **shown}, version
    return json.dumps(redact_texts(json.loads(trajectory.to_json())), ensure_ascii=False)


def _failure(verdict: Mapping[str, Any], reward: float) -> FailureKind:
    """The verdict's failure kind; a reward function of the user's need not name any."""
    try:
        return FailureKind(verdict.get("failure"))
    except ValueError:
        return FailureKind.NONE if float(verdict.get("acc", reward)) >= 1 else FailureKind.WRONG_ANSWER


def _version(steps: Any) -> int | None:
    """The update after which the engine's weights were the policy's, when the trajectory began; verl names it so."""
    return None if steps is None else int(steps)
