"""Judge a dialogue by the state it left, the calls it made, what it told the user and the way it ended.

``ground_truth`` is an object (or its JSON text) with these fields, all optional but ``end`` and one of the first two:

* ``expected``: rows by table name that the world must hold at the end, whatever their order;
* ``changes``: changes of rows that must have been made, and no others, whatever their order
  (:mod:`verl_agentic.reward_fns.state.changes`);
* ``new_ids``: with ``changes``, columns whose new values the world makes, besides those of ``:new_id``, as a list or as
  lists by table name: they may be named otherwise;
* ``unchanged``: ``"others"`` (every table that ``expected`` does not name) or a list of tables that must hold their
  initial rows. ``others`` is the default where the initial rows are known, and with ``changes``;
* ``initial``: initial rows by table name; where missing, those of ``extra_info.task``, if its world is a database: its
  rows, or, where it is read from a file, the final ones with the session's changes undone;
* ``ignore_columns``: columns that do not count, as a list or as lists by table name (``*``: every table);
* ``tolerance``: absolute difference up to which two numbers are equal, unless both are integers (default 0);
* ``required_calls``: calls that must have been executed;
* ``required_evidence``: ``[{field: value, ...}]``, what the policy must have seen, whichever tool showed it
  (:mod:`verl_agentic.reward_fns.state.evidence`);
* ``max_misses``: other calls of their tools, per required call, beyond which these count as not made, since they were
  found by trying out (:mod:`verl_agentic.reward_fns.misses`);
* ``forbidden_calls``: calls that must not;
* ``preconditions``: ``[{"call": ..., "calls": [...], "evidence": [...], "reply": "Yes."}]`` - a call matching ``call``
  is forbidden until each of ``calls`` was executed, each of ``evidence`` was seen (in replies to earlier messages, not
  the same) and, where ``reply`` is given, the user said exactly that when asked about this call
  (:mod:`verl_agentic.reward_fns.state.confirmations`); one reply permits one executed call of a tool, or as many as
  ``times`` says; ``consent``, a list in place of ``reply``, where the user has agreed by any of these texts;
* ``end``: ways the dialogue may end (values of :class:`verl_agentic.core.End`);
* ``required_replies``: what the user must have been brought to say, word by word;
* ``forbidden_replies``: what the user must not be brought to say, e.g. thanks for what was not done;
* ``required_statements``: facts that the user must have been told (:mod:`verl_agentic.reward_fns.state.statements`);
* ``forbidden_statements``: facts that the user must not have been told, because they are false or not for them.

A call is ``{"name": ..., "arguments": {...}}``; it matches an executed call of that name with at least those arguments,
numbers by value up to the tolerance.

A violation costs everything: a forbidden call or statement, or a change that nobody asked for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import End, FailureKind, InfrastructureError, Trajectory, UserInputError
from verl_agentic.core.checked import Count
from verl_agentic.core.trajectory import LIMITS, ToolCall
from verl_agentic.reward_fns.common import RewardResult, decided, decode_ground_truth, read_submission
from verl_agentic.reward_fns.misses import tried_out
from verl_agentic.reward_fns.state.confirmations import Confirmations
from verl_agentic.reward_fns.state.evidence import SeenRecords
from verl_agentic.reward_fns.state.statements import shown_to_user, told
from verl_agentic.reward_fns.state.tables import TableVerdict, judge_table, show_row
from verl_agentic.reward_fns.state.truth import StateTruth, read_truth

__all__ = ["StateResult", "compute_score"]

Failure = tuple[FailureKind, str]


class StateResult(RewardResult):
    """A reward result, and how far the trajectory got.

    Attributes:
        subgoals: fraction of the sub-goals reached, in [0, 1]; 1.0 only for a right trajectory, 0.0 after a violation.
    """

    subgoals: float


@dataclass(frozen=True, slots=True)
class _Goals:
    """One group of sub-goals: how many, how many of them are unmet, and what the first unmet one says."""

    count: int
    unmet: int = 0
    failure: Failure = (FailureKind.NONE, "")


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: dict[str, Any] | None = None,
    *,
    partial: bool = False,
    max_misses: Count | None = None,
    **kwargs: Any,
) -> StateResult:
    """1.0 when the final state, the calls, the statements and the end are all as they must be, else 0.0 and why.

    Sub-goals are: each required call and evidence; each change, or each row that must appear or vanish (a whole table
    where its initial rows are not known); each required reply and statement. The right end counts once all of these are
    reached, since to end a dialogue is no achievement.

    Args:
        data_source: kind of the task; not used.
        solution_str: text of the response; not used, as the state decides.
        ground_truth: see the module's text.
        extra_info: must hold the rollout as ``trajectory`` (JSON of :class:`verl_agentic.core.Trajectory`); may hold
            the ``task`` (JSON of :class:`verl_agentic.core.Task`), whose world gives the initial rows.
        partial: make the score of a wrong trajectory its fraction of sub-goals. ``acc`` stays strict.
        max_misses: for ground truths that have none; by default 5 for tools that only read and for rejected calls, 1
            for those that write.

    Raises:
        UserInputError: there is no trajectory, or ``max_misses`` is no number.
        InfrastructureError: the trajectory is not one, or it has no end or no final state.
        BrokenTaskError: the ground truth is not of the form above.
    """
    trajectory = read_submission(solution_str, extra_info).trajectory
    if trajectory is None:
        raise UserInputError(
            "reward 'state' needs extra_info.trajectory; roll out with the agent loop of verl_agentic, which writes it"
        )
    if trajectory.end is None or not isinstance(trajectory.state.get("tables"), dict):
        raise InfrastructureError(f"trajectory of task {trajectory.task_id} has no end or no state.tables")
    truth = read_truth(decode_ground_truth(ground_truth), extra_info, trajectory.state, max_misses)
    (kind, reason), subgoals = _judge(truth, trajectory, trajectory.end)
    return {**decided(kind, reason, subgoals if partial else None), "subgoals": subgoals}


def _judge(truth: StateTruth, trajectory: Trajectory, end: End) -> tuple[Failure, float]:
    """The gravest failure, and the fraction of sub-goals: what was done wrong, how it stopped, what is missing."""
    if reason := _forbidden_call(truth, trajectory):
        return (FailureKind.FORBIDDEN_CALL, reason), 0.0
    tables = _tables(truth, trajectory)
    if damaged := next((verdict for verdict in tables if verdict.damage), None):
        return (FailureKind.WRONG_STATE, damaged.damage), 0.0
    heard = told(trajectory, truth.prompt)
    for fact in truth.forbidden_statements:
        if heard.states(fact):
            return (FailureKind.WRONG_ANSWER, f"the user was told {fact.text}"), 0.0

    groups = [_calls(truth, trajectory), _evidence(truth, trajectory), *(_table_goals(verdict) for verdict in tables)]
    ending = _ending(truth, end)
    replies = [turn.content for turn in trajectory.turns if turn.role == "user"]
    spoken = [
        _Goals(1, *_unmet(reply in replies, f"the user did not say {reply!r}")) for reply in truth.required_replies
    ]
    spoken += [
        _Goals(1, *_unmet(heard.states(fact), f"the user was not told {fact.text}"))
        for fact in truth.required_statements
    ]
    misled = next((reply for reply in truth.forbidden_replies if reply in replies), None)
    failures = [group.failure for group in [*groups, *spoken] if group.unmet]
    met = sum(group.count - group.unmet for group in [*groups, *spoken])
    total = 1 + sum(group.count for group in [*groups, *spoken])
    if misled is not None:
        failures.append((FailureKind.WRONG_ANSWER, f"the user was brought to say {misled!r}"))
    if ending[0] in (FailureKind.LIMIT, FailureKind.GAVE_UP):
        failures.insert(0, ending)
    elif ending[0] is not FailureKind.NONE:
        # After the calls and the state, before what was said.
        failures.insert(sum(group.unmet > 0 for group in groups), ending)
    return (failures[0], met / total) if failures else ((FailureKind.NONE, ""), 1.0)


def _tables(truth: StateTruth, trajectory: Trajectory) -> list[TableVerdict]:
    if truth.changes is not None:
        return [truth.judge_changes(trajectory.state, len(trajectory.calls)).summary]
    initial, final = truth.initial, trajectory.state["tables"]
    verdicts = [
        judge_table(
            truth.compare, table, initial.get(table, []) if initial is not None else None, rows, _rows(final, table)
        )
        for table, rows in truth.expected.items()
    ]
    for table in truth.untouched(final):
        rows = (initial or {}).get(table, [])
        verdicts.append(judge_table(truth.compare, table, rows, rows, _rows(final, table)))
    return verdicts


def _rows(final: dict[str, Any], table: str) -> list[dict[str, Any]]:
    rows = final.get(table, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InfrastructureError(f"trajectory.state.tables.{table} is not a list of rows")
    return rows


def _table_goals(verdict: TableVerdict) -> _Goals:
    return _Goals(verdict.goals, verdict.unmet, (FailureKind.WRONG_STATE, verdict.difference))


def _calls(truth: StateTruth, trajectory: Trajectory) -> _Goals:
    executed = [call for call in trajectory.calls if call.error is None]
    found_by_trying = tried_out(
        trajectory.calls,
        (wanted["name"] for wanted in truth.required_calls),
        lambda call: any(truth.matches(wanted, call) for wanted in truth.required_calls),
        truth.max_misses,
    )
    missing = [
        wanted
        for wanted in truth.required_calls
        if wanted["name"] in found_by_trying or not any(truth.matches(wanted, call) for call in executed)
    ]
    if not missing:
        return _Goals(len(truth.required_calls))
    first = missing[0]
    misused = first["name"] in found_by_trying or any(_misused(truth, first, call) for call in trajectory.calls)
    kind = FailureKind.TOOL_MISUSE if misused else FailureKind.MISSING_CALL
    reason = found_by_trying.get(first["name"], f"{_show(first)} was not executed")
    return _Goals(len(truth.required_calls), len(missing), (kind, reason))


def _evidence(truth: StateTruth, trajectory: Trajectory) -> _Goals:
    if not truth.required_evidence:
        return _Goals(0)
    seen = SeenRecords(truth.compare)
    for call in trajectory.calls:
        if call.error is None:
            seen.see(call.result, call.arguments)
    missing = [fact for fact in truth.required_evidence if not seen.holds(fact)]
    if not missing:
        return _Goals(len(truth.required_evidence))
    failure = FailureKind.MISSING_CALL, f"no tool showed the policy {show_row(missing[0])}"
    return _Goals(len(truth.required_evidence), len(missing), failure)


def _ending(truth: StateTruth, end: End) -> Failure:
    if end in truth.ends:
        return FailureKind.NONE, ""
    if end in LIMITS:
        return FailureKind.LIMIT, f"no end before {end.value}"
    if end is End.TRANSFER:
        return FailureKind.GAVE_UP, "handed over to a human without need"
    kind = FailureKind.WRONG_ANSWER if end is End.ANSWER else FailureKind.NO_ANSWER
    return kind, f"ended by {end.value} instead of {' or '.join(sorted(one.value for one in truth.ends))}"


def _unmet(met: bool, reason: str) -> tuple[int, Failure]:
    return int(not met), (FailureKind.WRONG_ANSWER, reason)


def _forbidden_call(truth: StateTruth, trajectory: Trajectory) -> str | None:
    """Walk the dialogue; say which executed call was forbidden, or came before it was allowed."""
    calls = iter(trajectory.calls)
    before: list[ToolCall] = []
    confirmed = Confirmations(trajectory.calls, truth.tools())
    message: str | None = None
    seen = SeenRecords(truth.compare)
    unseen: list[ToolCall] = []
    for turn in trajectory.turns:
        if turn.role != "tool":
            # What one message calls for is seen when all of it is done.
            for done in unseen:
                seen.see(done.result, done.arguments)
            unseen.clear()
        if turn.role == "assistant":
            message = shown_to_user(turn.content)
        elif turn.role == "user":
            confirmed.hear(turn.content, message)
        # Every call is answered by exactly one tool turn, in the same order.
        call = next(calls, None) if turn.role == "tool" else None
        if call is None or call.error is not None:
            continue
        if any(truth.matches(pattern, call) for pattern in truth.forbidden_calls):
            return f"{call.name[:64]} is forbidden here"
        conditions = [condition for condition in truth.preconditions if truth.matches(condition["call"], call)]
        for condition in conditions:
            if lacking := _lacking(truth, condition, before, seen) or _unconfirmed(condition, call, confirmed):
                return f"{call.name[:64]} before {lacking}"
        for condition in conditions:
            if condition.get("reply") is not None or condition.get("consent"):
                confirmed.use(call, condition.get("consent", ()))
                break
        before.append(call)
        unseen.append(call)
    return None


def _lacking(truth: StateTruth, condition: dict[str, Any], before: list[ToolCall], seen: SeenRecords) -> str | None:
    for wanted in condition.get("calls", []):
        if not any(truth.matches(wanted, earlier) for earlier in before):
            return _show(wanted)
    for fact in condition.get("evidence", []):
        if not seen.holds(fact):
            return f"a tool showed {show_row(fact)}"
    return None


def _unconfirmed(condition: dict[str, Any], call: ToolCall, confirmed: Confirmations) -> str | None:
    reply, consent = condition.get("reply"), condition.get("consent")
    if consent and not confirmed.agrees(call, consent, condition.get("times", 1)):
        return f"the user said {consent[0]!r} to it"
    if reply is None or confirmed.permits(call, reply, condition.get("times", 1)):
        return None
    return f"the user said {reply!r} to it"


def _misused(truth: StateTruth, wanted: dict[str, Any], call: ToolCall) -> bool:
    """Whether a call was no proper call, or is the wanted one and was refused. Other refusals are part of the job."""
    return call.error is not None and (call.error != "rejected" or truth.matches(wanted, call))


def _show(call: dict[str, Any]) -> str:
    return f"{call['name']}({json.dumps(call.get('arguments', {}))})"
