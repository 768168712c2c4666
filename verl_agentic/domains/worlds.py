"""The world of an edition: what its sessions begin with, and what its tools do."""

from __future__ import annotations

from functools import lru_cache

from verl_agentic.core.world_data import WorldData
from verl_agentic.domains.editions import Edition, edition_of


@lru_cache(maxsize=256)
def world_of(domain: str, edition: int) -> WorldData:
    """The world of a domain's edition, made once per process.

    Raises:
        UserInputError: there is no such domain.
        DomainError: its files are wrong.
    """
    return make_world(edition_of(domain, edition))


def make_world(edition: Edition) -> WorldData:
    """The world of an edition."""
    domain = edition.domain
    preconditions = {
        name: [dict(one) for one in tool.preconditions] for name, tool in domain.tools.items() if tool.preconditions
    }
    return WorldData(
        schema=[table.ddl for table in domain.tables.values()],
        rows={name: [list(row.values()) for row in rows] for name, rows in edition.rows.items()},
        actions={name: dict(tool.action) for name, tool in domain.tools.items()},
        preconditions=preconditions,
        user_actions={name: dict(tool.action) for name, tool in domain.user_tools.items()},
        now=edition.today,
    )
