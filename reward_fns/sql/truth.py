"""The ground truth of a question, read and checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.core.checked import check_arguments
from verl_agentic.databases import LARGE, SMALL, Limits, dialect_of
from verl_agentic.reward_fns.common import KWARGS_KEY
from verl_agentic.reward_fns.sql.compare import Match

_CHARS_OF_PROBES = 1000
_FIELDS = {field.name for field in dataclasses.fields(Match)}
KEYWORDS = tuple(sorted(_FIELDS))
"""Settings of the reward function that its signature does not name."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a row says of its question.

    Attributes:
        sql: the reference.
        places: URL, DDL and rows of each database that must agree; no DDL where the database exists.
        match: how results are compared.
        limits: what a query may take.
    """

    sql: str
    places: list[tuple[str, list[str] | None, dict[str, Any] | None]]
    match: Match
    limits: Limits

    @property
    def dialect(self) -> str:
        """``sqlite``, ``postgresql`` or ``duckdb``."""
        return dialect_of(self.places[0][0])


def read_truth(truth: dict[str, Any], settings: dict[str, Any], seconds: float | None = None) -> Truth:
    """Check the ground truth, whose ``compare`` goes before the reward function's ``settings``.

    Args:
        truth: the ground truth.
        settings: keywords of the reward function, fields of :class:`Match` among them.
        seconds: longest query, ``None`` to go by the kind of database.

    Raises:
        BrokenTaskError: the ground truth is not of the form.
        UserInputError: a setting is not.
    """
    sql, schema, states, url = (truth.get(key) for key in ("sql", "schema", "states", "url"))
    urls = url if isinstance(url, list) else [url or "sqlite://"]
    if not isinstance(sql, str) or not sql.strip():
        raise BrokenTaskError("ground_truth of a sql task needs a text 'sql'")
    if not all(isinstance(one, str) for one in urls) or not urls or len({dialect_of(one) for one in urls}) > 1:
        raise BrokenTaskError("ground_truth 'url' must be a database URL, or a list of them for one engine")
    places: list[tuple[str, list[str] | None, dict[str, Any] | None]]
    if schema is None and states is None and url:
        places = [(one, None, None) for one in urls]
    else:
        if not isinstance(schema, list) or not isinstance(states, list):
            raise BrokenTaskError("ground_truth of a sql task needs lists 'schema' and 'states', or a 'url'")
        if len(states) < 2 or not all(isinstance(rows, dict) for rows in states):
            raise BrokenTaskError("ground_truth 'states' needs two or more objects of rows by table name")
        places = [(urls[0], schema, rows) for rows in states]
    own = truth.get("compare", {})
    if not isinstance(own, dict) or not set(own) <= _FIELDS:
        raise BrokenTaskError(f"ground_truth 'compare' must be an object of {', '.join(sorted(_FIELDS))}")
    limits = LARGE if places[0][1] is None else SMALL
    match = read_match(settings)
    if seconds is not None:
        limits = dataclasses.replace(limits, seconds=float(seconds))
    # A long reference is executed, too, and so is an answer that is somewhat wordier.
    limits = dataclasses.replace(limits, sql_chars=max(limits.sql_chars, 2 * len(sql) + _CHARS_OF_PROBES))
    if own:
        try:
            match = read_match({**settings, **own}, "ground_truth.compare")
        except UserInputError as error:
            raise BrokenTaskError(str(error)) from error
    return Truth(sql, places, match, limits)


def read_match(settings: Mapping[str, Any], where: str = KWARGS_KEY) -> Match:
    """How results are compared, from settings of which some may be of something else.

    Raises:
        UserInputError: naming the setting that is out of its range.
    """
    check_arguments(Match, settings, where)
    return Match(**{name: settings[name] for name in _FIELDS & set(settings)})
