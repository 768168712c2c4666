"""The script that simulated users follow: ``task.user``, checked.

All fields are optional, except where a user says otherwise:

* ``facts``: ``[{"ask": ["order", "number"], "say": "Order 417.", "known": false}]`` - what the user tells when asked:
  a question that holds one of the words gets the sentence. ``known`` marks what the first message already said: it is
  repeated on request, but never volunteered. A fact that is ``hidden`` is never told, and needs no ``ask``.
  ``value``, a text or several, is what gives a fact away; by default the numbers, codes and names in ``say``.
* ``confirm``: the answer to a request to confirm, e.g. ``"Yes."`` or ``"No."``; ``null`` when there is none.
* ``push``: what the user says to one refusal after the other before giving in, e.g. ``["Please make an exception."]``.
* ``patience``: number of replies after which the user leaves (default 8).
* ``done``: what the user says on leaving content, e.g. ``"Thanks."`` (the default).
* ``persona``, ``background``, ``goal``, ``strategy``: who the user is, the situation, what is wanted, and how to get
  past a refusal, in prose; for users that can read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import BrokenTaskError

OUT_OF_PATIENCE = "Forget it."
"""What a user says who leaves because the dialogue leads nowhere."""
DEFAULT_DONE = "Thanks."
DEFAULT_PATIENCE = 8
PROSE = ("persona", "background", "goal", "strategy")

_QUOTED = re.compile(r"[\"\u201c]([^\"\u201c\u201d]{1,200})[\"\u201d]")
_CODE = re.compile(r"[^\s,;:!?()\"]*(?:\d|\w[@_]\w)[^\s,;:!?()\"]*")
# Names: capitalised words that do not open a sentence.
_NAME = re.compile(r"(?<=[^\s.!?:])\s+((?:(?!I\b)[^\W\d_a-z][\w-]*)(?:\s+(?!I\b)[^\W\d_a-z][\w-]*)*)")

# Words in another sense than that in which facts are asked for.
_IDIOM = re.compile(r"\bin order (?=to\b|for\b|that\b)|\bout of order\b|\ba (?:great |large |small )?number of\b")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f\uac00-\ud7af]")


@dataclass(slots=True)
class UserFact:
    """Something that the user knows.

    Attributes:
        ask: finds the words that ask for it; ``None`` for what is hidden.
        say: the sentence that tells it.
        values: texts that give it away.
        hidden: never told.
        told: whether it may be said again without telling anything new.
    """

    ask: re.Pattern[str] | None
    say: str
    values: tuple[str, ...]
    hidden: bool
    told: bool


@dataclass(frozen=True, slots=True)
class Script:
    """``task.user``, as the module describes it; :attr:`prose` holds the fields in prose that there are."""

    facts: list[UserFact]
    confirm: str | None
    push: list[str]
    patience: int
    done: str
    prose: dict[str, str]


def read_script(data: dict[str, Any]) -> Script:
    """Check a script.

    Raises:
        BrokenTaskError: naming the field that is wrong.
    """
    facts, push = data.get("facts", []), data.get("push", [])
    if not isinstance(facts, list):
        raise BrokenTaskError("user.facts must be a list")
    if push != [] and not (isinstance(push, list) and is_texts(push)):
        raise BrokenTaskError("user.push must be a list of texts, none of them empty")
    patience = whole_patience(data)
    prose = {name: text for name in PROSE if (text := optional_text(data, name))}
    confirm, done = optional_text(data, "confirm"), optional_text(data, "done", DEFAULT_DONE) or ""
    if confirm is not None and not confirm.strip():
        raise BrokenTaskError("user.confirm must not be empty; write null for no answer")
    read = [_fact(entry, position) for position, entry in enumerate(facts)]
    return Script(read, confirm, push, patience, done, prose)


def asked_for(facts: list[UserFact], message: str) -> list[UserFact]:
    """The facts whose words occur in a message, those with most of them first, earlier ones first on a tie."""
    message = _IDIOM.sub(" ", message)
    counted = [(len(set(fact.ask.findall(message))), fact) for fact in facts if fact.ask]
    return [fact for count, fact in sorted(counted, key=lambda pair: -pair[0]) if count]


def _fact(entry: Any, position: int) -> UserFact:
    where = f"user.facts[{position}]"
    if not isinstance(entry, dict):
        raise BrokenTaskError(f"{where} must be an object with .ask and .say; {where}.ask is missing")
    flags = {name: entry.get(name, False) for name in ("known", "hidden")}
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise BrokenTaskError(f"{where}.{name} must be true or false")
    ask, say = entry.get("ask"), entry.get("say")
    if not (flags["hidden"] and ask is None) and not (is_texts(ask) and isinstance(ask, list)):
        raise BrokenTaskError(f"{where}.ask must be a list of words")
    if not (isinstance(say, str) and say.strip()):
        raise BrokenTaskError(f"{where}.say must be a text, and not empty")
    value = entry.get("value")
    if value is not None and not is_texts(value):
        raise BrokenTaskError(f"{where}.value must be a text or a list of texts")
    values = telling(say) if value is None else (value,) if isinstance(value, str) else tuple(value)
    if flags["hidden"]:
        return UserFact(None, say, values, hidden=True, told=False)
    # "order" also asks in "orders", but "id" does not ask in "did" or "idea".
    words = "|".join(_asking(unicodedata.normalize("NFKC", word).lower()) for word in ask or ())
    return UserFact(re.compile(words), say, values, hidden=False, told=flags["known"])


def _asking(word: str) -> str:
    # Some scripts have no blanks between words.
    return re.escape(word) if _UNSPACED.search(word) else rf"(?<!\w){re.escape(word)}s?(?!\w)"


def telling(say: str) -> tuple[str, ...]:
    """What gives a sentence away: quotations, codes, numbers and names in it, or else all of it."""
    found = [*_QUOTED.findall(say), *(code.strip(".#") for code in _CODE.findall(say)), *named_in(say)]
    return tuple(dict.fromkeys(text for text in found if text.strip())) or (say,)


def named_in(text: str) -> list[str]:
    """Names in a text: capitalised words that do not open a sentence."""
    return _NAME.findall(text)


def whole_patience(data: Mapping[str, Any]) -> int:
    """``patience``, checked.

    Raises:
        BrokenTaskError: it is not a number of replies.
    """
    patience = data.get("patience", DEFAULT_PATIENCE)
    if isinstance(patience, bool) or not isinstance(patience, int) or patience < 1:
        raise BrokenTaskError("user.patience must be a whole number of replies, at least 1")
    return patience


def is_texts(value: Any) -> bool:
    """Whether a field is a text, or a list of them, and none is empty."""
    items = value if isinstance(value, list) else [value]
    return bool(items) and all(isinstance(item, str) and item.strip() for item in items)


def optional_text(script: Mapping[str, Any], key: str, default: str | None = None) -> str | None:
    """A field that may be missing.

    Raises:
        BrokenTaskError: it is no text.
    """
    value = script.get(key, default)
    if value is not None and not isinstance(value, str):
        raise BrokenTaskError(f"user.{key} must be a text")
    return value
