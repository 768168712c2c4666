"""A stored trajectory played again: the same messages of the policy, in its world as it is now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from verl_agentic.core import End, Task, Trajectory
from verl_agentic.core.trajectory import LIMITS
from verl_agentic.rollout import Dialogue, Session, SessionPlan
from verl_agentic.store.secrets import redact_text, redact_texts


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that came out otherwise.

    Attributes:
        where: what: ``turn 4 (tool)``, ``end``, ``answer``, ``state.orders``.
        stored: as it was.
        replayed: as it is now.
    """

    where: str
    stored: str
    replayed: str


@dataclass(slots=True)
class Replay:
    """What a replay showed.

    Attributes:
        trajectory: the new one.
        differences: in the order of the dialogue; none where all came out alike.
        messages: assistant messages that were played.
        replies: replies of tools and users that were compared.
    """

    trajectory: Trajectory
    differences: list[Difference] = field(default_factory=list)
    messages: int = 0
    replies: int = 0


async def replay(task: Task, stored: Trajectory, plan: SessionPlan) -> Replay:
    """Say to the task's world and user what the policy said, and compare all that comes back.

    Secrets that were blanked before storing count as equal. After a message that brought another number of replies the
    dialogue goes on with the policy's next stored message. There is one attempt: what fails is what is to be seen.

    Args:
        task: the task.
        stored: its trajectory.
        plan: in which environment, with which user and limits, its ``attempts`` aside.

    Raises:
        BrokenTaskError: the task cannot be played by anyone.
        UserInputError: the environment or user is not configured as it must be.
        InfrastructureError: the environment or user failed, or took too long.
    """
    session = Session(task, stored.seed, replace(plan, attempts=1))
    return await session.play(lambda dialogue: _say_again(dialogue, stored))


async def _say_again(dialogue: Dialogue, stored: Trajectory) -> Replay:
    await dialogue.open()
    found = Replay(dialogue.trajectory)
    # Of the policy's messages.
    said = [place for place, turn in enumerate(stored.turns) if turn.role == "assistant"]
    for place, following in zip(said, [*said[1:], len(stored.turns)], strict=True):
        if dialogue.done:
            found.differences.append(Difference(f"turn {place}", "the dialogue went on", "it had ended"))
            break
        turn = stored.turns[place]
        before = len(dialogue.trajectory.turns) + 1
        if place == len(stored.turns) - 1 and stored.end is End.MAX_TOKENS:
            # It was cut.
            dialogue.cut_off(turn.content, turn.tokens)
        else:
            await dialogue.feed(turn.content, turn.tokens)
        found.messages += 1
        _compare(found, stored, place, following, dialogue.trajectory.turns[before:])
    if not dialogue.done and stored.end in LIMITS:
        dialogue.stop(stored.end)
    _compare_ends(found, stored, dialogue.trajectory)
    return found


def _compare(found: Replay, stored: Trajectory, place: int, following: int, now: Sequence[Any]) -> None:
    then = stored.turns[place + 1 : following]
    for number in range(max(len(then), len(now))):
        where = place + 1 + number
        old, new = (turns[number] if number < len(turns) else None for turns in (then, now))
        role = (old or new).role  # type: ignore[union-attr]
        texts = ["(nothing)" if turn is None else f"{turn.role}: {redact_text(turn.content)}" for turn in (old, new)]
        found.replies += 1
        if texts[0] != texts[1]:
            found.differences.append(Difference(f"turn {where} ({role})", *texts))


def _compare_ends(found: Replay, stored: Trajectory, now: Trajectory) -> None:
    pairs: list[tuple[str, Any, Any]] = [("end", stored.end, now.end), ("answer", stored.answer, now.answer)]
    for name in sorted({*stored.state, *now.state}):
        pairs.append((f"state.{name}", stored.state.get(name), now.state.get(name)))
    for name in sorted({*stored.user, *now.user}):
        pairs.append((f"user.{name}", stored.user.get(name), now.user.get(name)))
    for where, old, new in pairs:
        texts = [json.dumps(redact_texts(value), sort_keys=True, ensure_ascii=False) for value in (old, new)]
        if texts[0] != texts[1]:
            found.differences.append(Difference(where, *texts))
