"""The world of a task: an edition's records with a patch, and the domain's tools."""

from __future__ import annotations

from typing import Any

from verl_agentic.domains import Edition
from verl_agentic.tool_envs.world.world import DatabaseWorld
