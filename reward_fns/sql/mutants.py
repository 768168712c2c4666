"""Near misses of a query: what a policy that almost understood the question would write."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from verl_agentic.core import BrokenTaskError

# What sqlglot says of a text that it cannot write is dealt with here, where the text is made.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())

_MAX_MUTANTS = 500


@dataclass(frozen=True, slots=True)
class Mutant:
    """One near miss.

    Attributes:
        sql: the query.
        kind: what was changed.
    """

    sql: str
    kind: str


def mutants(
    sql: str,
    schema: Sequence[str] = (),
    dialect: str = "sqlite",
    edges: Mapping[str, Sequence[tuple[str, bool]]] | None = None,
) -> list[Mutant]:
    """Queries that differ from ``sql`` in one place, each once; some are equivalent to it all the same.

    Args:
        sql: one query.
        schema: ``CREATE TABLE`` statements; with them, columns are swapped for others of the same type.
        dialect: sqlglot's name: ``sqlite``, ``postgres`` or ``duckdb``.
        edges: texts and dates, by column, that a condition may treat wrongly, and whether it holds for each.

    Raises:
        BrokenTaskError: it cannot be parsed.
    """
    from verl_agentic.reward_fns.sql.changes import Columns, changes
    from verl_agentic.reward_fns.sql.ddl import read_tables
    from verl_agentic.reward_fns.sql.rewrites import rewrites

    tree = parse(sql, dialect)
    columns = Columns(read_tables(schema, dialect), dialect, edges or {})
    # Where sqlglot finds fault with the reference itself, its faults say nothing of a mutant.
    strict = _text(tree, dialect, strict=True) is not None
    own = _text(tree, dialect, strict=False)
    found: dict[str, Mutant] = {}
    for node in list(tree.walk()):
        for kind, change in (*changes(node, columns), *rewrites(node, columns)):
            for text in _changed(tree, node, change, dialect, strict):
                if text != own and text not in found and len(found) < _MAX_MUTANTS:
                    found[text] = Mutant(text, kind)
    return list(found.values())


def parse(sql: str, dialect: str) -> Any:
    """The syntax tree of one query.

    Raises:
        BrokenTaskError: it cannot be parsed.
    """
    try:
        tree: Any = sqlglot.parse_one(sql, read=dialect)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise BrokenTaskError(f"query cannot be parsed: {str(error).splitlines()[0]}") from error
    if not isinstance(tree, exp.Query):
        raise BrokenTaskError("not a query")
    return tree


def _changed(tree: Any, node: Any, change: Any, dialect: str, strict: bool) -> Iterator[str]:
    """The text of the tree with one node changed, if it can be written; the tree is as before afterwards."""
    holder = exp.Paren(this=node.copy())
    change(holder.this)
    other = holder.this
    if node is tree:
        text = _text(other, dialect, strict)
    else:
        node.replace(other)
        try:
            text = _text(tree, dialect, strict)
        finally:
            other.replace(node)
    if text is not None:
        yield text


def _text(tree: Any, dialect: str, strict: bool) -> str | None:
    level = sqlglot.ErrorLevel.RAISE if strict else sqlglot.ErrorLevel.IGNORE
    try:
        text: str = tree.sql(dialect=dialect, unsupported_level=level)
    except sqlglot.errors.UnsupportedError:
        return None
    return text
