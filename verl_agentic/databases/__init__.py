"""Guarded databases by SQLAlchemy URL: SQLite, PostgreSQL and DuckDB behind one read-only interface."""

from verl_agentic.databases.base import (
    LARGE,
    SMALL,
    Database,
    Limits,
    QueryLimitError,
    QueryRefusedError,
    QueryResult,
    QueryTimeoutError,
)
from verl_agentic.databases.open import dialect_of, open_database, open_file

__all__ = [
    "LARGE",
    "SMALL",
    "Database",
    "Limits",
    "QueryLimitError",
    "QueryRefusedError",
    "QueryResult",
    "QueryTimeoutError",
    "dialect_of",
    "open_database",
    "open_file",
]
