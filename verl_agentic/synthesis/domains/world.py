"""The world of a task: an edition's records with a patch, and the domain's tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verl_agentic.domains import Edition
from verl_agentic.domains.worlds import world_of
from verl_agentic.tool_envs.world.environment import tool_parameters
from verl_agentic.tool_envs.world.world import DatabaseWorld


def world_args(edition: Edition, patch: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """``env_args`` of the environment; the records themselves are those of the edition, and not in it."""
    name = edition.domain.name
    source = {"domain": name, "edition": edition.number, "digest": world_of(name, edition.number).digest}
    return {"source": source, "state": "changes", "seed": edition.number, **({"patch": list(patch)} if patch else {})}


def open_world(edition: Edition, patch: Sequence[dict[str, Any]]) -> DatabaseWorld:
    """A session of the world, with all tools of the desk; close it.

    Raises:
        BrokenTaskError: a tool's statement does not fit the tables.
    """
    return DatabaseWorld(world_args(edition, patch), desk_parameters(edition))


def desk_parameters(edition: Edition) -> dict[str, list[str]]:
    """Names of the arguments of every tool of the desk."""
    return tool_parameters([tool.schema for tool in edition.domain.tools.values()])
