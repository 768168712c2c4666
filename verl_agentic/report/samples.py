"""A few trajectories worth reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from verl_agentic.core import Message, Outcome
from verl_agentic.core.trajectory import stored_trajectory
from verl_agentic.rollout import DialogueLimits
from verl_agentic.rollout.diagnosis import diagnose_trajectory
from verl_agentic.rollout.limits import stored_limits
from verl_agentic.rollout.protocol import opening_messages
from verl_agentic.store import Evaluation, Store

_MAX_CHARS = 4000
_MAX_TURNS = 40


def pick_samples(store: Store, latest: Sequence[Outcome], kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """One success and one failure per kind, from the latest evaluation or else the latest training epoch.

    Args:
        store: the run's store.
        latest: outcomes of the latest epoch.
        kinds: kinds of the pool's tasks, by id.

    Returns:
        Per sample ``kind``, ``task_id``, ``step``, ``source`` (split, or ``train``), ``success``, ``failure``,
        ``reward``, ``reason`` (the reward's), ``diagnosis`` (``kind: evidence``, of a failure), ``blame`` (``policy``,
        ``user`` or ``environment``), ``answer``, ``end`` and ``messages`` (``role`` and ``content``, cut to a readable
        length).
    """
    picked: dict[tuple[str, bool], dict[str, Any]] = {}
    limits = stored_limits(store.info().get("rollout"))
    for one in _latest_first(store, latest, kinds):
        key = (one.kind, one.acc >= 1)
        if key not in picked and (dialogue := _dialogue(store, one, limits)) is not None:
            picked[key] = {
                "kind": one.kind,
                "task_id": one.task_id,
                "step": one.step,
                "source": one.split,
                "success": one.acc >= 1,
                "failure": one.failure.value,
                "reward": one.reward,
                **dialogue,
            }
    return [picked[key] for key in sorted(picked, key=lambda key: (key[0], not key[1]))]


def _latest_first(store: Store, latest: Sequence[Outcome], kinds: Mapping[str, str]) -> Iterator[Evaluation]:
    for split in ("held_out", "validation"):
        for step in store.evaluation_steps(split)[-1:]:
            yield from store.evaluations(split, step)
    for one in reversed(latest):
        if one.task_id in kinds:
            yield Evaluation(
                split="train",
                step=one.step,
                task_id=one.task_id,
                kind=kinds[one.task_id],
                session=one.session,
                acc=one.acc,
                reward=one.reward,
                failure=one.failure,
                trajectory=one.trajectory,
            )


def _dialogue(store: Store, one: Evaluation, limits: DialogueLimits) -> dict[str, Any] | None:
    """The whole dialogue from the prompt on; ``None`` when no readable trajectory was kept."""
    trajectory = stored_trajectory(one.trajectory)
    if trajectory is None:
        return None
    task = store.task(one.task_id)
    found = None if one.acc >= 1 else diagnose_trajectory(trajectory, one.failure, task)
    turns: Iterable[Message] = ({"role": turn.role, "content": turn.content} for turn in trajectory.turns)
    messages = [*(opening_messages(task, limits) if task else []), *turns]
    if len(messages) > _MAX_TURNS:
        left_out = len(messages) - _MAX_TURNS
        messages = [*messages[:_MAX_TURNS], {"role": "note", "content": f"{left_out} more messages"}]
    return {
        "reason": _cut(str(trajectory.reward.get("reason") or "")),
        "diagnosis": "" if found is None else f"{found.kind.value}: {found.evidence}",
        "blame": "" if found is None else found.blame,
        "answer": trajectory.answer,
        "end": trajectory.end.value if trajectory.end else None,
        "messages": [{"role": said["role"], "content": _cut(said["content"])} for said in messages],
    }


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]} [... {len(text) - _MAX_CHARS} more characters]"
