"""What went wrong that was not the policy's doing, on its way from agent-loop and reward workers to the trainer.

It travels as tags in a TransferQueue partition of its own, which works across nodes and costs no further process.
"""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass

import transfer_queue as tq

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.reward_fns.common import UndecidedError
from verl_agentic.rollout import DeadlineError

PARTITION = "agentic_incidents"
MAX_MESSAGE_CHARS = 500


@dataclass(frozen=True, slots=True)
class Incident:
    """One failure.

    Attributes:
        kind: ``infrastructure``, ``broken_task``, ``configuration``, or ``undecided`` for a sample that is dropped
            because nobody could tell right from wrong.
        task_id: id of the task that was being played or judged.
        message: what was raised.
        culprit: what hung, where something did: ``tool 'search'``, ``the user``.
    """

    kind: str
    task_id: str
    message: str
    culprit: str | None = None

    @classmethod
    def of(cls, task_id: str, error: Exception) -> Incident:
        """The incident that an error of a rollout or a reward is."""
        kinds = {BrokenTaskError: "broken_task", UserInputError: "configuration", UndecidedError: "undecided"}
        kind = next((name for type_, name in kinds.items() if isinstance(error, type_)), "infrastructure")
        culprit = error.culprit if isinstance(error, DeadlineError) else None
        return cls(kind, task_id, f"{type(error).__name__}: {error}"[:MAX_MESSAGE_CHARS], culprit)


async def report(incident: Incident) -> None:
    """Send one from a worker that TransferQueue is initialised in."""
    await tq.async_kv_put(key=uuid.uuid4().hex, partition_id=PARTITION, tag=dataclasses.asdict(incident))


def collect() -> list[Incident]:
    """Take all incidents reported since the last call."""
    tags = (tq.kv_list(PARTITION) or {}).get(PARTITION, {})
    if not tags:
        return []
    tq.kv_clear(keys=list(tags), partition_id=PARTITION)
    return [Incident(**tag) for tag in tags.values()]
