"""What replies took, per model and purpose, and where to stop."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from verl_agentic.core import InfrastructureError
from verl_agentic.core.chat import BudgetSpentError, ChatUsage
from verl_agentic.llm.settings import Budget
from verl_agentic.llm.sqlite import SharedFile

_metadata = sa.MetaData()
_usage = sa.Table(
    "usage",
    _metadata,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, primary_key=True),
    sa.Column("requests", sa.Integer, nullable=False, default=0),
    sa.Column("cache_hits", sa.Integer, nullable=False, default=0),
    sa.Column("prompt_tokens", sa.Integer, nullable=False, default=0),
    sa.Column("cached_tokens", sa.Integer, nullable=False, default=0),
    sa.Column("completion_tokens", sa.Integer, nullable=False, default=0),
    sa.Column("cost", sa.Float, nullable=False, default=0.0),
)
_COUNTERS = tuple(column for column in _usage.columns if not column.primary_key)


class Ledger:
    """Usage counted in a file by all processes of a run, or in memory by the threads of this one.

    Args:
        path: the file, ``None`` to count in memory.
        budget: what may be spent.

    Raises:
        UserInputError: the file cannot be made or is not a database.
    """

    def __init__(self, path: Path | None, budget: Budget) -> None:
        self._file = SharedFile(path, _metadata, "agentic.llm.ledger")
        self._budget = budget

    def add(self, model: str, purpose: str, usage: ChatUsage, *, cache_hit: bool = False) -> None:
        """Count one reply.

        Raises:
            InfrastructureError: the file cannot be written; going on would be spending unseen.
        """
        row = {
            "requests": int(not cache_hit),
            "cache_hits": int(cache_hit),
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost": usage.cost,
        }
        added = insert(_usage).values(model=model, purpose=purpose, **row)
        statement = added.on_conflict_do_update(
            index_elements=["model", "purpose"],
            set_={column.name: column + added.excluded[column.name] for column in _COUNTERS},
        )
        try:
            with self._file.write() as connection:
                connection.execute(statement)
        except SQLAlchemyError as error:
            raise _failed(error) from error

    def check(self) -> None:
        """Let a request pass only while the budget lasts. Requests already under way may overdraw it a little.

        Raises:
            BudgetSpentError: it is spent.
            InfrastructureError: the file cannot be read.
        """
        if self._budget == Budget():
            return
        usd, tokens = self._spent()
        for key, limit, spent in (("usd", self._budget.usd, usd), ("tokens", self._budget.tokens, tokens)):
            if limit is not None and spent >= limit:
                raise BudgetSpentError(f"agentic.llm.budget.{key}={limit:g} is spent ({spent:g}); raise it and resume")

    def rows(self) -> dict[tuple[str, str], dict[str, float]]:
        """Counters by model and purpose: requests, cache_hits, prompt_, cached_ and completion_tokens, cost.

        Raises:
            InfrastructureError: the file cannot be read.
        """
        try:
            with self._file.read() as connection:
                found = connection.execute(sa.select(_usage)).mappings().all()
        except SQLAlchemyError as error:
            raise _failed(error) from error
        return {(row["model"], row["purpose"]): {c.name: row[c.name] for c in _COUNTERS} for row in found}

    def _spent(self) -> tuple[float, float]:
        rows = self.rows().values()
        return sum(row["cost"] for row in rows), sum(row["prompt_tokens"] + row["completion_tokens"] for row in rows)


def _failed(error: SQLAlchemyError) -> InfrastructureError:
    return InfrastructureError(f"agentic.llm.ledger failed: {getattr(error, 'orig', None) or error}")
