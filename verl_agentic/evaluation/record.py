"""What is kept of one rollout: a line of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any

from verl_agentic.core import Task, UserInputError
from verl_agentic.core.openai_form import openai_messages
from verl_agentic.evaluation.player import Played
from verl_agentic.rollout import DialogueLimits
from verl_agentic.rollout.protocol import opening_messages, protocol_tools
from verl_agentic.store.secrets import redact_text, redact_texts


class RecordStatus(str, Enum):
    """What became of a rollout."""

    JUDGED = "judged"
    """It has a verdict: success or failure of the model."""
    UNDECIDED = "undecided"
    """Played, but nobody could tell right from wrong."""
    INFRASTRUCTURE = "infrastructure"
    """Something of ours, or the server, failed; says nothing about the model."""
    BROKEN_TASK = "broken_task"
    """Nobody can play the task."""


@dataclass(frozen=True, slots=True)
class Record:
    """One rollout of one task.

    Attributes:
        run: fingerprint of the settings it was made with.
        model: name of the model.
        task_id: id of the task.
        kind: its kind.
        sample: number of the rollout of this task, from 0.
        status: value of a :class:`RecordStatus`.
        success: 1.0 or 0.0, ``None`` without a verdict.
        failure: value of a :class:`verl_agentic.core.FailureKind`, empty without a verdict.
        error: why there is no verdict; beside one, what was odd, such as a message that was nothing but thoughts.
        end: how it ended, ``None`` where it did not.
        turns: messages of the model.
        prompt_tokens: tokens read in all requests, cached ones included.
        cached_tokens: those that the server had at hand.
        completion_tokens: tokens written.
        cost: in US dollars, ``None`` without prices.
        requests: messages asked for.
        retries: HTTP requests that failed before those that did not.
        attempts: how often it was tried.
        seconds: wall time from opening the session to the end.
        model_seconds: wall time in which the model wrote.
        calls: number of tool calls by what became of them.
        reward: what the reward function returned.
        messages: the dialogue in OpenAI's form, prompt first.
        tools: schemas of the task's own tools, and of what the protocol adds to them.
        trajectory: fields of :class:`verl_agentic.core.Trajectory`.
    """

    run: str
    model: str
    task_id: str
    kind: str
    sample: int
    status: str
    success: float | None = None
    failure: str = ""
    error: str = ""
    end: str | None = None
    turns: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    requests: int = 0
    retries: int = 0
    attempts: int = 1
    seconds: float = 0.0
    model_seconds: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)
    reward: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    trajectory: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line."""
        data = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps(redact_texts(data), ensure_ascii=False, default=str)

    def figures_only(self) -> Record:
        """Without the dialogue, for those who count."""
        return replace(self, reward={}, messages=[], tools=[], trajectory={})

    @classmethod
    def from_json(cls, line: str | bytes) -> Record:
        """Inverse of :meth:`to_json`.

        Raises:
            UserInputError: it is no such line.
        """
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            raise UserInputError(f"is no record of a rollout: {error}") from error


def unplayed(run: str, model: str, task: Task, sample: int, status: RecordStatus, error: Exception) -> Record:
    """The record of a rollout that did not come to its end."""
    return Record(run, model, task.id, task.kind, sample, status.value, error=redact_text(str(error))[:2000])


def of_played(
    run: str,
    model: str,
    priced: bool,
    task: Task,
    sample: int,
    played: Played,
    verdict: dict[str, Any] | Exception,
    limits: DialogueLimits,
) -> Record:
    """The record of a rollout that ended.

    Args:
        run, model, task, sample: as in :class:`Record`.
        priced: whether what the model takes has a price.
        played: what was played.
        verdict: the reward's result, or why there is none.
        limits: that it was played within.
    """
    trajectory, usage = played.trajectory, played.usage
    judged: dict[str, Any]
    if isinstance(verdict, Exception):
        judged = {"status": RecordStatus.INFRASTRUCTURE.value, "error": str(verdict)[:2000]}
    elif verdict["verdict"] == "undecided":
        judged = {"status": RecordStatus.UNDECIDED.value, "error": str(verdict["reason"]), "reward": verdict}
    else:
        judged = {
            "status": RecordStatus.JUDGED.value,
            "success": float(verdict["acc"]),
            "failure": str(verdict["failure"]),
            "error": played.note,
            "reward": verdict,
        }
    return Record(
        run=run,
        model=model,
        task_id=task.id,
        kind=task.kind,
        sample=sample,
        end=trajectory.end.value if trajectory.end else None,
        turns=sum(turn.role == "assistant" for turn in trajectory.turns),
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        cost=usage.cost if priced else None,
        requests=played.requests,
        retries=usage.retries,
        attempts=played.attempts,
        seconds=round(played.seconds, 6),
        model_seconds=round(played.model_seconds, 6),
        calls=dict(trajectory.calls_by_outcome()),
        messages=openai_messages(opening_messages(task, limits), trajectory),
        tools=protocol_tools(task, limits, task.tools),
        trajectory=json.loads(trajectory.to_json()),
        **judged,
    )
