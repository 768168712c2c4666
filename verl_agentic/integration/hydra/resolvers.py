"""OmegaConf resolvers that recipes use. Known in every process, since each resolves the configuration anew."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from omegaconf import OmegaConf

from verl_agentic.core import UserInputError
from verl_agentic.core.task import Register


def detect_profile() -> str:
    """The profile for this machine: ``cpu`` without an accelerator, ``gpu1`` with one to seven, else ``h100x8``.

    ``VERL_AGENTIC_PROFILE`` decides where it is set.

    Raises:
        UserInputError: a Ray cluster is addressed, whose accelerators cannot be seen from here.
    """
    chosen = os.environ.get("VERL_AGENTIC_PROFILE")
    if chosen:
        return chosen
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0 and os.environ.get("RAY_ADDRESS"):
        raise UserInputError(
            "profile cannot be detected: RAY_ADDRESS names a cluster and this node has no accelerator; "
            "add profile=gpu1, profile=h100x8 or another one to the command"
        )
    if count == 0:
        return "cpu"
    return "h100x8" if count >= 8 else "gpu1"


def starter_path(seed: int, kinds: Iterable[str]) -> str:
    """Folder of the starter policy for a seed and a run's kinds, whether or not it has been made yet."""
    from verl_agentic.starter import StarterSettings
    from verl_agentic.starter.cache import cache_root, starter_key

    return str(cache_root(None, "starter") / starter_key(StarterSettings.for_run(seed, kinds)))


def resolve_starter(seed: int, kinds: Any, stages: Any) -> str:
    """:func:`starter_path` of a run with ``agentic.kinds``, or ``agentic.stages`` where there are any.

    Raises:
        UserInputError: a stage is malformed.
    """
    from verl_agentic.training.stages import kinds_of

    entries: Any = OmegaConf.to_container(stages, resolve=True) if stages else []
    return starter_path(seed, kinds_of(entries) if entries else kinds or ())


def smollm2_path() -> str:
    """Folder of the converted SmolLM2-135M-Instruct, whether or not it has been made yet."""
    from verl_agentic.starter.smollm2 import smollm2_path as path

    return str(path())


def made_path(model: str, seed: int, kinds: Iterable[str]) -> str | None:
    """Folder of a policy that is made on the spot (``agentic.model``), ``None`` where the model is none of these."""
    if model == "starter":
        return starter_path(seed, kinds)
    return smollm2_path() if model == "smollm2" else None


def register_for(model: str, tasks: str = "auto") -> Register:
    """How tasks speak to a policy: as the option of the group ``tasks`` says, or else as it can read them.

    Args:
        model: how the policy is made (``agentic.model``, or the option of the group ``model``): a starter knows the
            micro register alone.
        tasks: the option of the group ``tasks``; any but ``micro`` and ``natural`` leaves it to the model.
    """
    if tasks == "micro":
        return "micro"
    return "micro" if model == "starter" and tasks != "natural" else "natural"


def total_epochs(stages: Any, otherwise: int) -> int:
    """Epochs of all stages (``agentic.stages``), or ``otherwise`` where there are none.

    Raises:
        UserInputError: a stage is malformed.
    """
    from verl_agentic.training.stages import sum_of_epochs

    entries: Any = OmegaConf.to_container(stages, resolve=True) if stages else []
    return sum_of_epochs(entries) if entries else otherwise


def register() -> None:
    """Register all resolvers; idempotent."""
    OmegaConf.register_new_resolver("agentic.profile", detect_profile, replace=True)
    OmegaConf.register_new_resolver("agentic.starter", resolve_starter, replace=True)
    OmegaConf.register_new_resolver("agentic.smollm2", smollm2_path, replace=True)
    OmegaConf.register_new_resolver("agentic.epochs", total_epochs, replace=True)
    OmegaConf.register_new_resolver("agentic.tasks", register_for, replace=True)
