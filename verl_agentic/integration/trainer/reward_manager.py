"""verl's reward manager, which also tells the trainer of the samples that it loses."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from verl.experimental.reward_loop.reward_manager import NaiveRewardManager, register

logger = logging.getLogger(__name__)
logger.setLevel(os.getenv("VERL_LOGGING_LEVEL", "WARN"))


@register("agentic")
class AgenticRewardManager(NaiveRewardManager):  # type: ignore[misc]
    """``reward.reward_manager.name=agentic``: verl's own, but what a reward function raises is reported as an incident.

    The sample is dropped as ever; without the report a broken reference would stay in the pool, and samples without a
    verdict would vanish uncounted.
    """

    _connected = False

    async def run_single(self, data: Any) -> dict[str, Any]:
        """Judge one sample.

        Raises:
            Exception: whatever the reward function raises, once it is reported.
        """
        try:
            result: dict[str, Any] = await super().run_single(data)
        except Exception as error:
            await self._report(data, error)
            raise
        return result

    async def _report(self, data: Any, error: Exception) -> None:
        """Tell the trainer what happened; that it cannot be told must not hide it."""
        task_id = "unknown"
        try:
            task_id = _task_id(data)
            # Imported now: verl's users without a recipe of ours need no TransferQueue.
            import transfer_queue as tq

            from verl_agentic.integration.trainer.incidents import Incident, report

            if not AgenticRewardManager._connected:
                tq.init()
                AgenticRewardManager._connected = True
            await report(Incident.of(task_id, error))
        except Exception as failure:
            logger.error("%s: %s (and the trainer cannot be told: %s)", task_id, error, failure)


def _task_id(data: Any) -> str:
    """Id of the task that a batch's last sample belongs to."""
    fields = data[-1:].non_tensor_batch
    for texts, key in ((fields.get("tool_extra_fields"), "trajectory"), (fields.get("extra_info"), "task")):
        values = texts[0] if texts is not None and len(texts) else None
        text = values.get(key) if isinstance(values, dict) else None
        if isinstance(text, str):
            found = json.loads(text).get("task_id" if key == "trajectory" else "id")
            if isinstance(found, str):
                return found
    return "unknown"
