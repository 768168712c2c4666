"""Replies of a scripted user of the natural register to labelled messages of service agents.

``python -m benchmarks.hearing``; the last line is one JSON object. The peer is the reader of the telegraph register, on
the same messages: it looks for fewer things and is right about fewer of them. Processor time, in which other processes
of the machine weigh less. ``python -m benchmarks.hearing --misses [FILE]`` prints what is read wrongly instead.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import machine, percentile, report
from verl_agentic.core import Task
from verl_agentic.tool_envs.users.hearing.acts import Act
from verl_agentic.tool_envs.users.hearing.ears import Ears, Heard
from verl_agentic.tool_envs.users.message_acts import (
    asking_part,
    asks_to_confirm,
    at_work,
    closes,
    offers,
    readable,
    refuses,
)
from verl_agentic.tool_envs.users.plan import read_plan
from verl_agentic.tool_envs.users.scripted import ScriptedUser

LABELLED = Path(__file__).parents[1] / "tests" / "unit" / "tool_envs" / "users" / "hearing"
ROUNDS = 5
_NAMED = {"ask": "asks", "instruct": "does", "correct": "wrong"}


def situations() -> dict[str, dict[str, Any]]:
    """The situations that the messages belong to, by id."""
    texts = [(LABELLED / name).read_text(encoding="utf-8") for name in ("situations.json", "kept_situations.json")]
    return {one["id"]: one for text in texts for one in json.loads(text)}


def ears_of(one: dict[str, Any]) -> Ears:
    """How the user of a situation hears."""
    plan = read_plan(one["script"])
    return Ears(plan.requests[0].facts, plan.actions, plan.requests[0].expects, about=one["want"])


def told_before(row: dict[str, Any], known: dict[str, dict[str, Any]]) -> set[str]:
    """The facts that the agent has been told before a message."""
    return set(row.get("told", known[row["situation"]]["told"]))


def is_right(row: dict[str, Any], heard: Heard, told: set[str]) -> bool:
    """Whether a message was read as it is labelled; ``told`` are the facts that the agent has been told.

    A request to agree to what the user has not told its mind about is a question for it: the user tells it.
    What a message proposes counts where that is labelled.
    """
    act = Act.UNCLEAR if heard.act is Act.GREET else heard.act
    found = {"ask": heard.asks, "instruct": heard.does, "correct": heard.wrong}.get(row["act"], ())
    if row["act"] == "ask" and act in (Act.CONFIRM, Act.REFUSE):
        act, found = Act.ASK, tuple(name for name in heard.touches if name not in told)
    if heard.proposes != row.get("proposes", heard.proposes):
        return False
    return act.value == row["act"] and set(found) == set(row.get(_NAMED.get(row["act"], ""), ()))


def telegraph(message: str) -> None:
    """What the reader of the telegraph register does with a message that asks for nothing."""
    text = readable(message)
    asking_part(text), asks_to_confirm(text), refuses(text), offers(text), closes(text), at_work(text)


def milliseconds(act: Callable[[], object]) -> float:
    """Processor time of a call."""
    started = time.process_time()
    act()
    return (time.process_time() - started) * 1000


def main() -> None:
    """Measure and print, or print what is read wrongly."""
    name = sys.argv[2] if len(sys.argv) > 2 else str(LABELLED / "messages.jsonl")
    rows = [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines()]
    known = situations()
    ears = {name: ears_of(one) for name, one in known.items()}
    heard = [(row, ears[row["situation"]].hear(row["message"], told_before(row, known))) for row in rows]
    missed = [(row, found) for row, found in heard if not is_right(row, found, told_before(row, known))]
    if "--misses" in sys.argv:
        for row, found in missed:
            wanted = row.get(_NAMED.get(row["act"], ""), "")
            got = found.asks or found.does or found.wrong
            print(f"{row['act']} {wanted} -> {found.act.value} {list(got)} | {row['situation']} | {row['message']!r}")
    users = {name: ScriptedUser() for name in known}
    replies: list[float] = []
    opened: list[float] = []
    peer: list[float] = []
    for _ in range(ROUNDS):
        for row in rows:
            one, user = known[row["situation"]], users[row["situation"]]
            script = {**one["script"], "hearing": "natural"}
            task = Task("t", [{"role": "user", "content": one["want"]}], [], "world", {}, "state", {}, script)
            opened.append(milliseconds(lambda user=user, task=task: user.open(task, 0)))
            replies.append(milliseconds(lambda user=user, row=row: user.reply(row["message"])))
            peer.append(milliseconds(lambda row=row: telegraph(row["message"])))
    mean = sum(replies) / len(replies)
    report(
        "hearing",
        "labelled messages of service agents that a scripted user of the natural register answers",
        "replies per second of processor time",
        round(1000 / mean, 1),
        round(1000 / (sum(peer) / len(peer)), 1),
        {
            "messages": len(rows),
            "right": round(1 - len(missed) / len(rows), 4),
            "missed": dict(Counter(row["act"] for row, _ in missed)),
            "reply_ms": {"mean": round(mean, 3), "p50": round(percentile(replies, 50), 3)}
            | {"p99": round(percentile(replies, 99), 3), "max": round(max(replies), 3)},
            "open_ms": round(sum(opened) / len(opened), 3),
            "machine": machine(),
        },
    )


if __name__ == "__main__":
    main()
