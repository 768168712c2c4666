"""The small run that docs/why-zero.md looks into: four trajectories, each with its own reason, and one success."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from verl_agentic.core import FailureKind, Message, Outcome, Task, Trajectory
from verl_agentic.reward_fns.registry import judge_now
from verl_agentic.rollout import Dialogue, Session
from verl_agentic.rollout.session import SessionPlan
from verl_agentic.store import Failure, Store, store_url


def tool(name: str, argument: str, description: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def asked(*texts: str) -> list[Message]:
    return [
        {"role": role, "content": text} for role, text in zip(("system", "user")[-len(texts) :], texts, strict=True)
    ]


SUM = Task(
    "math",
    asked("How much is 17 * 23 + 5?"),
    [tool("calc", "expression", "Calculate.")],
    "calculator",
    {},
    "math",
    {"answer": "396"},
)
REFUND = Task(
    "service",
    asked("Refund paid orders. Ask for a yes before you do.", "Please refund my order O2."),
    [tool("get", "id", "Read an order."), tool("refund", "id", "Refund an order.")],
    "world",
    {
        "schema": ["CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT, price INTEGER)"],
        "rows": {"orders": [["O1", "paid", 40], ["O2", "paid", 15]]},
        "actions": {
            "get": "SELECT status, price FROM orders WHERE id = :id",
            "refund": "UPDATE orders SET status = 'refunded' WHERE id = :id",
        },
    },
    "state",
    {
        "expected": {
            "orders": [
                {"id": "O1", "status": "paid", "price": 40},
                {"id": "O2", "status": "refunded", "price": 15},
            ]
        },
        "end": ["user_stop"],
    },
    user={"facts": [{"ask": ["order", "number"], "say": "Order O2."}], "confirm": "Yes."},
)


def call(name: str, argument: str, value: str) -> str:
    return f'<tool_call>\n{{"name": "{name}", "arguments": {{"{argument}": "{value}"}}}}\n</tool_call>'


PLAYED: tuple[tuple[Task, tuple[str, ...]], ...] = (
    (SUM, (call("calc", "expression", "17*23+5"), "<answer>396</answer>")),
    (SUM, (call("calc", "expression", "17*23"), "391 + 5 = 386\n<answer>386</answer>")),
    (SUM, ("The answer is 396.",)),
    (REFUND, (call("refund", "id", "O1"), "Your order is refunded.")),
    (REFUND, (call("refund", "order", "O2"), call("refund", "order", "O2"), "Your order is refunded.")),
)


def make_run(folder: Path) -> Path:
    """Play them in their real environments, judge them by their real rewards, keep them in a store in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with Store(store_url(folder)) as store:
        store.add_tasks([SUM, REFUND])
        sessions = {SUM.id: 0, REFUND.id: 0}
        for task, said in PLAYED:
            session = sessions[task.id]
            sessions[task.id] += 1
            store.record_outcomes([_outcome(task, said, session)], f"group-{task.id}")
        store.record_failure(Failure(1, "infrastructure", "tool server shop: no reply in 60 s", REFUND.id))
    return folder


def _outcome(task: Task, said: Sequence[str], session: int) -> Outcome:
    async def converse(dialogue: Dialogue) -> Trajectory:
        await dialogue.open()
        for text in said:
            await dialogue.feed(text)
        return dialogue.trajectory

    plan = SessionPlan(simulator="scripted" if task.user else "none")
    trajectory = asyncio.run(Session(task, 7, plan).play(converse))
    trajectory.reward, trajectory.policy_version = judge_now(task, trajectory), 12
    for turn in trajectory.turns:
        turn.seconds = 0.0  # what it took is not what the page is about
    failure, turns = FailureKind(trajectory.reward["failure"]), sum(one.role == "assistant" for one in trajectory.turns)
    score, acc = trajectory.reward["score"], trajectory.reward["acc"]
    return Outcome(task.id, session, 13, 0, score, acc, failure, turns, trajectory.to_json(), 12)
