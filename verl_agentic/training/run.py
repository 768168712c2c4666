"""Where a run keeps its things."""

from __future__ import annotations

from pathlib import Path

from verl_agentic.store import Store, store_url
from verl_agentic.training.settings import AgenticSettings


def open_store(settings: AgenticSettings) -> Store:
    """The run's store: ``agentic.store.url``, by default a SQLite file in the run's folder."""
    return Store(settings.store.url or store_url(Path(settings.run_dir).absolute()))
