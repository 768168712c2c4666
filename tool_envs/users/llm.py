"""A simulated user played by a language model, and the fence around it.

The model reads what the policy writes, so the policy can try to talk it out of its role. What must hold whatever it is
talked into is therefore not left to the model:

* It does not have what it must not tell. Facts reach its prompt when the policy asked for them, by the words of the
  script; elsewhere in the prompt they are masked. The ground truth and the world never do.
* Its reply is checked for what was not asked for, for the task's answer, and for everything hidden; for the agent's
  part, which models fall into; and for numbers, codes and addresses that nobody gave it. One with any of these is asked
  for anew, once; then the user says :data:`NEUTRAL_REPLY`.
* It leaves only when nothing is asked of it, nothing waits for its yes or is still under way, and its ways around a
  refusal are used up; or with its patience.
* Its reply is short, and nothing in it reads as a control token or a command of the dialogue.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from verl_agentic.core import Message, Task
from verl_agentic.core.chat import ChatRequest, make_chat_model
from verl_agentic.core.checked import Within, check_arguments
from verl_agentic.core.untrusted.fence import clipped
from verl_agentic.tool_envs.users.base import User, UserReply
from verl_agentic.tool_envs.users.drafts import invented, plays_the_agent
from verl_agentic.tool_envs.users.leaks import Wording, masked
from verl_agentic.tool_envs.users.message_acts import (
    MAX_READ_CHARS,
    asking_part,
    asks_to_confirm,
    at_work,
    closes,
    offers,
    readable,
    refuses,
)
from verl_agentic.tool_envs.users.natural_turns import NaturalTurns, Said
from verl_agentic.tool_envs.users.plan import is_natural, read_plan
from verl_agentic.tool_envs.users.prompt import REPLY_SCHEMA, PromptTurn, role_prompt, turn_prompt
from verl_agentic.tool_envs.users.script import OUT_OF_PATIENCE, asked_for, read_script
from verl_agentic.tool_envs.users.speech import harmless_speech

logger = logging.getLogger(__name__)

NEUTRAL_REPLY = "I am not sure what you mean."
"""What the user says when the model has nothing to say that it may."""

_ATTEMPTS = 2
_MAX_ENTRIES = 24
_MAX_ENTRY_CHARS = 4096
_MAX_SEED = (1 << 31) - 1


class LLMUser(User):
    """Plays ``task.user`` (:mod:`verl_agentic.tool_envs.users.script`); a task without one has no user.

    Replies depend on the task, the seed and the dialogue alone, as far as the endpoint honours seeds; with a cache of
    replies (``agentic.llm.cache``) they are the same again.
    """

    def __init__(
        self, *, llm: Mapping[str, Any] | None = None, max_chars: Annotated[int, Within(least=64)] = 600
    ) -> None:
        """Choose the model.

        Args:
            llm: the endpoint (``agentic.llm``).
            max_chars: longest reply.

        Raises:
            UserInputError: there is no endpoint, or an option cannot be used.
        """
        check_arguments(LLMUser, {"max_chars": max_chars}, "agentic.rollout.simulator_options")
        self._model = make_chat_model(llm)
        self._max_chars = max_chars
        self._silent = True
        self._natural: NaturalTurns | None = None
        self._counts = Counter[str]()

    def open(self, task: Task, seed: int) -> None:
        """Take the role.

        Raises:
            BrokenTaskError: ``task.user`` is not a script; the message names the field.
        """
        self._silent = task.user is None
        said = [message["content"] for message in task.messages if message["role"] == "user"]
        natural = is_natural(task.user)
        self._natural = NaturalTurns(read_plan(task.user or {}), said[-1] if said else "") if natural else None
        self._script = read_script({} if natural else task.user or {})
        self._seed = seed & _MAX_SEED
        self._refusals = 0
        self._counts = Counter[str]()
        self._values = [(fact, [Wording(value) for value in fact.values]) for fact in self._script.facts]
        truth = task.ground_truth
        scalar = isinstance(truth, (str, int, float)) and not isinstance(truth, bool)
        # What nobody has said aloud yet, hidden facts aside.
        self._unsaid = [value for fact, values in self._values if not fact.hidden for value in values]
        if self._natural:
            hidden = {value.text for value in self._natural.hidden()}
            self._unsaid = [value for _, value in self._natural.values() if value.text not in hidden]
        self._unsaid += [Wording(str(truth))] if scalar else []
        for message in task.messages:
            self._hear(message["content"])
        self._dialogue = [("you", text) for text in said]

    async def reply(self, message: str) -> UserReply | None:
        """Answer in role.

        Raises:
            InfrastructureError: the endpoint gave no usable reply.
        """
        if self._silent:
            return None
        if not self._natural and self._counts["replies"] >= self._script.patience:
            self._counts["patience"] += 1
            return UserReply(OUT_OF_PATIENCE, stop=True)
        self._hear(clipped(message, MAX_READ_CHARS))
        self._dialogue.append(("agent", clipped(message, _MAX_ENTRY_CHARS)))
        if self._natural:
            decision = self._natural.decide(message)
            if decision.kind == "out_of_patience":
                return decision.reply()
            turn = self._natural.turn(decision)
        else:
            turn = self._turn(readable(message))
        reply = await self._ask(turn)
        self._counts["replies"] += 1
        acted = [f"ACTION {call.name}" for call in reply.calls]
        self._dialogue.append(("you", "\n".join(filter(None, [*acted, reply.content]))))
        return reply

    def counts(self) -> Mapping[str, int]:
        """``replies``; ``arguments``, against refusals; ``patience``, 1 where it ran out; ``leaks``, drafts that gave
        something away, ``role_swaps``, that played the agent, and ``inventions``, that made up a number or the like;
        ``fallbacks``, neutral replies in their place; ``kept_on``, ends that were refused. In the natural register
        besides what a scripted user counts: ``actions`` done at home, ``missed_actions`` that were due, and drafts'
        ``unasked_actions``, which are not done."""
        return dict(+(self._counts + self._natural.counts())) if self._natural else dict(+self._counts)

    def _turn(self, message: str) -> PromptTurn:
        """What the policy's message, as it is read, calls for."""
        asked = asking_part(message)
        facts = [fact for fact in self._script.facts if not fact.hidden]
        refused, confirming = refuses(message), asks_to_confirm(message) or offers(message)
        # Nothing is done yet: what was agreed to, announced or begun.
        pending = confirming or (at_work(message) and not closes(message))
        named = asked_for(facts, asked)
        for fact in named:
            fact.told = True
        if asked and not (named or refused or confirming or closes(message)):
            # Its words may just be others than the script's.
            for fact in [fact for fact in facts if not fact.told][:1]:
                fact.told = True
        pushing, plea = False, None
        if refused:
            lines = self._script.push
            pushing = self._refusals < (len(lines) or int("strategy" in self._script.prose))
            plea = lines[self._refusals] if self._refusals < len(lines) else None
            self._refusals += 1
            if pushing:
                self._counts["arguments"] += 1
        tellable = [fact.say for fact in facts if fact.told]
        return PromptTurn(
            tellable=tellable,
            confirm=self._script.confirm if confirming else None,
            plea=plea,
            may_stop=not (pushing or pending) and (not asked or closes(message)),
        )

    async def _ask(self, turn: PromptTurn) -> UserReply:
        withheld = self._withheld(turn)
        prose = {name: masked(text, withheld) for name, text in self._prose().items()}
        actions = self._natural.actions if self._natural else ()
        entries = [{"from": author, "text": text} for author, text in self._dialogue[-_MAX_ENTRIES:]]
        for attempt in range(_ATTEMPTS):
            messages = (
                Message(role="system", content=role_prompt(prose, self._max_chars, actions)),
                Message(role="user", content=turn_prompt(turn, entries, again=attempt > 0)),
            )
            request = ChatRequest(messages, "user", REPLY_SCHEMA, seed=self._seed, sample=attempt)
            said = (await self._model.complete(request)).parsed
            drafted = self._drafted(said["reply"][:_MAX_ENTRY_CHARS])
            self._counts["unasked_actions"] += drafted.unasked
            if fault := self._fault(drafted.text, turn, withheld):
                self._counts[fault] += 1
                continue
            text, stop = harmless_speech(drafted.text, self._max_chars), said["stop"] and turn.may_stop
            if said["stop"] and not stop:
                self._counts["kept_on"] += 1
            if text or stop or drafted.actions:
                return self._acting(drafted, text, stop=stop)
        self._counts["fallbacks"] += 1
        self._counts["missed_actions"] += len(turn.due)
        logger.warning("the model that plays the user said nothing that it may; the user said: %s", NEUTRAL_REPLY)
        return UserReply(NEUTRAL_REPLY)

    def _drafted(self, draft: str) -> Said:
        return self._natural.acted(draft) if self._natural else Said(draft, (), missed=0, unasked=0)

    def _acting(self, drafted: Said, text: str, *, stop: bool) -> UserReply:
        """The reply with the actions that it names."""
        self._counts["actions"] += len(drafted.actions)
        self._counts["missed_actions"] += drafted.missed
        return UserReply(text, stop, self._natural.calls(drafted.actions) if self._natural else ())

    def _fault(self, draft: str, turn: PromptTurn, withheld: list[Wording]) -> str:
        """The count under which a draft that cannot be said falls, empty for one that can."""
        if any(map(Wording(draft).gives_away, withheld)):
            return "leaks"
        if plays_the_agent(draft):
            return "role_swaps"
        said = [text for _, text in self._dialogue]
        known = [*said, *self._prose().values(), *_due(turn)]
        return "inventions" if invented(draft, known) else ""

    def _prose(self) -> Mapping[str, str]:
        return self._natural.prose if self._natural else self._script.prose

    def _hear(self, text: str) -> None:
        """What was said aloud is no secret any more."""
        if self._unsaid:
            heard = Wording(text)
            self._unsaid = [value for value in self._unsaid if not heard.gives_away(value)]

    def _withheld(self, turn: PromptTurn) -> list[Wording]:
        """Texts that the reply must not hold: what is hidden, and what is neither said nor due."""
        for text in _due(turn):
            self._hear(text)
        if self._natural:
            told = [value for name, value in self._natural.values() if self._natural.may_tell(name, value)]
            return [*self._natural.hidden(), *(value for value in self._unsaid if value not in told)]
        told = [value for fact, values in self._values if fact.told for value in values]
        hidden = [value for fact, values in self._values if fact.hidden for value in values]
        return [*hidden, *(value for value in self._unsaid if value not in told)]


def _due(turn: PromptTurn) -> list[str]:
    """What the turn has the user say, whatever words it uses."""
    return [*turn.tellable, turn.confirm or "", turn.plea or "", turn.lead]
