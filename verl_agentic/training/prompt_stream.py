"""Which tasks the next prompts are made of, in every mode of the trainer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from verl_agentic.core import UserInputError

_FILE = "prompt_stream.json"


class PromptStream:
    """Tasks in the order an epoch was drawn in, for a trainer that asks for prompts ahead of the steps they serve.

    An asynchronous trainer fetches prompts for later steps (its warm-up) and in place of stale groups, so that a
    step alone does not say which tasks are next. The stream keeps its position within the epoch; what a checkpoint
    holds of it (:meth:`save`) lets a resumed run go on with the very same tasks. An epoch that is asked for more
    than it has begins anew; what an epoch has left when the next one begins is skipped.

    Args:
        epoch_tasks: ids of the tasks of an epoch, in training order.
    """

    def __init__(self, epoch_tasks: Callable[[int], Sequence[str]]) -> None:
        self._epoch_tasks = epoch_tasks
        self._epoch = 0
        self._position = 0

    def take(self, epoch: int, count: int) -> list[str]:
        """The next ``count`` task ids of an epoch, or of the one begun last if that is later."""
        if epoch > self._epoch:
            self._epoch, self._position = epoch, 0
        tasks = self._epoch_tasks(self._epoch)
        taken = [tasks[(self._position + offset) % len(tasks)] for offset in range(count)]
        self._position += count
        return taken

    def save(self, folder: Path) -> None:
        """Keep the position with a checkpoint."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_text(json.dumps({"epoch": self._epoch, "position": self._position}))

    def load(self, folder: Path) -> None:
        """Go on where the checkpoint was.

        Raises:
            UserInputError: the checkpoint was not written by an asynchronous trainer of ours, or is damaged.
        """
        path = folder / _FILE
        try:
            state = json.loads(path.read_text())
            self._epoch, self._position = int(state["epoch"]), int(state["position"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserInputError(
                f"{path} cannot be read ({error}); this checkpoint cannot be resumed in this trainer mode: set "
                "trainer.v1.trainer_mode as the run was started with, or trainer.resume_mode=disable"
            ) from error
