"""A simulated user that follows a script: no model, no randomness.

``task.user`` is an object with these fields, all optional but ``facts``:

* ``facts``: ``[{"ask": ["order", "number"], "say": "Order 417.", "known": false}]`` - what the user tells when asked:
  a question that holds one of the words gets the sentence. ``known`` marks what the first message already said: it is
  repeated on request, but never volunteered.
* ``confirm``: the answer to a request to confirm, e.g. ``"Yes."`` or ``"No."``; ``null`` when there is none.
* ``push``: what the user says to one refusal after the other before giving in, e.g. ``["Please make an exception."]``.
* ``patience``: number of replies after which the user leaves (default 8).
* ``done``: what the user says on leaving content, e.g. ``"Thanks."`` (the default).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.tool_envs.user import User, UserReply

OUT_OF_PATIENCE = "Forget it."
"""What a user says who leaves because the dialogue leads nowhere."""
DO_NOT_KNOW = "I do not know."
DEFAULT_DONE = "Thanks."
DEFAULT_PATIENCE = 8

# A message asks its question at its end, so the end is what is read of a longer one.
MAX_READ_CHARS = 8192

_QUESTION = re.compile(
    r"\?|\b(?:please|kindly|can you|could you)\s+(?:provide|give|tell|share|specify|state|enter|send|let)\b"
    r"|\b(?:tell|give) me\b|\blet me know\b|\bi(?:'ll| will)? need\b"
)
# "I can confirm that it is done" confirms something itself and asks for nothing.
_CONFIRM = re.compile(
    r"(?<!can )(?<!\bi )(?<!happy to )\bconfirm(?:ation)?\b|\bare you sure\b"
    r"|\bis (?:that|this) (?:ok|okay|correct|right|fine)\b"
)
_OFFER = re.compile(r"\bproceed\b|\bgo ahead\b|\b(?:shall|should) i\b|\bwould you like me to\b|\bdo you want me to\b")
_REFUSAL = re.compile(
    r"\bcannot\b|\bcan't\b|\bcan not\b|\bcould not\b|\bcouldn't\b|\bnot (?:be )?(?:allowed|permitted|able|possible|"
    r"eligible|authorized)\b|\bunable\b|\bineligible\b|\brefus(?:e|ed|ing)\b|\bagainst\b[^.?!]{0,40}\bpolic(?:y|ies)\b"
    r"|\bden(?:y|ied)\b|\bdeclined?\b|\b(?:do not|don't|does not|doesn't) (?:allow|permit)\b|\bwon't\b|\bwill not be\b"
)
_CLOSING = re.compile(r"\banything else\b|\bany (?:other|further|more)\b|\bfurther (?:help|assistance)\b")
_SORRY = re.compile(r"\bsorry\b|\bregret\b|\bunfortunately\b")
_DONE = re.compile(
    r"\bdone\b|\bsuccess|\bcompleted?\b|\bprocessed\b|\brefunded\b|\bcancell?ed\b|\bhas been\b|\bhave been\b"
)


@dataclass(slots=True)
class _Fact:
    ask: re.Pattern[str]
    say: str
    told: bool


class ScriptedUser(User):
    """Follows the script in ``task.user``; a task without one has no user, as with :class:`NoUser`.

    In order of precedence: a question for something untold gets it, one fact at a time; a request to confirm gets the
    confirmation; a refusal gets the next push, and when there is none left the user leaves without a word; any other
    question gets what was told before, the next untold fact, or :data:`DO_NOT_KNOW`; any other statement, and the offer
    of anything else, ends the dialogue with ``done``.
    """

    def open(self, task: Task, seed: int) -> None:
        """Take the role.

        Raises:
            BrokenTaskError: ``task.user`` is not a script; the message names the field.
        """
        script = task.user
        self._silent = script is None
        script = script or {"facts": []}
        self._facts = _facts(script.get("facts"))
        self._confirm = _text(script, "confirm", None)
        self._done = _text(script, "done", DEFAULT_DONE) or ""
        self._push = script.get("push", [])
        if not isinstance(self._push, list) or not all(isinstance(line, str) for line in self._push):
            raise BrokenTaskError("user.push must be a list of texts")
        self._patience = script.get("patience", DEFAULT_PATIENCE)
        if not isinstance(self._patience, int) or self._patience < 1:
            raise BrokenTaskError("user.patience must be a whole number of replies, at least 1")
        self._replies = self._pushes = 0

    def reply(self, message: str) -> UserReply | None:
        if self._silent:
            return None
        reply = self._answer(message[-MAX_READ_CHARS:].lower().replace("\u2019", "'"))
        self._replies += 1
        if not reply.stop and self._replies > self._patience:
            return UserReply(OUT_OF_PATIENCE, stop=True)
        return reply

    def _answer(self, message: str) -> UserReply:
        asked = _asking_part(message)
        untold = [fact for fact in self._facts if not fact.told]
        if fact := _best_match(untold, asked):
            return _tell(fact)
        if self._confirm is not None and _CONFIRM.search(message):
            return UserReply(self._confirm)
        if refuses(message):
            return self._push_back()
        if self._confirm is not None and _OFFER.search(message):
            return UserReply(self._confirm)
        if not asked or _CLOSING.search(message):
            return UserReply(self._done, stop=True)
        if fact := _best_match(self._facts, asked) or next(iter(untold), None):
            return _tell(fact)
        return UserReply(DO_NOT_KNOW)

    def _push_back(self) -> UserReply:
        if self._pushes == len(self._push):
            return UserReply("", stop=True)
        self._pushes += 1
        return UserReply(self._push[self._pushes - 1])


def refuses(message: str) -> bool:
    """Whether a lower-case message turns the user down. An apology alone does, unless it reports success."""
    return bool(_REFUSAL.search(message) or (_SORRY.search(message) and not _DONE.search(message)))


def _asking_part(message: str) -> str:
    """The message from the first sentence on that asks for something; empty when none does."""
    question = _QUESTION.search(message)
    if question is None:
        return ""
    return message[max(message.rfind(mark, 0, question.start()) + len(mark) for mark in (". ", "! ", "\n")) :]


def _tell(fact: _Fact) -> UserReply:
    fact.told = True
    return UserReply(fact.say)


def _best_match(facts: list[_Fact], message: str) -> _Fact | None:
    """The fact most of whose words occur in the message, the earlier one on a tie."""
    found = [(len(set(fact.ask.findall(message))), fact) for fact in facts]
    count, best = max(found, key=lambda pair: pair[0], default=(0, None))
    return best if count else None


def _facts(data: Any) -> list[_Fact]:
    if not isinstance(data, list):
        raise BrokenTaskError("user.facts must be a list")
    return [_fact(entry, position) for position, entry in enumerate(data)]


def _fact(entry: Any, position: int) -> _Fact:
    ask = entry.get("ask") if isinstance(entry, dict) else None
    if not isinstance(ask, list) or not ask or not all(isinstance(word, str) and word for word in ask):
        raise BrokenTaskError(f"user.facts[{position}].ask must be a list of words")
    if not isinstance(entry.get("say"), str):
        raise BrokenTaskError(f"user.facts[{position}].say must be a text")
    # "order" also asks in "orders", but "id" does not ask in "did" or "idea".
    words = "|".join(re.escape(word.lower()) for word in ask)
    return _Fact(re.compile(rf"(?<!\w)(?:{words})s?(?!\w)"), entry["say"], bool(entry.get("known", False)))


def _text(script: dict[str, Any], key: str, default: str | None) -> str | None:
    value = script.get(key, default)
    if value is not None and not isinstance(value, str):
        raise BrokenTaskError(f"user.{key} must be a text")
    return value
