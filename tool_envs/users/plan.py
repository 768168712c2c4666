"""The script of the natural register: ``task.user`` with ``"hearing": "natural"``, checked.

What :mod:`verl_agentic.tool_envs.users.script` describes stays valid. Such a user hears messages as real models write
them, tells all facts that one message asks for in one reply, and has more of a life. All fields are optional:

* ``facts``: an entry has a unique ``name`` besides; ``say`` may be a list of wordings, one for each time it is told;
  ``mistaken: {"say": "...", "value": "..."}`` is what the user says at first by mistake
  (in the first message, where the fact is ``known``) until the agent cannot find it, doubts it or asks again;
  ``offer`` says that it answers an offer of the agent, true where that is accepted: told to whatever is offered.
* ``confirm``: the answer to a request to confirm. ``change: {"say": "...", "facts": [...]}``: at the first such request
  the user changes its mind and says this instead; its facts replace those of the same name.
* ``push``: texts against refusals, one after the other; then the user leaves, saying ``gives_up``.
* ``next``: further requests ``[{"say": "...", "facts": [...], "confirm": "...", "push": [...]}]``, said one after the
  other once the agent is through with the one before: it carried it out, refused it to the end, or asks for anything
  else. Facts add up. ``change``, ``gives_up`` and ``done`` may stand here, too.
* ``actions``: what only the user can do, ``[{"name": "restart_router", "ask": [["restart", "reboot"], ["router"]],
  "call": {"name": "restart_router", "arguments": {}}, "say": "Done. {result}"}]``: an instruction or question with one
  word of every group makes the user do it. The environment runs the call in the user's name and fills the gaps of
  ``say`` from what it replies.
* ``lines``: how this user says ``wait``, ``unknown``, ``unclear`` and ``out_of_patience``, each a list of texts.
* ``expects``: texts that the agent may name though they look like a fact of another value: a new date, a fee.
* ``outcome``: how the request ends if the agent is right, ``allow``, ``deny`` or ``transfer``: of a message that both
  refuses something and reports something, the user takes that for the answer.
* ``question``: the request is a question, answered by telling one of ``expects``.
* ``declines``: ``confirm`` is a no, behind which the user wants nothing any more: it leaves, saying ``done``.
* ``done``, ``patience``, ``persona``, ``background``, ``goal``, ``strategy``: as ever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.tool_envs.users.base import UserCall
from verl_agentic.tool_envs.users.script import (
    DEFAULT_DONE,
    OUT_OF_PATIENCE,
    PROSE,
    is_texts,
    optional_text,
    telling,
    whole_patience,
)

NATURAL = "natural"
"""The value of ``hearing`` that makes a script one of the natural register."""

LINES: Mapping[str, tuple[str, ...]] = {
    "wait": ("Okay, I will wait.",),
    "unknown": ("I do not know.",),
    "unclear": ("So is that done now?",),
    "out_of_patience": (OUT_OF_PATIENCE,),
}
"""What is said where a script has no ``lines`` of its own."""


@dataclass(frozen=True, slots=True)
class PlannedFact:
    """Something that the user knows.

    Attributes:
        name: unique in the script.
        ask: words that ask for it, none for what is hidden.
        say: wordings that tell it, the first for the first time.
        values: texts that give it away.
        known: whether the first message told it.
        hidden: never told.
        slip: what the user says at first by mistake, ``None`` where it is not mistaken.
        slip_values: what the mistake says in place of ``values``.
        offer: whether what it answers, an offer of the agent, is accepted; ``None`` where it answers none.
    """

    name: str
    ask: tuple[str, ...]
    say: tuple[str, ...]
    values: tuple[str, ...]
    known: bool = False
    hidden: bool = False
    slip: str | None = None
    slip_values: tuple[str, ...] = ()
    offer: bool | None = None


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """Something that only the user can do.

    Attributes:
        name: unique in the script.
        ask: groups of words, one of each of which an instruction holds.
        call: what is run in the user's name, with what the user says of it.
    """

    name: str
    ask: tuple[tuple[str, ...], ...]
    call: UserCall


@dataclass(frozen=True, slots=True)
class ChangeOfMind:
    """What the user says instead of confirming, and the facts that hold from then on."""

    say: str
    facts: tuple[PlannedFact, ...]


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One thing that the user wants; ``say`` is empty for the first, which the dialogue opens with."""

    say: str
    facts: tuple[PlannedFact, ...]
    confirm: str | None
    change: ChangeOfMind | None
    push: tuple[str, ...]
    gives_up: str
    done: str
    expects: tuple[str, ...] = ()
    declines: bool = False
    outcome: str = ""
    question: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A script of the natural register, as the module describes it; :attr:`prose` holds the fields in prose."""

    requests: tuple[PlannedRequest, ...]
    actions: tuple[PlannedAction, ...]
    lines: Mapping[str, tuple[str, ...]]
    patience: int
    prose: Mapping[str, str] = field(default_factory=dict)

    def facts(self) -> list[PlannedFact]:
        """All facts of all requests, those of a change of mind among them."""
        found: list[PlannedFact] = []
        for request in self.requests:
            found += request.facts
            found += request.change.facts if request.change else ()
        return found


def is_natural(script: Mapping[str, Any] | None) -> bool:
    """Whether a script is one of the natural register.

    Raises:
        BrokenTaskError: it asks for hearing that there is not.
    """
    hearing = (script or {}).get("hearing")
    if hearing is not None and hearing != NATURAL:
        raise BrokenTaskError(f'user.hearing must be "{NATURAL}", or left out')
    return hearing == NATURAL


def read_plan(data: Mapping[str, Any]) -> Plan:
    """Check a script.

    Raises:
        BrokenTaskError: naming the field that is wrong.
    """
    first = _request(data, "user", say="", confirm=None, done=DEFAULT_DONE)
    later = _list(data, "next", "user")
    requests = [first]
    for position, entry in enumerate(later):
        where = f"user.next[{position}]"
        if not (isinstance(entry, dict) and isinstance(entry.get("say"), str) and entry["say"].strip()):
            raise BrokenTaskError(f"{where} must be an object with .say, a text")
        requests.append(_request(entry, where, say=entry["say"], confirm=first.confirm, done=first.done))
    actions = tuple(_action(entry, f"user.actions[{i}]") for i, entry in enumerate(_list(data, "actions", "user")))
    _unique([action.name for action in actions], "user.actions")
    prose = {name: text for name in PROSE if (text := optional_text(data, name))}
    return Plan(tuple(requests), actions, _lines(data), whole_patience(data), prose)


def _request(data: Mapping[str, Any], where: str, *, say: str, confirm: str | None, done: str) -> PlannedRequest:
    facts = _facts(data, where)
    push = data.get("push") or []
    if push and not (isinstance(push, list) and is_texts(push)):
        raise BrokenTaskError(f"{where}.push must be a list of texts, none of them empty")
    return PlannedRequest(
        say=say,
        facts=facts,
        confirm=_said(data, f"{where}.confirm", confirm),
        change=_change(data.get("change"), f"{where}.change"),
        push=tuple(push),
        gives_up=_said(data, f"{where}.gives_up", None) or "",
        done=_done(data, f"{where}.done", done),
        expects=_expects(data, where),
        declines=_flag(data, "declines", where),
        outcome=_outcome(data, where),
        question=_flag(data, "question", where),
    )


def _expects(data: Mapping[str, Any], where: str) -> tuple[str, ...]:
    found = data.get("expects") or []
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise BrokenTaskError(f"{where}.expects must be a list of texts")
    return tuple(text for text in found if text.strip())


def _facts(data: Mapping[str, Any], where: str) -> tuple[PlannedFact, ...]:
    entries = _list(data, "facts", where)
    facts = tuple(_fact(entry, f"{where}.facts[{i}]", default=f"fact_{i}") for i, entry in enumerate(entries))
    _unique([fact.name for fact in facts], f"{where}.facts")
    return facts


def _fact(entry: Any, where: str, *, default: str) -> PlannedFact:
    if not isinstance(entry, dict):
        raise BrokenTaskError(f"{where} must be an object with .ask and .say")
    known, hidden = _flag(entry, "known", where), _flag(entry, "hidden", where)
    ask, say, value = entry.get("ask"), entry.get("say"), entry.get("value")
    if not (hidden and ask is None) and not (isinstance(ask, list) and is_texts(ask)):
        raise BrokenTaskError(f"{where}.ask must be a list of words")
    if not is_texts(say):
        raise BrokenTaskError(f"{where}.say must be a text or a list of texts, none of them empty")
    says = tuple(say) if isinstance(say, list) else (say,)
    slip, slip_values = _slip(entry.get("mistaken"), f"{where}.mistaken")
    if not isinstance(offer := entry.get("offer"), bool | None):
        raise BrokenTaskError(f"{where}.offer must be true or false, or left out")
    return PlannedFact(
        name=_name(entry, where, default),
        ask=() if hidden else tuple(ask or ()),
        say=says,
        values=_values(value, says, f"{where}.value"),
        known=known,
        hidden=hidden,
        slip=slip,
        slip_values=slip_values,
        offer=offer,
    )


def _outcome(data: Mapping[str, Any], where: str) -> str:
    value = data.get("outcome", "")
    if value not in ("", "allow", "deny", "transfer"):
        raise BrokenTaskError(f"{where}.outcome must be allow, deny or transfer, or left out")
    return str(value)


def _flag(data: Mapping[str, Any], name: str, where: str) -> bool:
    value = data.get(name, False)
    if not isinstance(value, bool):
        raise BrokenTaskError(f"{where}.{name} must be true or false")
    return value


def _slip(entry: Any, where: str) -> tuple[str | None, tuple[str, ...]]:
    if entry is None:
        return None, ()
    if not (isinstance(entry, dict) and isinstance(entry.get("say"), str) and entry["say"].strip()):
        raise BrokenTaskError(f"{where} must be an object with .say, a text, and .value")
    return entry["say"], _values(entry.get("value"), (entry["say"],), f"{where}.value")


def _values(value: Any, says: Sequence[str], where: str) -> tuple[str, ...]:
    if value is None:
        return tuple(dict.fromkeys(text for say in says for text in telling(say)))
    if not is_texts(value):
        raise BrokenTaskError(f"{where} must be a text or a list of texts")
    return tuple(value) if isinstance(value, list) else (value,)


def _change(entry: Any, where: str) -> ChangeOfMind | None:
    if entry is None:
        return None
    if not (isinstance(entry, dict) and isinstance(entry.get("say"), str) and entry["say"].strip()):
        raise BrokenTaskError(f"{where} must be an object with .say, a text, and .facts")
    return ChangeOfMind(entry["say"], _facts(entry, where))


def _action(entry: Any, where: str) -> PlannedAction:
    if not isinstance(entry, dict):
        raise BrokenTaskError(f"{where} must be an object with .name, .ask, .call and .say")
    ask, call, say = entry.get("ask"), entry.get("call"), entry.get("say")
    if not (isinstance(ask, list) and ask and all(isinstance(group, list) and is_texts(group) for group in ask)):
        raise BrokenTaskError(f"{where}.ask must be a list of groups, each a list of words")
    if not (isinstance(call, dict) and isinstance(call.get("name"), str) and call["name"]):
        raise BrokenTaskError(f"{where}.call must be an object with .name and .arguments")
    arguments = call.get("arguments", {})
    if not isinstance(arguments, dict):
        raise BrokenTaskError(f"{where}.call.arguments must be an object")
    if not (isinstance(say, str) and say.strip()):
        raise BrokenTaskError(f"{where}.say must be a text, and not empty")
    return PlannedAction(
        name=_name(entry, where, None),
        ask=tuple(tuple(group) for group in ask),
        call=UserCall(call["name"], json.loads(json.dumps(arguments)), say),
    )


def _name(entry: Mapping[str, Any], where: str, default: str | None) -> str:
    name = entry.get("name", default)
    if not (isinstance(name, str) and name.strip()):
        raise BrokenTaskError(f"{where}.name must be a text, and not empty")
    return name


def _unique(names: Sequence[str], where: str) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise BrokenTaskError(f"{where}[{position}].name is {name!r} again; every entry needs one of its own")


def _lines(data: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    given = data.get("lines") or {}
    if not isinstance(given, dict):
        raise BrokenTaskError("user.lines must be an object: lists of texts by what they are for")
    for name, texts in given.items():
        if name not in LINES:
            raise BrokenTaskError(f"user.lines.{name} is not one of {', '.join(LINES)}")
        if not (isinstance(texts, list) and is_texts(texts)):
            raise BrokenTaskError(f"user.lines.{name} must be a list of texts, none of them empty")
    return {name: tuple(given.get(name, default)) for name, default in LINES.items()}


def _list(data: Mapping[str, Any], name: str, where: str) -> list[Any]:
    entries = data.get(name) or []
    if not isinstance(entries, list):
        raise BrokenTaskError(f"{where}.{name} must be a list")
    return entries


def _done(data: Mapping[str, Any], where: str, default: str) -> str:
    value = data.get("done", default)
    if not isinstance(value, str):
        raise BrokenTaskError(f"{where} must be a text")
    return value


def _said(data: Mapping[str, Any], where: str, default: str | None) -> str | None:
    """A text that may be missing, and is not empty where it stands."""
    value = data.get(where.rpartition(".")[2], default)
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise BrokenTaskError(f"{where} must be a text, and not empty")
    return value
