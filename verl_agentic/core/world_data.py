"""What a source of worlds hands over for one edition of a business domain, as plain data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class WorldData:
    """The initial state of a world that many tasks share, and what its tools do.

    Attributes:
        schema: ``CREATE TABLE`` statements, one table each.
        rows: rows by table name, each with one value per column.
        actions: what the tools of the policy do, by name, as ``env_args.actions`` has it; a task offers some of them.
        preconditions: what tools insist on, by name, as ``env_args.preconditions`` has it.
        user_actions: what the user's own tools do, by name.
        now: the world's time; empty where it has no clock.
        digest: key of the content; a task names it, so that a world that has changed since is noticed.
    """

    schema: Sequence[str]
    rows: Mapping[str, Sequence[Sequence[Any]]]
    actions: Mapping[str, Any] = field(default_factory=dict)
    preconditions: Mapping[str, Any] = field(default_factory=dict)
    user_actions: Mapping[str, Any] = field(default_factory=dict)
    now: str = ""
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        content = [self.schema, self.rows, self.actions, self.preconditions, self.user_actions, self.now]
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=repr)
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
        object.__setattr__(self, "digest", digest)
