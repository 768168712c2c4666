"""A simulated user that follows a script: no model, no randomness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.tool_envs.users.base import User, UserReply
from verl_agentic.tool_envs.users.hearing.natural import NaturalUser
from verl_agentic.tool_envs.users.message_acts import (
    asking_part,
    asks_to_confirm,
    at_work,
    closes,
    offers,
    readable,
    refuses,
)
from verl_agentic.tool_envs.users.plan import is_natural, read_plan
from verl_agentic.tool_envs.users.script import OUT_OF_PATIENCE, UserFact, asked_for, read_script

__all__ = ["DO_NOT_KNOW", "OUT_OF_PATIENCE", "WAITING", "ScriptedUser"]

DO_NOT_KNOW = "I do not know."
WAITING = "Okay, I will wait."
"""What the user says to a message that only reports progress, announces a step, or is empty."""


class ScriptedUser(User):
    """Follows the script in ``task.user`` (:mod:`verl_agentic.tool_envs.users.script`; ``facts`` is required).

    A task without a script has no user, as with :class:`NoUser`. In order of precedence: a question for something
    untold gets it, one fact at a time; a request to confirm gets the confirmation; a refusal gets the next push, and
    when there is none left the user leaves without a word; any other question gets what was told before, the next
    untold fact, or :data:`DO_NOT_KNOW`; a message that only says that something is under way or planned, or nothing at
    all, gets :data:`WAITING`; any other statement, and the offer of anything else, ends the dialogue with ``done``.

    A script with ``"hearing": "natural"`` (:mod:`verl_agentic.tool_envs.users.plan`) is played by
    :class:`~verl_agentic.tool_envs.users.hearing.natural.NaturalUser`, which reads what real models write.
    """

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._natural: NaturalUser | None = None

    def open(self, task: Task, seed: int) -> None:
        """Take the role.

        Raises:
            BrokenTaskError: ``task.user`` is not a script; the message names the field.
        """
        self._natural = None
        if is_natural(task.user):
            said = [message["content"] for message in task.messages if message["role"] == "user"]
            self._natural = NaturalUser(read_plan(task.user or {}), said[-1] if said else "")
            return
        if task.user is not None and "facts" not in task.user:
            raise BrokenTaskError("user.facts must be a list")
        self._silent = task.user is None
        self._script = read_script(task.user or {})
        self._facts = [fact for fact in self._script.facts if not fact.hidden]
        self._counts = Counter[str]()

    def reply(self, message: str) -> UserReply | None:
        if self._natural:
            return self._natural.decide(message).reply()
        if self._silent:
            return None
        reply = self._answer(readable(message))
        self._counts["replies"] += 1
        if not reply.stop and self._counts["replies"] > self._script.patience:
            self._counts["patience"] += 1
            return UserReply(OUT_OF_PATIENCE, stop=True)
        return reply

    def counts(self) -> Mapping[str, int]:
        """``replies``; ``denials``, of what the script does not know; ``arguments``, against refusals; ``patience``, 1
        where it ran out; ``replies`` counts the last one, too. In the natural register besides: ``actions`` at home,
        ``corrections``, ``changes`` of mind, further ``requests``, and ``unclear`` messages."""
        return dict(+self._natural.counts if self._natural else self._counts)

    def _answer(self, message: str) -> UserReply:
        asked, confirm = asking_part(message), self._script.confirm
        untold = [fact for fact in self._facts if not fact.told]
        if found := asked_for(untold, asked):
            return _tell(found[0])
        if confirm is not None and asks_to_confirm(message):
            return UserReply(confirm)
        if refuses(message):
            return self._push_back()
        if confirm is not None and offers(message):
            return UserReply(confirm)
        if closes(message):
            return UserReply(self._script.done, stop=True)
        if not asked:
            return UserReply(WAITING) if at_work(message) else UserReply(self._script.done, stop=True)
        if rest := asked_for(self._facts, asked) or asked_for(untold, message) or untold:
            return _tell(rest[0])
        self._counts["denials"] += 1
        return UserReply(DO_NOT_KNOW)

    def _push_back(self) -> UserReply:
        used = self._counts["arguments"]
        if used == len(self._script.push):
            return UserReply("", stop=True)
        self._counts["arguments"] += 1
        return UserReply(self._script.push[used])


def _tell(fact: UserFact) -> UserReply:
    fact.told = True
    return UserReply(fact.say)
