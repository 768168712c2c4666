"""Which call a user's reply permits: the one that it was asked about, and once.

A reply counts where the message before it asks for a confirmation, offers to act or names the tool (every word of its
name), unless that message is about something else: it asks for data of the user's to be confirmed, names another tool
that changes something and not this one, or names an argument's value of another call and not this call's. The last
reply that counts decides, so a later "No." takes back a "Yes.". A message that asks without naming anything is about
whatever follows; so is one that the trajectory does not hold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.core.canonical import only_reads
from verl_agentic.core.trajectory import ToolCall
from verl_agentic.tool_envs.users.hearing.ears import wants_agreement
from verl_agentic.tool_envs.users.message_acts import asks_to_confirm, offers, readable

_WORD = re.compile(r"[^\W_]+")
_NAME_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_PAST = re.compile(r"\b(?:did|have|has|had|were|was) (?:you|your|it|the)\b")
_DATA = re.compile(
    r"\bconfirm(?:ing|ation of)? (?:that |if |whether )?(?:your|the|this|it)\b[^.?!]{0,40}"
    r"\b(?:number|id|name|e-?mail|address|birth\w*|identity|phone|account|details)\b"
)
_LEAST_VALUE_CHARS = 2


@dataclass(slots=True)
class _Reply:
    text: str
    # None where the trajectory does not hold the message.
    question: str | None
    words: str = ""
    # As users of the natural register hear it.
    wants_yes: bool = False
    used: Counter[str] = field(default_factory=Counter)


class Confirmations:
    """What the user replied so far in one dialogue, and what that permits.

    Args:
        calls: all calls of the dialogue.
        tools: names of further tools that the task knows.
    """

    def __init__(self, calls: Iterable[ToolCall], tools: Iterable[str] = ()) -> None:
        self._heard: list[_Reply] = []
        self._values: dict[str, set[str]] = {}
        names = set(tools)
        for call in calls:
            names.add(call.name)
            for key, value in call.arguments.items():
                self._values.setdefault(key, set()).add(_value(value))
        self._writing = {name: _name_words(name) for name in names if not only_reads(name)}

    def hear(self, reply: str, question: str | None) -> None:
        """Note a reply and the message that it answers, as the user read it."""
        text = None if question is None else readable(question)
        wants_yes = question is not None and wants_agreement(question)
        self._heard.append(_Reply(reply, text, _spaced(text or ""), wants_yes))

    def permits(self, call: ToolCall, reply: str, times: int = 1) -> bool:
        """Whether the user said ``reply`` to this very call, and not to ``times`` others of its tool before."""
        decisive = self._decisive(call)
        return decisive is not None and decisive.text == reply and decisive.used[call.name] < times

    def use(self, call: ToolCall) -> None:
        """Note that a call was made on the strength of the reply that decides about it."""
        decisive = self._decisive(call)
        if decisive is not None:
            decisive.used[call.name] += 1

    def _decisive(self, call: ToolCall) -> _Reply | None:
        return next((reply for reply in reversed(self._heard) if self._is_about(reply, call)), None)

    def _is_about(self, reply: _Reply, call: ToolCall) -> bool:
        question = reply.question
        if question is None:
            return True
        named = _names(reply.words, _name_words(call.name))
        confirms = reply.wants_yes or asks_to_confirm(question)
        asks = offers(question) or (confirms and (named or not _DATA.search(question)))
        if not (asks or (named and not _PAST.search(question))):
            return False
        others = (words for name, words in self._writing.items() if name != call.name)
        if not named and any(_names(reply.words, words) for words in others):
            return False
        for key, given in call.arguments.items():
            own = _value(given)
            if f" {own} " not in reply.words and any(
                f" {value} " in reply.words for value in self._values.get(key, ()) if len(value) >= _LEAST_VALUE_CHARS
            ):
                return False
        return True


def _value(value: Any) -> str:
    """An argument's value as words, empty where nobody would say it."""
    is_plain = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return _spaced(str(value)).strip() if is_plain else ""


def _spaced(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _name_words(name: str) -> list[str]:
    # "cancel" is named by "cancelling", too.
    words = [part.lower() for part in _NAME_PART.findall(name)]
    return [word if len(word) <= 4 else word[:-1] for word in words]


def _names(text: str, words: list[str]) -> bool:
    return bool(words) and all(f" {word}" in text for word in words)
