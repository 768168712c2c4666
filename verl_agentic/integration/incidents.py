"""What went wrong in a rollout that was not the policy's doing, on its way from agent-loop workers to the trainer.

It travels as tags in a TransferQueue partition of its own, which works across nodes and costs no further process.
"""

from __future__ import annotations

from dataclasses import dataclass

import transfer_queue as tq

PARTITION = "agentic_incidents"


@dataclass(frozen=True, slots=True)
class Incident:
    """One failure.

    Attributes:
        kind: ``infrastructure`` or ``broken_task``.
        task_id: id of the task that was being played.
        message: what was raised.
    """

    kind: str
    task_id: str
    message: str


def collect() -> list[Incident]:
    """Take all incidents reported since the last call."""
    tags = (tq.kv_list(PARTITION) or {}).get(PARTITION, {})
    if not tags:
        return []
    tq.kv_clear(keys=list(tags), partition_id=PARTITION)
    return [Incident(tag["kind"], tag["task_id"], tag["message"]) for tag in tags.values()]
