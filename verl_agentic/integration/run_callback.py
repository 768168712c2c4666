"""Hydra callback around verl's ``main_ppo``: checks and prepares before Ray starts, reports at the end."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import os
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.integration import preflight
from verl_agentic.integration.capacity import check_capacity
from verl_agentic.integration.console import Console, held_logs, open_console, tell
from verl_agentic.integration.prepare import prepare_model, prepare_tasks
from verl_agentic.integration.trainer.checkpoints import saved_step
from verl_agentic.report import build_report, print_summary, write_report
from verl_agentic.report.numbers import duration
from verl_agentic.store import STORE_FILE
from verl_agentic.store.statistics import pool_counts
from verl_agentic.synthesis.base import SPLITS
from verl_agentic.training.memory import PeakMemory
from verl_agentic.training.run import open_store, pool_register
from verl_agentic.training.settings import AgenticSettings
from verl_agentic.training.stages import STAGES_KEY

BAD_INPUT_STATUS = 2


class AgenticRun(Callback):  # type: ignore[misc]
    """Set by the recipe as ``hydra.callbacks.agentic``.

    Hydra turns an exception in a callback into a warning and goes on, which is why bad input leaves here with
    ``SystemExit``.
    """

    def __init__(self) -> None:
        self._settings: AgenticSettings | None = None
        self._console: Console | None = None
        self._memory = PeakMemory()
        self._started = time.monotonic()

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        try:
            self._prepare(_task_part(config))
        except (UserInputError, InfrastructureError) as error:
            self._refuse(str(error))
        except Exception as error:
            # Going on would mean a run without its data or policy.
            self._refuse(f"preparing the run failed: {type(error).__name__}: {error}")

    def _refuse(self, reason: str) -> NoReturn:
        self._close_console()
        held_logs.release()
        tell(reason, error=True)
        sys.exit(BAD_INPUT_STATUS)

    def _close_console(self) -> None:
        if self._console is not None:
            self._console.close()
            self._console = None

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        if self._settings is None:
            return
        try:
            self._report(self._settings, job_return)
        except (UserInputError, InfrastructureError) as error:
            # A database that is gone ended the run, too; what it holds can be reported later.
            tell(f"no report: {error}; try verl-agentic report later", error=True)
        finally:
            if self._console is not None:
                self._console.end(_error_of(job_return))

    def _report(self, settings: AgenticSettings, job_return: JobReturn) -> None:
        run_dir = Path(settings.run_dir).absolute()
        with open_store(settings) as store:
            store.set_info(peak_memory_bytes=max(self._memory.stop(), store.info().get("peak_memory_bytes") or 0))
            store.add_seconds("total", time.monotonic() - self._started)
            report = build_report(store, run_dir)
            reasons = [failure.message for failure in store.failures() if failure.kind == "run"]
        paths = write_report(report, run_dir)
        print_summary(report)
        if self._console is not None:
            print_summary(report, self._console.rich())
        if job_return.status is JobStatus.FAILED:
            tell("the run ended early" + (f": {reasons[-1]}" if reasons else ""), error=True)
        for path in paths:
            tell(str(path))

    def _prepare(self, config: DictConfig) -> None:
        # An earlier job of the same process, in a sweep, has a console of its own.
        self._close_console()
        settings = preflight.check(config)
        steps = settings.curriculum.epoch_size // config.data.train_batch_size * config.trainer.total_epochs
        tell(
            f"profile {settings.profile}, stage {settings.stage} ({', '.join(settings.kinds)}), "
            f"{steps} steps of {config.data.train_batch_size} x {config.actor_rollout_ref.rollout.n} rollouts, "
            f"run folder {settings.run_dir}"
        )
        _set_aside(config, settings)
        _refuse_finished(config, settings, steps)
        if settings.console == "quiet":
            self._console = open_console(Path(settings.run_dir))
        if self._console is not None:
            tell(
                f"what verl, Ray and the workers print is in {self._console.path} (agentic.console=full shows it here)"
            )
        held_logs.release()
        if settings.accelerators == 0:
            _use_cpu()
        self._memory.start()
        with open_store(settings) as store:
            register = pool_register(store, settings)
            for line in preflight.register_warnings(config, settings, register):
                tell(line)
            store.set_info(
                profile=settings.profile,
                register=register,
                stage=settings.stage,
                stages=[[stage.name, stage.epochs] for stage in settings.plan().stages],
                seed=settings.seed,
                kinds=settings.kinds,
                rollout=dataclasses.asdict(settings.rollout),
                checkpoint=str(Path(config.trainer.default_local_dir).absolute()),
            )
            started = time.monotonic()
            prepare_tasks(config, settings, store)
            sizes = {split: sum(pool_counts(store, split).values()) for split in SPLITS}
            counted = ", ".join(f"{size} {split.replace('_', '-')}" for split, size in sizes.items() if size)
            tell(f"tasks: {counted}, ready in {duration(time.monotonic() - started)}")
            started = time.monotonic()
            prepare_model(config, settings, store)
            tell(f"policy: {config.actor_rollout_ref.model.path}, ready in {duration(time.monotonic() - started)}")
            for line in check_capacity(config, settings, store):
                tell(line)
        tell("starting Ray, the workers and the rollout engine ...")
        self._settings = settings


def _error_of(job_return: JobReturn) -> BaseException | None:
    """What the job raised."""
    # Its property would print, and raise the error from here.
    error = job_return._return_value
    return error if isinstance(error, BaseException) else None


def _task_part(config: DictConfig) -> DictConfig:
    """The configuration without Hydra's own node, as verl gets it."""
    part = copy.deepcopy(config)
    with read_write(part), open_dict(part):
        part.pop("hydra", None)
    return part


def _use_cpu() -> None:
    """Make this process use the CPU platform; Ray's workers get it from the profile's runtime environment."""
    from verl.plugin.platform.platform_manager import set_platform

    from verl_agentic.integration.cpu import install_cpu_platform
    from verl_agentic.integration.cpu.platform import PlatformCPU

    os.environ["VERL_PLATFORM"] = "cpu"
    install_cpu_platform()
    set_platform(PlatformCPU())


def _set_aside(config: DictConfig, settings: AgenticSettings) -> None:
    """With ``trainer.resume_mode=disable`` an earlier run's folder is renamed, never overwritten."""
    run_dir = Path(settings.run_dir)
    if config.trainer.resume_mode != "disable" or not (run_dir / STORE_FILE).exists():
        return
    stamp = datetime.datetime.now(tz=datetime.timezone.utc).strftime("%Y%m%d-%H%M%S")
    old = run_dir.with_name(f"{run_dir.name}.{stamp}")
    run_dir.rename(old)
    run_dir.mkdir(parents=True)
    tell(f"the earlier run is kept as {old}")


def _refuse_finished(config: DictConfig, settings: AgenticSettings, steps: int) -> None:
    """A run that has done all its steps has nothing to resume."""
    if config.trainer.resume_mode != "auto":
        return
    done = saved_step(Path(config.trainer.default_local_dir))
    if done >= steps:
        raise UserInputError(
            f"the run in {settings.run_dir} is complete ({done} of {steps} steps, see its report.html); start anew "
            "with trainer.resume_mode=disable, elsewhere with trainer.experiment_name=NAME, or go on with more "
            f"{'epochs in ' + STAGES_KEY if settings.stages else 'trainer.total_epochs'}"
        )
