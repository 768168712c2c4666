"""No task enters the pool unsolved: its family's expert must get full reward."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from verl_agentic.core import BrokenTaskError, InfrastructureError, Rejection, Task, Trajectory
from verl_agentic.core.task import WRITTEN
from verl_agentic.reward_fns.registry import run_coroutine
from verl_agentic.rollout import DialogueLimits, play
from verl_agentic.synthesis.base import TaskFamily
from verl_agentic.tool_envs import User

Scorer = Callable[[Task, Trajectory], float]
"""Success of a trajectory, 0.0 or 1.0."""

UserFactory = Callable[[Task], "User | None"]
"""The simulated user of a task, ``None`` where nobody answers."""

Verifier = Callable[[Task], "Rejection | None"]
"""Why a task must not enter the pool, ``None`` when it may."""


def verify(
    task: Task,
    family: TaskFamily,
    scorer: Scorer,
    *,
    user: User | None = None,
    limits: DialogueLimits | None = None,
) -> Rejection | None:
    """Play the family's expert on ``task``; return ``None`` when it succeeds, else why the task is unfit.

    May be called with or without a running event loop.

    Raises:
        InfrastructureError: the environment, the user or the scorer failed; says nothing about the task.
    """
    try:
        session = play(task, family.expert(task), user=user, limits=limits, seed=task.seed)
        trajectory = run_coroutine(session).trajectory
    except BrokenTaskError as error:
        return Rejection("broken", str(error))
    except InfrastructureError:
        raise
    except Exception as error:
        return Rejection("expert_failed", f"{type(error).__name__}: {error}")
    try:
        acc = scorer(task, trajectory)
    except BrokenTaskError as error:
        return Rejection("broken", str(error))
    except InfrastructureError:
        raise
    except Exception as error:
        raise InfrastructureError(f"scoring {task.id} failed: {type(error).__name__}: {error}") from error
    if acc >= 1:
        return None
    ended = trajectory.end and trajectory.end.value
    return Rejection("expert_failed", f"the expert scores {acc:g} (ended with {ended})")


class ExpertVerifier:
    """A :data:`Verifier` that plays the expert of the task's family.

    Args:
        families: task family by kind.
        scorer: judges the expert's trajectory.
        user_factory: makes the simulated user of a task.
        limits: bounds of the expert's trajectory.
    """

    def __init__(
        self,
        families: Mapping[str, TaskFamily],
        scorer: Scorer,
        user_factory: UserFactory | None = None,
        limits: DialogueLimits | None = None,
    ) -> None:
        self._families = dict(families)
        self._scorer = scorer
        self._user_factory = user_factory
        self._limits = limits

    def plays(self, task: Task) -> bool:
        """Whether the expert can be asked: those of most families read the words of their own generator only."""
        family = self._families.get(task.kind)
        return task.generator != WRITTEN or (family is not None and family.plays_written)

    def __call__(self, task: Task) -> Rejection | None:
        family = self._families.get(task.kind)
        if family is None:
            return Rejection("unverifiable", f"no task family for kind {task.kind!r} to verify it with")
        user = self._user_factory(task) if self._user_factory else None
        return verify(task, family, self._scorer, user=user, limits=self._limits)


class WrittenVerifier:
    """A :data:`Verifier` that sends what a language model wrote, and the expert cannot read, to another verifier.

    Args:
        expert: verifies all other tasks.
        written: verifies those; by default none of them enters.
    """

    def __init__(self, expert: ExpertVerifier, written: Verifier | None = None) -> None:
        self._expert = expert
        self._written = written

    def __call__(self, task: Task) -> Rejection | None:
        if self._expert.plays(task):
            return self._expert(task)
        if self._written is None:
            return Rejection("unsolved", "a language model wrote the task, and none is configured to solve it")
        return self._written(task)
