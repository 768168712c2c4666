"""The ``agentic`` node of the configuration, typed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from verl_agentic.core import UserInputError
from verl_agentic.core.checked import Count, Positive, Seconds, Within, read
from verl_agentic.core.named import is_file_name
from verl_agentic.core.task import Register
from verl_agentic.flywheel import CurriculumSettings, HookBudget, Shares
from verl_agentic.flywheel.curriculum import Part
from verl_agentic.rollout import DialogueLimits, SessionPlan
from verl_agentic.tool_envs.registry import configured_environment
from verl_agentic.training.stages import StagePlan, read_plan


@dataclass(frozen=True)
class RolloutSettings(DialogueLimits):
    """``agentic.rollout``: the limits of a dialogue, and who and what takes part in it.

    Attributes:
        tool_env: environment for every task, ``None`` to take each task's own.
        env_options: keyword arguments of environments, by the names they go by in tasks and ``tool_env``.
        simulator: who plays the user: ``scripted``, ``llm``, ``none`` or ``package.module:Class``.
        simulator_options: options of the user, by name.
        max_turn_tokens: tokens of one assistant message, ``None`` to leave it to ``data.max_response_length``; a
            message that is cut ends its trajectory.
        trajectory_seconds: wall time of one trajectory; in ``agentic_colocate_async``, where updates cut rollouts off,
            without its waits for the engine.
        attempts: how often a trajectory is tried when the infrastructure fails, before its sample is dropped.
    """

    tool_env: str | None = None
    env_options: dict[str, Any] = field(default_factory=dict)
    simulator: str = "scripted"
    simulator_options: dict[str, Any] = field(default_factory=dict)
    max_turn_tokens: Positive | None = None
    trajectory_seconds: Seconds = 600.0
    attempts: Positive = 2

    @property
    def limits(self) -> DialogueLimits:
        return DialogueLimits(**{field.name: getattr(self, field.name) for field in fields(DialogueLimits)})

    @property
    def session(self) -> SessionPlan:
        return SessionPlan(**{field.name: getattr(self, field.name) for field in fields(SessionPlan)})


@dataclass
class LimitSettings:
    """``agentic.limits``: what ends a run that cannot go on.

    Attributes:
        weight_sync_seconds: longest weight sync.
        step_seconds: longest training step, longest evaluation, and longest wait for a round of the flywheel.
        refill_factor: failed groups replaced per step, as a multiple of the batch.
        poll_seconds: pause between two looks at the replay buffer (verl: 2, fixed).
    """

    weight_sync_seconds: Annotated[float, Within(least=1)] = 600.0
    step_seconds: Annotated[float, Within(least=1)] = 7200.0
    refill_factor: Annotated[float, Within(least=0)] = 4.0
    poll_seconds: Seconds = 0.1


@dataclass
class CurriculumNode:
    """``agentic.curriculum``.

    Attributes:
        initial_tasks: size of the initial pool, over all kinds.
        initial_depth: deepest structure in the initial pool; the flywheel goes beyond.
        epoch_size: tasks of an epoch, a multiple of ``data.train_batch_size``.
        new_tasks: tasks the flywheel may add per round, ``None`` for half an epoch.
        kinds: parts of the kinds in an epoch, relative to each other; 1 where a kind is not named.
        depths: parts of the depths of a kind, likewise; depth plays no role where none is named.
        max_age: epochs after its birth in which a task is drawn, ``None`` for all.
        max_staleness: epochs for which a result counts before its task is new again, ``None`` for ever.
        validation_tasks: size of the validation split, over all kinds.
        held_out_tasks: size of the held-out split, over all kinds; evaluated before and after training.
        shares: what an epoch is drawn from.
    """

    initial_tasks: Positive = 1024
    initial_depth: Positive = 2
    epoch_size: Positive = 256
    new_tasks: Count | None = None
    kinds: dict[str, Part] = field(default_factory=dict)
    depths: dict[int, Part] = field(default_factory=dict)
    max_age: Count | None = None
    max_staleness: Count | None = None
    validation_tasks: Count = 96
    held_out_tasks: Count = 96
    shares: Shares = field(default_factory=Shares)

    def drawn(self) -> CurriculumSettings:
        """How an epoch is drawn."""
        return CurriculumSettings(
            shares=self.shares,
            kinds=self.kinds,
            depths=self.depths,
            max_age=self.max_age,
            max_staleness=self.max_staleness,
        )


@dataclass
class BudgetNode:
    """``agentic.flywheel.budget``: :class:`verl_agentic.flywheel.HookBudget`, with the defaults of a run."""

    seconds: Seconds | None = 1800.0
    requests: Count | None = None
    tokens: Count | None = None
    usd: Annotated[float, Within(least=0)] | None = None
    attempts: Positive = 2
    pause_seconds: Annotated[float, Within(least=0)] = 5.0


@dataclass
class FlywheelNode:
    """``agentic.flywheel``.

    Attributes:
        hooks: run in order after each epoch; each entry has a ``name``, its arguments, and optionally a ``budget`` with
            limits that differ from those of all.
        budget: what each hook may take in a round.
    """

    hooks: list[Any] = field(default_factory=list)
    budget: BudgetNode = field(default_factory=BudgetNode)

    def limits(self) -> HookBudget:
        """The budget."""
        return HookBudget(**vars(self.budget))


@dataclass
class StoreNode:
    """``agentic.store``.

    Attributes:
        url: any SQLAlchemy URL, ``None`` for a SQLite file in ``run_dir``.
        wait_seconds: how long a run waits for another one that writes to the same store, before it is refused.
        stale_seconds: silence after which such a run counts as dead.
    """

    url: str | None = None
    wait_seconds: Annotated[float, Within(least=0)] = 90.0
    stale_seconds: Annotated[float, Within(least=1)] = 60.0


@dataclass
class AgenticSettings:
    """The whole node.

    Attributes:
        profile: name of the hardware profile.
        accelerators: devices that each node must have.
        model: how the policy is made: ``starter``, ``smollm2``, or ``hub`` for a path or hub name.
        register: how generated tasks speak: ``micro`` for the starter, ``natural`` for language models.
        stage: name of the RL stage, or of the sequence of stages.
        stages: stages in order, each ``{stage, epochs}`` and optionally ``kinds``, ``flywheel`` and ``shares``; empty
            for a run of one stage, which is described by the other keys.
        kinds: task families that are generated: built-in names or ``package.module:Class``; with ``stages`` those of
            all of them, whatever is given.
        family_options: keyword arguments of task families, by the names that they go by in ``kinds``, e.g.
            ``{domain: {sizes: {small: 1}}}``.
        seed: seed of tasks, draws, sessions and starter.
        run_dir: folder of everything a run leaves behind.
        llm: a language model besides the policy: ``client``, the factory that makes it, and what that takes.
        console: ``quiet`` for a few lines on the terminal and everything else in ``run_dir/train.log``, ``full`` for
            all that verl, Ray and the workers print.
    """

    profile: str = "cpu"
    accelerators: Count = 0
    model: str = "hub"
    register: Register = "micro"
    stage: str = "mixed"
    stages: list[Any] = field(default_factory=list)
    kinds: list[str] = field(default_factory=lambda: ["math", "sql", "service"])
    family_options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    run_dir: str = "outputs/agenticqwen"
    console: Literal["quiet", "full"] = "quiet"
    store: StoreNode = field(default_factory=StoreNode)
    rollout: RolloutSettings = field(default_factory=RolloutSettings)
    curriculum: CurriculumNode = field(default_factory=CurriculumNode)
    flywheel: FlywheelNode = field(default_factory=FlywheelNode)
    limits: LimitSettings = field(default_factory=LimitSettings)
    llm: Any = None

    def plan(self) -> StagePlan:
        """Which epochs are drawn and followed up how.

        Raises:
            UserInputError: naming the key of ``agentic.stages`` or ``agentic.curriculum`` that is wrong.
        """
        return read_plan(
            self.stages,
            self.stage,
            self.kinds,
            self.flywheel.hooks,
            self.curriculum.drawn(),
            self.register,
        )


def read_settings(config: DictConfig) -> AgenticSettings:
    """Read and check ``config.agentic``; defaults where a configuration has no such node.

    Raises:
        UserInputError: naming the key that is unknown or has a wrong value.
    """
    node = OmegaConf.select(config, "agentic")
    try:
        plain = {} if node is None else OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or ""
        key = key if key.startswith("agentic") else f"agentic.{key}".rstrip(".")
        if isinstance(error, MissingMandatoryValue):
            raise UserInputError(f"{key} has no value; set it on the command line: {key}=...") from error
        raise UserInputError(f"{key}: {str(error).splitlines()[0]}") from error
    settings = read(AgenticSettings, plain, "agentic")
    if settings.stages:
        settings.kinds = settings.plan().kinds
    _load_environment_files(settings.rollout)
    settings.rollout = with_llm(settings.rollout, settings.llm)
    return settings


def with_llm(settings: RolloutSettings, llm: Mapping[str, Any] | None) -> RolloutSettings:
    """The settings with ``llm`` where a mocked tool or a user asks a language model and no other is set.

    Args:
        settings: ``agentic.rollout``.
        llm: ``agentic.llm``; ``None`` changes nothing.
    """
    if not llm:
        return settings
    mock = settings.env_options.get("mock") or {}
    if not isinstance(mock, Mapping):
        return settings  # refused by name where options are checked
    options = {**settings.env_options, "mock": {"llm": llm, **_without_null(mock)}}
    user = settings.simulator_options
    if settings.simulator == "llm":
        user = {"llm": llm, **_without_null(user)}
    return replace(settings, env_options=options, simulator_options=user)


def _without_null(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != "llm" or value is not None}


def _load_environment_files(settings: RolloutSettings) -> None:
    """Make environments of the user's files known by name in this process, as their tasks are played in it."""
    named = [("tool_env", settings.tool_env), *(("env_options", name) for name in settings.env_options)]
    for key, name in named:
        if name and is_file_name(name):
            try:
                configured_environment(name)
            except UserInputError as error:
                raise UserInputError(f"agentic.rollout.{key}: {error}") from error


def read_rollout_settings(*layers: Mapping[str, Any]) -> RolloutSettings:
    """``agentic.rollout`` of plain data, read and checked as in a run's configuration; later layers go first.

    Raises:
        UserInputError: naming the key that is unknown or has a wrong value.
    """
    nodes = [OmegaConf.create({"agentic": {"rollout": _below(layer, "agentic", "rollout")}}) for layer in layers]
    merged = OmegaConf.merge(*nodes)
    assert isinstance(merged, DictConfig)
    return read_settings(merged).rollout


def _below(layer: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The layer without the keys of ``path`` in front, where somebody wrote them out."""
    found = dict(layer)
    for key in path:
        inner = found.pop(key, None)
        found |= inner if isinstance(inner, Mapping) else {} if inner is None else {key: inner}
    return found
