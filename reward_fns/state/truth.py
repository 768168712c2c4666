"""The ground truth of the ``state`` reward, read and checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.core import BrokenTaskError, End, Message, ToolCall
from verl_agentic.reward_fns.misses import most_misses
from verl_agentic.reward_fns.state.changes import ChangesVerdict, RowChange, judge_changes, made_changes, read_changes
from verl_agentic.reward_fns.state.evidence import read_facts
from verl_agentic.reward_fns.state.pairing import MadeIds
from verl_agentic.reward_fns.state.statements import StatedFact, read_fact
from verl_agentic.reward_fns.state.tables import ALL_TABLES, Row, RowComparison
from verl_agentic.reward_fns.state.undone import initial_rows
from verl_agentic.tool_envs.world.service import tool_parameters
from verl_agentic.tool_envs.world.world import CHANGES, DatabaseWorld

Call = dict[str, Any]
Rows = list[dict[str, Any]]

OTHERS = "others"


@dataclass(frozen=True, slots=True)
class StateTruth:
    """See :mod:`verl_agentic.reward_fns.state` for each field.

    Attributes:
        expected: final rows by table name; empty where ``changes`` are given.
        changes: changes to be made, ``None`` where the final rows are given.
        new_ids: columns that hold ids which the world makes, by table name.
        seed: the world's seed for new ids, ``None`` where the row has no task.
        initial: initial rows by table name, ``None`` where nothing tells them.
        unchanged: tables that must hold their initial rows, ``others`` for all that ``expected`` does not name.
        compare: when two rows are equal.
        prompt: texts of the prompt, where the row gives its task.
    """

    expected: dict[str, Rows]
    initial: dict[str, Rows] | None
    unchanged: frozenset[str] | str
    compare: RowComparison
    required_calls: list[Call]
    max_misses: int | None
    forbidden_calls: list[Call]
    preconditions: list[dict[str, Any]]
    ends: frozenset[End]
    required_replies: list[str]
    forbidden_replies: list[str]
    required_statements: list[StatedFact]
    forbidden_statements: list[StatedFact]
    prompt: list[str]
    changes: tuple[RowChange, ...] | None = None
    new_ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    seed: int | None = None
    required_evidence: list[Row] = field(default_factory=list)

    def untouched(self, final: Mapping[str, Any]) -> list[str]:
        """Names of the tables that must hold their initial rows."""
        if self.unchanged != OTHERS:
            return sorted(self.unchanged)
        return sorted({*(self.initial or {}), *final} - set(self.expected))

    def judge_changes(self, state: Mapping[str, Any], calls: int) -> ChangesVerdict:
        """Compare the changes of a final state with those that ``changes`` expect.

        Args:
            state: the final state.
            calls: how many calls were made.

        Raises:
            InfrastructureError: the state tells no changes.
        """
        expected = self.changes or ()
        ids = MadeIds(self.seed, calls + len(expected), self.new_ids)
        watched = None if isinstance(self.unchanged, str) else self.unchanged
        return judge_changes(self.compare, expected, made_changes(state), ids, watched)

    def matches(self, pattern: Call, call: ToolCall) -> bool:
        """Whether a call is of a pattern's name and has at least its arguments, numbers up to the tolerance."""
        return call.name == pattern["name"] and all(
            key in call.arguments and self.compare.same(value, call.arguments[key])
            for key, value in pattern.get("arguments", {}).items()
        )

    def tools(self) -> set[str]:
        """Names of the tools that it speaks of."""
        patterns = [*self.required_calls, *self.forbidden_calls, *(one["call"] for one in self.preconditions)]
        return {pattern["name"] for pattern in patterns}


def read_truth(
    truth: dict[str, Any],
    extra_info: dict[str, Any] | None,
    state: Mapping[str, Any] | None = None,
    max_misses: int | None = None,
) -> StateTruth:
    """Check a decoded ground truth; the initial rows are its own, else those of the row's task.

    Args:
        truth: the ground truth.
        extra_info: may hold the ``task`` as JSON.
        state: final state of the world, which tells the initial rows of one that is read from a file.
        max_misses: for a ground truth that has none.

    Raises:
        BrokenTaskError: naming the field that is missing or malformed.
    """
    task = _task(extra_info)
    changes = _changes(truth)
    expected = _tables(truth.get("expected"), "expected") if changes is None else {}
    given = truth.get("initial") is not None
    initial: dict[str, Rows] | None = None
    if changes is None:
        initial = _tables(truth["initial"], "initial") if given else _initial_of(task, state or {})
    statements = {
        key: [read_fact(item, f"ground_truth.{key}[{position}]") for position, item in enumerate(_list(truth, key))]
        for key in ("required_statements", "forbidden_statements")
    }
    return StateTruth(
        expected=expected,
        initial=initial,
        unchanged=_unchanged(truth, expected, initial) if changes is None else _watched(truth),
        compare=_comparison(truth),
        required_calls=[_call(item) for item in _list(truth, "required_calls")],
        max_misses=most_misses(truth, max_misses),
        forbidden_calls=[_call(item) for item in _list(truth, "forbidden_calls")],
        preconditions=[_condition(item) for item in _list(truth, "preconditions")],
        ends=_ends(truth.get("end")),
        required_replies=_texts(truth, "required_replies"),
        forbidden_replies=_texts(truth, "forbidden_replies"),
        required_statements=statements["required_statements"],
        forbidden_statements=statements["forbidden_statements"],
        prompt=[message["content"] for message in _messages(task)],
        changes=changes,
        new_ids=_columns(truth, "new_ids"),
        seed=_seed(task),
        required_evidence=read_facts(truth.get("required_evidence", []), "ground_truth.required_evidence"),
    )


def _task(extra_info: dict[str, Any] | None) -> dict[str, Any]:
    text = (extra_info or {}).get("task")
    if not text:
        return {}
    try:
        task = json.loads(text)
    except (TypeError, ValueError) as error:
        raise BrokenTaskError(f"extra_info.task is not a task: {error}") from error
    return task if isinstance(task, dict) else {}


def _messages(task: dict[str, Any]) -> list[Message]:
    return [message for message in task.get("messages", []) if isinstance(message.get("content"), str)]


def _initial_of(task: dict[str, Any], state: Mapping[str, Any]) -> dict[str, Rows] | None:
    """The initial rows of a world (:mod:`tool_envs.world`), ``None`` where the task describes no such world."""
    env_args = task.get("env_args")
    if not isinstance(env_args, dict) or not env_args.keys() & {"actions", "source"}:
        return None
    if "file" in env_args:
        # A reward knows no folder of files; what the session changed is known by its final state.
        return initial_rows(state)
    if env_args.get("state") == CHANGES:
        raise BrokenTaskError("the world's final state has no tables (env_args.state); give ground_truth.changes")
    if not {"schema", "rows"} <= env_args.keys() and "source" not in env_args:
        return None
    world = DatabaseWorld(env_args, tool_parameters(task.get("tools", [])))
    try:
        return world.tables()
    finally:
        world.close()


def _unchanged(
    truth: dict[str, Any], expected: dict[str, Rows], initial: dict[str, Rows] | None
) -> frozenset[str] | str:
    value = truth.get("unchanged")
    if value is None:
        return frozenset() if initial is None else OTHERS
    if value == OTHERS:
        tables: frozenset[str] | str = OTHERS
    elif isinstance(value, list) and all(isinstance(table, str) for table in value):
        tables = frozenset(value)
        if twice := sorted(tables & expected.keys()):
            raise BrokenTaskError(f"ground_truth: table {twice[0]!r} is in 'unchanged' and in 'expected'; keep one")
    else:
        raise BrokenTaskError(f"ground_truth.unchanged must be {OTHERS!r} or a list of table names")
    if tables and initial is None:
        raise BrokenTaskError("ground_truth.unchanged needs the initial rows; add ground_truth.initial, rows by table")
    if initial is not None and tables != OTHERS and (unknown := sorted(set(tables) - initial.keys())):
        raise BrokenTaskError(f"ground_truth.unchanged names table {unknown[0]!r}, which has no initial rows")
    return tables


def _comparison(truth: dict[str, Any]) -> RowComparison:
    tolerance = truth.get("tolerance", 0.0)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance < math.inf:
        raise BrokenTaskError("ground_truth.tolerance must be a number of at least 0")
    return RowComparison(_columns(truth, "ignore_columns"), float(tolerance))


def _columns(truth: dict[str, Any], key: str) -> dict[str, frozenset[str]]:
    """Columns by table name."""
    columns = truth.get(key) or {}
    if isinstance(columns, list):
        columns = {ALL_TABLES: columns}
    lists = columns.values() if isinstance(columns, dict) else [None]
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise BrokenTaskError(f"ground_truth.{key} must be a list of columns, or such lists by table name")
    return {table: frozenset(names) for table, names in columns.items()}


def _changes(truth: dict[str, Any]) -> tuple[RowChange, ...] | None:
    if truth.get("changes") is None:
        return None
    if both := next((key for key in ("expected", "initial") if truth.get(key) is not None), None):
        raise BrokenTaskError(f"ground_truth has both 'changes' and {both!r}; keep one of them")
    return read_changes(truth["changes"])


def _watched(truth: dict[str, Any]) -> frozenset[str] | str:
    """Tables whose changes count although none is expected there."""
    value = truth.get("unchanged", OTHERS)
    if value == OTHERS:
        return OTHERS
    if not isinstance(value, list) or not all(isinstance(table, str) for table in value):
        raise BrokenTaskError(f"ground_truth.unchanged must be {OTHERS!r} or a list of table names")
    return frozenset(value)


def _seed(task: dict[str, Any]) -> int | None:
    env_args = task.get("env_args")
    seed = env_args.get("seed", 0) if isinstance(env_args, dict) else None
    return seed if isinstance(seed, int) else None


def _tables(value: Any, key: str) -> dict[str, Rows]:
    if not isinstance(value, dict) or not all(
        isinstance(rows, list) and all(isinstance(row, dict) for row in rows) for rows in value.values()
    ):
        raise BrokenTaskError(f"ground_truth.{key} must give a list of rows by table name")
    return value


def _ends(value: Any) -> frozenset[End]:
    known = {end.value for end in End}
    if not isinstance(value, list) or not value or not all(isinstance(end, str) and end in known for end in value):
        raise BrokenTaskError(f"ground_truth.end must be a list of {', '.join(sorted(known))}")
    return frozenset(End(end) for end in value)


def _list(truth: dict[str, Any], key: str) -> list[Any]:
    value = truth.get(key, [])
    if not isinstance(value, list):
        raise BrokenTaskError(f"ground_truth.{key} must be a list")
    return value


def _texts(truth: dict[str, Any], key: str) -> list[str]:
    items = _list(truth, key)
    if not all(isinstance(item, str) for item in items):
        raise BrokenTaskError(f"ground_truth.{key} must be a list of texts")
    return items


def _call(value: Any) -> Call:
    named = isinstance(value, dict) and isinstance(value.get("name"), str)
    if not named or not isinstance(value.get("arguments", {}), dict):
        raise BrokenTaskError("a call in ground_truth needs a text 'name' and an object 'arguments'")
    return dict(value)


def _condition(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or "call" not in value:
        raise BrokenTaskError("ground_truth.preconditions needs objects with a 'call'")
    _call(value["call"])
    for wanted in _list(value, "calls"):
        _call(wanted)
    read_facts(value.get("evidence", []), "ground_truth.preconditions: 'evidence'")
    reply, times = value.get("reply"), value.get("times", 1)
    if reply is not None and not isinstance(reply, str):
        raise BrokenTaskError("ground_truth.preconditions: 'reply' must be a text")
    consent = value.get("consent", [""])
    texts = isinstance(consent, list) and consent and all(isinstance(text, str) for text in consent)
    if not texts or ("consent" in value and reply is not None):
        raise BrokenTaskError("ground_truth.preconditions: 'consent' must be a list of texts, and not beside 'reply'")
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise BrokenTaskError("ground_truth.preconditions: 'times' must be a whole number from 1")
    return value
