"""Stages of a training: which kinds an epoch draws, and what happens after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from verl_agentic.core import UserInputError
from verl_agentic.core.checked import Described, Positive, read, refuse_unknown
from verl_agentic.core.task import Register
from verl_agentic.flywheel import CurriculumSettings
from verl_agentic.flywheel.curriculum import SHARES, SHARES_KEY
from verl_agentic.synthesis.families import load_families

if sys.version_info >= (3, 11):
    from importlib.resources.abc import Traversable
else:
    from importlib.abc import Traversable

STAGES_KEY = "agentic.stages"
BY_REGISTER = "agentic.by_register"
"""Resolver of OmegaConf: of two values the one for ``agentic.register``, that for ``micro`` first."""
USER_CONF_ENV = "VERL_AGENTIC_CONF"
"""Folders of the user's own groups and recipes (``os.pathsep`` between them), before the package's."""


@dataclass(frozen=True, slots=True)
class StageSettings:
    """An entry of ``agentic.stages``.

    Attributes:
        epochs: how many epochs it lasts.
        stage: its name, an option of the group ``stage`` unless it has ``kinds`` of its own.
        kinds: task families that it draws, ``None`` for those of the option of its name.
        flywheel: an option of the group ``flywheel``, or a list of hooks; ``None`` for ``agentic.flywheel.hooks``.
        shares: shares that differ from those of ``agentic.curriculum``.
    """

    epochs: Positive
    stage: Annotated[str, Described("a name, e.g. reasoning")]
    kinds: Annotated[list[str] | None, Described("a list of task families, e.g. [math, sql]")] = None
    flywheel: Annotated[str | list[Any] | None, Described("a name or a list of hooks, e.g. [{name: frontier}]")] = None
    shares: Annotated[dict[str, Any] | None, Described("a mapping, e.g. {frontier: 0.7, new: 0.3}")] = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A number of epochs in a row that are drawn alike.

    Attributes:
        name: what it is called.
        epochs: how many; 0 for a run of one stage, which lasts as long as the run.
        kinds: task families by name.
        hooks: configuration of the flywheel hooks that take the results of its epochs.
        hooks_key: where they come from, for error messages.
        curriculum: how its epochs are drawn.
    """

    name: str
    epochs: int
    kinds: tuple[str, ...]
    hooks: tuple[Any, ...]
    hooks_key: str
    curriculum: CurriculumSettings


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The stages of a run in order; which one an epoch belongs to follows from its number alone."""

    stages: tuple[Stage, ...]

    def index(self, epoch: int) -> int:
        """Position of the stage of an epoch (from 0); epochs after the last one belong to the last stage."""
        ends = 0
        for position, stage in enumerate(self.stages):
            ends += stage.epochs
            if epoch < ends:
                return position
        return len(self.stages) - 1

    def at(self, epoch: int) -> Stage:
        """The stage of an epoch."""
        return self.stages[self.index(epoch)]

    @property
    def kinds(self) -> list[str]:
        """Task families of all stages, each once."""
        return list(dict.fromkeys(kind for stage in self.stages for kind in stage.kinds))


def sum_of_epochs(stages: Sequence[Any]) -> int:
    """Epochs of all stages together.

    Raises:
        UserInputError: an entry is malformed.
    """
    return sum(_entry(position, entry).epochs for position, entry in enumerate(stages))


def kinds_of(stages: Sequence[Any]) -> list[str]:
    """The kinds of all stages (``agentic.stages``) in the micro register, each once.

    Raises:
        UserInputError: an entry is malformed.
    """
    kinds: dict[str, None] = {}
    for position, entry in enumerate(stages):
        settings = _entry(position, entry)
        kinds |= dict.fromkeys(_kinds(f"{STAGES_KEY}[{position}]", settings.stage, settings.kinds, "micro"))
    return list(kinds)


def by_register(register: Register, micro: Any, natural: Any) -> Any:
    """What holds in a register of tasks."""
    value = natural if register == "natural" else micro
    # Other resolvers take lists of OmegaConf only.
    return OmegaConf.create(value) if isinstance(value, list) else value


OmegaConf.register_new_resolver(BY_REGISTER, by_register, replace=True)


def read_plan(
    stages: Sequence[Any],
    name: str,
    kinds: Sequence[str],
    hooks: Sequence[Any],
    curriculum: CurriculumSettings,
    register: Register = "micro",
) -> StagePlan:
    """The plan of ``agentic.stages``, or of a run of one stage where that is empty.

    Args:
        stages: entries ``{stage, epochs}``, each optionally with ``kinds``, ``flywheel`` and ``shares``.
        name: name of the only stage.
        kinds: kinds of the only stage.
        hooks: hooks of stages that name none.
        curriculum: what stages draw by, but for their own shares and kinds.
        register: how tasks speak, by which options of the group ``stage`` may choose their kinds.

    Raises:
        UserInputError: naming the key that is unknown, missing or has a wrong value.
    """
    if not stages:
        return StagePlan((Stage(name, 0, tuple(kinds), tuple(hooks), "agentic.flywheel.hooks", curriculum),))
    read = [_read(position, entry, hooks, curriculum, register) for position, entry in enumerate(stages)]
    return StagePlan(tuple(read))


def _read(position: int, entry: Any, hooks: Sequence[Any], curriculum: CurriculumSettings, register: Register) -> Stage:
    key = f"{STAGES_KEY}[{position}]"
    settings = _entry(position, entry)
    names = _kinds(key, settings.stage, settings.kinds, register)
    chosen, hooks_key = _hooks(key, settings.flywheel, hooks)
    drawn = _curriculum(key, names, settings.shares or {}, curriculum)
    return Stage(settings.stage, settings.epochs, names, chosen, hooks_key, drawn)


def _entry(position: int, entry: Any) -> StageSettings:
    key = f"{STAGES_KEY}[{position}]"
    if not isinstance(entry, Mapping):
        raise UserInputError(f"{key} must be a mapping, e.g. {{stage: reasoning, epochs: 3}}, got {entry!r}")
    return read(StageSettings, entry, key)


def _kinds(key: str, stage: str, given: Sequence[str] | None, register: Register) -> tuple[str, ...]:
    if given is None:
        options = _options("stage")
        node = _group("stage", stage) if stage in options else {}
        if not node.get("kinds"):
            known = ", ".join(name for name in options if _group("stage", name).get("kinds"))
            raise UserInputError(f"{key}.stage: unknown stage {stage!r}; known: {known}; or give {key}.kinds=[...]")
        given = _resolved(key, stage, node["kinds"], register)
    if not given:
        raise UserInputError(f"{key}.kinds must be a list of task families, e.g. [math, sql], got {given!r}")
    try:
        load_families(given)
    except UserInputError as error:
        raise UserInputError(f"{key}.kinds: {error}") from error
    return tuple(given)


def _resolved(key: str, stage: str, kinds: Any, register: Register) -> Any:
    """Kinds of an option as Hydra would have them, which may depend on the register.

    Raises:
        UserInputError: they depend on something else.
    """
    try:
        node = OmegaConf.create({"agentic": {"register": register, "kinds": kinds}})
        return OmegaConf.to_container(node, resolve=True)["agentic"]["kinds"]  # type: ignore[call-overload, index]
    except OmegaConfBaseException as error:
        raise UserInputError(
            f"{key}.stage: kinds of {stage!r} cannot be resolved: {str(error).splitlines()[0]}; give {key}.kinds=[...]"
        ) from error


def _hooks(key: str, given: Any, hooks: Sequence[Any]) -> tuple[tuple[Any, ...], str]:
    if given is None:
        return tuple(hooks), "agentic.flywheel.hooks"
    if isinstance(given, str):
        options = _options("flywheel")
        if given not in options:
            raise UserInputError(
                f"{key}.flywheel: unknown flywheel {given!r}; known: {', '.join(options)}; or give a list of hooks"
            )
        hooks = _group("flywheel", given).get("flywheel", {}).get("hooks")
        if not isinstance(hooks, list):
            raise UserInputError(f"{key}.flywheel: {given!r} sets no list agentic.flywheel.hooks")
        return tuple(hooks), f"{key}.flywheel"
    return tuple(given), f"{key}.flywheel"


def _curriculum(
    key: str, names: Sequence[str], shares: Mapping[str, Any], base: CurriculumSettings
) -> CurriculumSettings:
    refuse_unknown(shares, SHARES, f"{key}.shares")
    only = frozenset(family.kind for family in load_families(names))
    if not any(base.kinds.get(kind, 1.0) > 0 for kind in only):
        raise UserInputError(f"{key}: agentic.curriculum.kinds leaves none of its kinds to draw ({', '.join(names)})")
    try:
        return replace(base, only=only, shares=replace(base.shares, **shares))
    except UserInputError as error:
        raise UserInputError(str(error).replace(SHARES_KEY, f"{key}.shares", 1)) from error


def _options(group: str) -> list[str]:
    """Names of a group's options, the user's own among them."""
    found = {file.name for folder in _folders(group) for file in folder.iterdir() if file.name.endswith(".yaml")}
    return sorted(name.removesuffix(".yaml") for name in found)


def _group(group: str, option: str) -> dict[str, Any]:
    """What an option of a group sets below ``agentic``; the user's own goes before the package's of the same name.

    Raises:
        UserInputError: the user's file is not YAML, or sets nothing there.
    """
    file = next(file for folder in _folders(group) if (file := folder.joinpath(f"{option}.yaml")).is_file())
    try:
        node = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserInputError(f"{file}: is not YAML: {str(error).splitlines()[0]}") from error
    found = node.get("agentic") if isinstance(node, Mapping) else None
    if not isinstance(found, Mapping):
        raise UserInputError(f"{file}: sets nothing below 'agentic'; a stage of a sequence must not rest on defaults")
    return dict(found)


def _folders(group: str) -> list[Traversable]:
    """Where a group's options lie: in the user's folders, then in the package."""
    own = [Path(folder) / group for folder in os.environ.get(USER_CONF_ENV, "").split(os.pathsep) if folder]
    return [*(folder for folder in own if folder.is_dir()), resources.files("verl_agentic.conf").joinpath(group)]
