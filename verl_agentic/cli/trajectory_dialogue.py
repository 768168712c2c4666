"""One trajectory on a terminal: what was said and called, what was expected, and why it got its reward."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from verl_agentic.cli.plain_text import plain_text
from verl_agentic.core import Message, Task, Trajectory
from verl_agentic.core.trajectory import ToolCall
from verl_agentic.report.numbers import NONE, decimal
from verl_agentic.reward_fns.state.difference import TableDifference, state_difference
from verl_agentic.rollout.diagnosis import Diagnosis, diagnose_trajectory
from verl_agentic.store.secrets import redact_texts
from verl_agentic.store.trajectories import StoredTrajectory

MAX_CHARS = 4000
"""Of one message that is shown, unless all of it is asked for."""
MAX_ROWS = 20
"""Rows of a difference that are shown, likewise."""

_STYLES = {"system": "dim", "user": "cyan", "assistant": "green", "tool": "yellow"}
# What the other parts of the page say of them.
_VERDICT = ("score", "acc", "verdict", "failure", "reason")


def diagnosis_of(one: StoredTrajectory, trajectory: Trajectory, task: Task | None) -> Diagnosis | None:
    """What the trajectory itself shows of why it failed, ``None`` for a success."""
    return None if one.acc >= 1 else diagnose_trajectory(trajectory, one.failure, task)


def shown_data(one: StoredTrajectory, trajectory: Trajectory, task: Task | None) -> dict[str, Any]:
    """What is beyond the line of ``trajectories export``: the difference, the reason and the diagnosis."""
    found = diagnosis_of(one, trajectory, task)
    difference = None if task is None else state_difference(task, trajectory)
    data = {
        "reason": str(trajectory.reward.get("reason", "")),
        "diagnosis": None
        if found is None
        else {"kind": found.kind.value, "evidence": found.evidence, "blame": found.blame},
        "expected": None if task is None else task.ground_truth,
        "state": trajectory.state,
        "difference": None
        if difference is None
        else [{"table": d.table, "missing": list(d.missing), "unexpected": list(d.unexpected)} for d in difference],
    }
    redacted: dict[str, Any] = redact_texts(data)
    return redacted


def print_trajectory(
    console: Console,
    one: StoredTrajectory,
    trajectory: Trajectory,
    task: Task | None,
    prompt: Sequence[Message],
    *,
    whole: bool,
) -> None:
    """Print it.

    Args:
        console: where to.
        one: the trajectory as it is stored.
        trajectory: the same, read.
        task: its task, ``None`` where it is no longer stored.
        prompt: the first messages, as the policy read them.
        whole: whether nothing is cut.
    """
    end = trajectory.end.value if trajectory.end else NONE
    verdict = "success" if one.acc >= 1 else f"failure: {one.failure.value}"
    console.print(Rule(plain_text(f"{one.id}  {one.kind or NONE}  {one.task_id}")))
    console.print(
        plain_text(
            f"{one.split}, step {one.step}, session {one.session}, environment {trajectory.env or NONE}, "
            f"user {trajectory.simulator or NONE}, policy after {_or_none(one.policy_version)} updates"
        )
    )
    console.print(plain_text(f"{verdict}; reward {decimal(one.reward)}; ended by {end}"))
    for message in prompt:
        _message(console, message["role"], message["content"], "", whole)
    calls = iter(trajectory.calls)
    for turn in trajectory.turns:
        call = next(calls, None) if turn.role == "tool" else None
        cost = f"{turn.tokens} tokens, {turn.seconds:.2f} s"
        _message(console, turn.role, turn.content, cost, whole, call)
    console.print(Rule("verdict"))
    for line in _verdict(one, trajectory, task):
        console.print(line)
    difference = None if task is None else state_difference(task, trajectory)
    if difference is not None:
        _difference(console, difference, whole)


def _message(console: Console, role: str, content: str, cost: str, whole: bool, call: ToolCall | None = None) -> None:
    style = _STYLES.get(role, "")
    console.print()
    console.print(plain_text(f"{role}{f'  ({cost})' if cost else ''}", style=f"bold {style}".strip()))
    if call is not None:
        failed = f"  [{call.error}]" if call.error else ""
        arguments = json.dumps(redact_texts(call.arguments), ensure_ascii=False, default=str)
        console.print(plain_text(_cut(f"{call.name}({arguments}){failed}", whole), style="bold"))
    console.print(plain_text(_cut(str(redact_texts(content)), whole)))


def _verdict(one: StoredTrajectory, trajectory: Trajectory, task: Task | None) -> Iterator[Text]:
    yield plain_text(f"reason: {trajectory.reward.get('reason') or NONE}")
    if found := diagnosis_of(one, trajectory, task):
        yield plain_text(f"diagnosis: {found.kind.value} ({found.evidence}); to blame: {found.blame}")
    if trajectory.answer is not None:
        yield plain_text(f"answer: {_cut(trajectory.answer, False)}")
    truth = task.ground_truth if task is not None and isinstance(task.ground_truth, Mapping) else {}
    if task is not None and not truth.keys() & {"expected", "changes"}:
        yield plain_text(f"expected: {_cut(json.dumps(task.ground_truth, ensure_ascii=False), False)}")
    for name, value in trajectory.reward.items():
        if name not in _VERDICT:
            yield plain_text(f"{name}: {decimal(value) if isinstance(value, float) else value}")
    if trajectory.reminders:
        yield plain_text(f"reminded {trajectory.reminders} time(s) that a message was no answer")
    if trajectory.user:
        yield plain_text("the user counted: " + ", ".join(f"{name} {count}" for name, count in trajectory.user.items()))


def _difference(console: Console, difference: list[TableDifference], whole: bool) -> None:
    if not difference:
        console.print("the final state is as expected")
        return
    table = Table(title="final state beside the expected one", title_justify="left")
    for name in ("table", "", "row"):
        table.add_column(name, overflow="fold")
    left = None if whole else MAX_ROWS
    rows = [
        (one.table, mark, row)
        for one in difference
        for mark, side in (("missing", one.missing), ("unexpected", one.unexpected))
        for row in side
    ]
    for name, mark, row in rows[:left]:
        text = json.dumps(redact_texts(dict(row)), ensure_ascii=False, default=str)
        table.add_row(plain_text(name), mark, plain_text(text))
    console.print(table)
    if len(rows) > len(rows[:left]):
        console.print(f"{len(rows) - len(rows[:left])} more rows; --all shows them")


def _cut(text: str, whole: bool) -> str:
    if whole or len(text) <= MAX_CHARS:
        return text
    return f"{text[:MAX_CHARS]} [... {len(text) - MAX_CHARS} more characters; --all shows them]"


def _or_none(value: int | None) -> str:
    return NONE if value is None else str(value)
