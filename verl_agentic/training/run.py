"""Where a run keeps its things, and what it goes on with."""

from __future__ import annotations

from pathlib import Path

from verl_agentic.core.task import Register
from verl_agentic.store import Store, store_url
from verl_agentic.training.settings import AgenticSettings


def open_store(settings: AgenticSettings) -> Store:
    """The run's store: ``agentic.store.url``, by default a SQLite file in the run's folder."""
    return Store(settings.store.url or store_url(Path(settings.run_dir).absolute()))


def pool_register(store: Store, settings: AgenticSettings) -> Register:
    """How the run's tasks speak: as the settings say in a run that begins, else as in its pool.

    Runs that an earlier release began have a pool in the micro register, and say nothing of it.
    """
    if not store.holds_tasks():
        return settings.register
    return "natural" if store.info().get("register") == "natural" else "micro"
