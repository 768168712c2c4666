"""Which call a user's reply permits: the one that it was asked about, and once.

A reply counts where the message before it asks for a confirmation, offers to act or names the tool (every word of its
name), unless that message is about something else: it asks for data of the user's to be confirmed, names another tool
that changes something and not this one, or names an argument's value of another call and not this call's. The last
reply that counts decides, so a later "No." takes back a "Yes.". A message that asks without naming anything is about
whatever follows; so is one that the trajectory does not hold.

Where the user only ever says yes when it has understood that it is asked to (``consent``), its yes is taken for one,
however it was asked, unless the message before it names the record of another call of the same tool and not that of
this one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
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
# Numbers of records have letters in them, or many digits; amounts and dates are written in many ways.
_RECORD = re.compile(r"[^\W\d_]\S*\d|\d\S*[^\W\d_]|\d{5}")


@dataclass(slots=True)
class _Reply:
    text: str
    # What it answers, as the agent wrote it and as it is read; None where the trajectory does not hold the message.
    message: str | None
    question: str | None
    words: str = ""
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
        self._of_tools: dict[str, dict[str, set[str]]] = {}
        names = set(tools)
        for call in calls:
            names.add(call.name)
            for key, value in call.arguments.items():
                self._values.setdefault(key, set()).add(_value(value))
                self._of_tools.setdefault(call.name, {}).setdefault(key, set()).add(_value(value))
        self._writing = {name: _name_words(name) for name in names if not only_reads(name)}

    def hear(self, reply: str, question: str | None) -> None:
        """Note a reply and the message that it answers, as the user read it."""
        text = None if question is None else readable(question)
        self._heard.append(_Reply(reply, question, text, _spaced(text or "")))

    def permits(self, call: ToolCall, reply: str, times: int = 1) -> bool:
        """Whether the user said ``reply`` to this very call, and not to ``times`` others of its tool before."""
        decisive = self._decisive(call)
        return decisive is not None and decisive.text == reply and decisive.used[call.name] < times

    def agrees(self, call: ToolCall, texts: Sequence[str], times: int = 1) -> bool:
        """Whether the user has agreed by one of some texts, and not to ``times`` others of the call's tool before."""
        found = self._agreement(call, texts)
        return found is not None and found.used[call.name] < times

    def use(self, call: ToolCall, texts: Sequence[str] = ()) -> None:
        """Note that a call was made on the strength of the reply that decides about it."""
        decisive = self._agreement(call, texts) if texts else self._decisive(call)
        if decisive is not None:
            decisive.used[call.name] += 1

    def _agreement(self, call: ToolCall, texts: Sequence[str]) -> _Reply | None:
        records = {
            key: {value for value in values if _RECORD.search(value)}
            for key, values in self._of_tools.get(call.name, {}).items()
        }
        for reply in reversed(self._heard):
            if any(_says(reply.text, text) for text in texts) and not _names_another(reply.words, call, records):
                return reply
        return None

    def _decisive(self, call: ToolCall) -> _Reply | None:
        return next((reply for reply in reversed(self._heard) if self._is_about(reply, call)), None)

    def _is_about(self, reply: _Reply, call: ToolCall) -> bool:
        question = reply.question
        if question is None or reply.message is None:
            return True
        named = _names(reply.words, _name_words(call.name))
        asks = offers(question) or (
            # As users of either register hear it.
            (asks_to_confirm(question) or wants_agreement(reply.message)) and (named or not _DATA.search(question))
        )
        if not (asks or (named and not _PAST.search(question))):
            return False
        others = (words for name, words in self._writing.items() if name != call.name)
        if not named and any(_names(reply.words, words) for words in others):
            return False
        return not _names_another(reply.words, call, self._values)


def _names_another(words: str, call: ToolCall, values: Mapping[str, Collection[str]]) -> bool:
    """Whether words hold a value of some argument of a call's and not the call's own."""
    for key, given in call.arguments.items():
        others = (value for value in values.get(key, ()) if len(value) >= _LEAST_VALUE_CHARS)
        if f" {_value(given)} " not in words and any(f" {value} " in words for value in others):
            return True
    return False


def _says(reply: str, text: str) -> bool:
    """Whether a reply holds a text, from one end of a sentence to another."""
    place = reply.find(text)
    before, after = reply[:place].rstrip(), reply[place + len(text) :]
    return place >= 0 and (not before or before[-1] in ".!?") and (not after or after[0].isspace())


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
