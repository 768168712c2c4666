"""Many rollouts at once, each kept as soon as it has ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from verl_agentic.core import BrokenTaskError, InfrastructureError, Task, UserInputError
from verl_agentic.core.chat import BudgetSpentError
from verl_agentic.evaluation.model import ServedModel
from verl_agentic.evaluation.plan import PlayPlan
from verl_agentic.evaluation.player import play_served
from verl_agentic.evaluation.record import Record, RecordStatus, of_played, unplayed
from verl_agentic.reward_fns.registry import judge

HOPELESS = 64
"""Infrastructure failures in a row after which a run is given up."""

Job = tuple[Task, int]
"""A task, and the number of its rollout."""


async def roll_out(
    jobs: Sequence[Job],
    model: ServedModel,
    plan: PlayPlan,
    run: str,
    concurrency: int,
    keep: Callable[[Record], None],
) -> None:
    """Play and judge every job, ``concurrency`` at a time, and hand each record to ``keep``.

    Raises:
        UserInputError: the configuration is at fault.
        InfrastructureError: nothing works any more, or the budget is spent. What was kept stays.
    """
    waiting = iter(jobs)
    failed_in_a_row = 0

    async def work() -> None:
        nonlocal failed_in_a_row
        for task, sample in waiting:
            record = await roll_out_one(task, sample, model, plan, run)
            failed_in_a_row = failed_in_a_row + 1 if record.status == RecordStatus.INFRASTRUCTURE.value else 0
            keep(record)
            if failed_in_a_row >= HOPELESS:
                raise InfrastructureError(f"{HOPELESS} rollouts in a row failed, the last: {record.error}")

    workers = [asyncio.create_task(work()) for _ in range(min(concurrency, len(jobs)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def roll_out_one(task: Task, sample: int, model: ServedModel, plan: PlayPlan, run: str) -> Record:
    """Play and judge one job.

    Raises:
        UserInputError: the configuration is at fault.
        BudgetSpentError: the money or the tokens set aside are spent.
    """
    try:
        played = await play_served(task, sample, model, plan)
    except BudgetSpentError:
        raise
    except InfrastructureError as error:
        return unplayed(run, model.name, task, sample, RecordStatus.INFRASTRUCTURE, error)
    except BrokenTaskError as error:
        return unplayed(run, model.name, task, sample, RecordStatus.BROKEN_TASK, error)
    try:
        verdict = await judge(task, played.trajectory, plan.reward, plan.keywords)
    except BrokenTaskError as error:
        return unplayed(run, model.name, task, sample, RecordStatus.BROKEN_TASK, error)
    except InfrastructureError as error:
        return of_played(run, model.name, model.priced, task, sample, played, error, plan.session.limits)
    played.trajectory.reward = verdict
    return of_played(run, model.name, model.priced, task, sample, played, verdict, plan.session.limits)


class RecordFile:
    """Records on the disk, a line each; what is in it survives the process and the machine.

    Args:
        file: opened for appending.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, record: Record) -> None:
        """Write a record. It is on the disk when this returns."""
        self._file.write(f"{record.to_json()}\n".encode("utf-8", "replace"))
        self._file.flush()
        os.fsync(self._file.fileno())


def kept_records(file: IO[bytes], where: str) -> Iterator[tuple[int, Record]]:
    """Each whole record of a file, and where in bytes it ends; a last line that was cut is left out.

    Raises:
        UserInputError: naming the line that is no record.
    """
    end = 0
    for number, line in enumerate(file, start=1):
        end += len(line)
        if not line.endswith(b"\n"):
            return
        try:
            yield end, Record.from_json(line)
        except UserInputError as error:
            raise UserInputError(f"{where}: line {number} {error}") from error
