"""Operators about records: numbers that the user does not have, and records that look like the right one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from verl_agentic.core import BrokenTaskError, FailureKind
from verl_agentic.domains.rules import PLACEHOLDER
from verl_agentic.domains.workflows import DomainFact
from verl_agentic.synthesis.domains.cases import shown
from verl_agentic.synthesis.domains.compile import TaskDraft
from verl_agentic.synthesis.domains.operators import DeskOperator
from verl_agentic.synthesis.domains.second import key_facts, person_of
from verl_agentic.synthesis.domains.walk import ID_ENDS, WrongTurnError, walk_workflow
from verl_agentic.synthesis.domains.world import open_world
from verl_agentic.tool_envs.base import ToolError
from verl_agentic.tool_envs.world.world import DatabaseWorld

_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_MOST_LOOKUPS = 2


class _Found(NamedTuple):
    """Where a number can be looked up: by which calls beside those of the plan, and what tells it from the others."""

    calls: tuple[dict[str, Any], ...]
    words: str
    say: tuple[str, ...]


class ForgottenNumber(DeskOperator):
    """The user does not have a number at hand, and describes what it stands for: it must be found among others."""

    name: ClassVar[str] = "forgotten"
    aims_at: ClassVar[frozenset[FailureKind]] = frozenset({FailureKind.MISSING_CALL, FailureKind.TOOL_MISUSE})
    DATED: ClassVar[tuple[str, ...]] = (
        "I do not have the {what} here. It must be the one with the date {value}.",
        "I cannot find the {what}, sorry. {value} is the date that belongs to it.",
        "No idea what the {what} is. I only know the date: {value}.",
        "I have lost the {what}. It is the one with {value} on it, the date.",
    )
    PRICED: ClassVar[tuple[str, ...]] = (
        "I do not have the {what} here. It is the one where it says {value}, the amount I mean.",
        "I cannot find the {what}, sorry. The amount was {value}.",
        "No idea what the {what} is. I only remember the amount, {value}.",
    )
    NAMED: ClassVar[tuple[str, ...]] = (
        "I do not have the {what} here. It is the one that says {value}.",
        "I cannot find the {what}, sorry. {value}, that is the one I mean.",
        "No idea what the {what} is. It is the one with {value}.",
        "The {what}? I never wrote that down. It says {value} on it.",
    )

    def prepare(self, draft: TaskDraft) -> None:
        numbers = {fact.name for fact in key_facts(draft.edition, draft.request.workflow)}
        if not numbers:
            raise BrokenTaskError("the user is asked for no number of a record")
        open_ones = [want for want in draft.request.workflow.wants if not numbers & set(PLACEHOLDER.findall(want))]
        if not open_ones:
            raise BrokenTaskError("every first message tells the number")
        if draft.want not in open_ones:
            draft.want = draft.rng.choice(open_ones)

    def apply(self, draft: TaskDraft) -> None:
        for fact in key_facts(draft.edition, draft.request.workflow):
            entry = next(one for one in draft.script["facts"] if one["name"] == fact.name)
            used = _first_use(draft.plan, entry["value"])
            if entry["known"] or "mistaken" in entry or used is None:
                continue
            if any(entry["value"] in say for one in draft.script["facts"] if one is not entry for say in one["say"]):
                continue
            found = self._found(draft, fact, entry["value"], used)
            if found is None:
                continue
            number = entry["value"]
            entry |= {"say": list(found.say), "value": found.words}
            draft.script["expects"] = [*draft.script["expects"], number]
            draft.plan[used:used] = found.calls
            return
        raise BrokenTaskError("no number can be looked up by what the user knows")

    def _found(self, draft: TaskDraft, fact: DomainFact, value: str, used: int) -> _Found | None:
        world = open_world(draft.edition, draft.case.patch)
        try:
            known = _Known(draft)
            replies = []
            for step in draft.plan[:used]:
                known.hear(step.get("ask", ()))
                if "call" in step:
                    replies.append(known.call(world, step))
            described = _description(replies, value)
            if described is not None:
                return self._words(draft, fact, (), described)
            before: list[dict[str, Any]] = []
            for _ in range(_MOST_LOOKUPS):
                for call in known.possible(value):
                    described = _description(known.call(world, call), value)
                    if described is not None:
                        return self._words(draft, fact, (*before, call), described)
                closer = known.closer()
                if closer is None:
                    return None
                before.append(closer)
        finally:
            world.close()
        return None

    def _words(
        self, draft: TaskDraft, fact: DomainFact, calls: tuple[dict[str, Any], ...], described: tuple[str, Any]
    ) -> _Found:
        value = described[1]
        words = shown(value)
        says = self.DATED if _ISO.match(words) else self.PRICED if isinstance(value, int | float) else self.NAMED
        filled = [one.replace("{what}", fact.ask[0]).replace("{value}", words) for one in says]
        draft.rng.shuffle(filled)
        return _Found(calls, words, tuple(filled))


class _Known:
    """What is known before a number is: the facts that were told, and the fields of what was read, by their names."""

    def __init__(self, draft: TaskDraft) -> None:
        self._tools = [tool for tool in draft.edition.domain.tools.values() if not tool.writes]
        draft.rng.shuffle(self._tools)
        self._facts = {one["name"]: one["value"] for one in draft.script["facts"]}
        self._values: dict[str, Any] = {}
        self._own: list[Any] = []
        self._tried: list[tuple[dict[str, Any], Any]] = []
        self.hear(draft.known)

    def hear(self, facts: Iterable[str]) -> None:
        """The user tells facts."""
        told = {name: self._facts[name] for name in facts if name in self._facts}
        self._values |= told
        self._own += told.values()

    def call(self, world: DatabaseWorld, call: Mapping[str, Any]) -> Any:
        """The reply to a call, ``None`` where it is refused; its fields are known from now on."""
        try:
            reply = json.loads(world.call(call["call"], call["arguments"]))
        except (ToolError, ValueError):
            return None
        self._tried.append((dict(call), reply))
        return reply

    def possible(self, hidden: str) -> Iterator[dict[str, Any]]:
        """Calls of tools that read, by what is known and without what is not."""
        fields = dict(self._values)
        for _, reply in self._tried:
            fields |= dict(_fields(reply))
        for tool in self._tools:
            needed = [one.name for one in tool.arguments if not one.optional]
            optional = [one.name for one in tool.arguments if one.optional and one.name in self._values]
            names = needed or optional[:1]
            arguments = {name: fields[name] for name in names if fields.get(name) is not None}
            call = {"call": tool.name, "arguments": arguments}
            complete = names and len(arguments) == len(names) and hidden not in arguments.values()
            if complete and all(call != tried for tried, _ in self._tried):
                yield call

    def closer(self) -> dict[str, Any] | None:
        """The call that found the user, if it was tried and is not yet part of the way."""
        for call, reply in self._tried:
            if all(value in self._own for value in call["arguments"].values()) and isinstance(reply, dict):
                self._own += [value for _, value in _fields(reply)]
                return call
        return None


class Lookalikes(DeskOperator):
    """The customer has more records of the kind that the request is about."""

    name: ClassVar[str] = "lookalikes"
    aims_at: ClassVar[frozenset[FailureKind]] = frozenset({FailureKind.WRONG_STATE, FailureKind.FORBIDDEN_CALL})
    MOST: ClassVar[int] = 3
    TRIES: ClassVar[int] = 4

    def prepare(self, draft: TaskDraft) -> None:
        person = draft.case.rows.get(person_of(draft.edition, draft.request.workflow))
        if person is None:
            raise BrokenTaskError("the case is about nobody")
        table = draft.edition.domain.tables[_table_of(draft)]
        for _ in range(self.TRIES):
            patch = self._patch(draft, table.name, person[table.key])
            if patch and self._is_same(draft, patch):
                draft.case.patch = patch
                return
        raise BrokenTaskError("more records of the customer would change what is decided, or cannot be seen")

    def apply(self, draft: TaskDraft) -> None:
        pass

    def _patch(self, draft: TaskDraft, people: str, person: Any) -> list[dict[str, Any]]:
        """The case's patch, and some records of others that are this customer's now."""
        tables = draft.edition.domain.tables
        taken = {(one["table"], next(iter(one["where"].values()))) for one in draft.case.patch}
        taken |= {(row.table, draft.case.rows[row.name][tables[row.table].key]) for row in _rows(draft)}
        choices = []
        for name in dict.fromkeys(row.table for row in _rows(draft)):
            owner = next((column for column, table in tables[name].references.items() if table == people), None)
            if owner is not None:
                choices.append((tables[name], owner))
        if not choices:
            return []
        table, owner = draft.rng.choice(choices)
        others = [
            row
            for row in draft.edition.rows[table.name]
            if row[owner] != person and (table.name, row[table.key]) not in taken
        ]
        chosen = draft.rng.sample(others, min(len(others), draft.rng.randint(2, self.MOST)))
        return [
            *draft.case.patch,
            *(
                {"table": table.name, "op": "update", "where": {table.key: row[table.key]}, "set": {owner: person}}
                for row in chosen
            ),
        ]

    def _is_same(self, draft: TaskDraft, patch: list[dict[str, Any]]) -> bool:
        """Whether the right course is what it was, and some reply of it shows more."""
        world = open_world(draft.edition, patch)
        try:
            walk = walk_workflow(
                draft.request.workflow, draft.edition, world, draft.case.facts, wanted=draft.request.leaf
            )
        except (WrongTurnError, BrokenTaskError):
            return False
        finally:
            world.close()
        before = draft.walk
        if (walk.evidence, walk.told, walk.changes) != (before.evidence, before.told, before.changes):
            return False
        words = {str(value) for value in draft.case.facts.values()} | set(draft.case.words.values())
        more = [_told_apart(one.reply, other.reply, words) for one, other in zip(before.calls, walk.calls, strict=True)]
        return any(more) and False not in more


def _first_use(plan: list[dict[str, Any]], value: str) -> int | None:
    return next((place for place, step in enumerate(plan) if value in step.get("arguments", {}).values()), None)


def _fields(replies: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of all plain fields in replies."""
    if isinstance(replies, dict):
        for name, value in replies.items():
            if isinstance(value, dict | list):
                yield from _fields(value)
            else:
                yield name, value
    elif isinstance(replies, list):
        for one in replies:
            yield from _fields(one)


def _description(reply: Any, key: str) -> tuple[str, Any] | None:
    """Where an object of a list in a reply holds ``key``, a field that only this object has in this form."""
    if isinstance(reply, dict):
        return next((found for one in reply.values() if (found := _description(one, key)) is not None), None)
    if not isinstance(reply, list):
        return None
    objects = [one for one in reply if isinstance(one, dict)]
    mine = next((one for one in objects if key in one.values()), None)
    if mine is not None:
        others = [shown(value) for one in objects if one is not mine for value in one.values()]
        for name, value in mine.items():
            if value != key and _is_telling(name, value) and shown(value) not in others:
                return name, value
        return None
    return next((found for one in reply if (found := _description(one, key)) is not None), None)


def _told_apart(before: Any, after: Any, words: set[str]) -> bool | None:
    """Whether the objects that lists of a reply hold in addition cannot be meant by what the user says.

    ``None`` where there are none.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        found = [_told_apart(before[key], after[key], words) for key in before.keys() & after.keys()]
    elif isinstance(before, list) and isinstance(after, list):
        new = [one for one in after if one not in before]
        if new and len(after) > len(before):
            meant = any(words & _values(one) for one in before)
            return meant and not any(words & _values(one) for one in new)
        found = [_told_apart(one, other, words) for one, other in zip(before, after, strict=False)]
    else:
        return None
    return False if False in found else (True if True in found else None)


def _values(record: Any) -> set[str]:
    return {shown(value) for _, value in _fields(record)} | {str(value) for _, value in _fields(record)}


def _is_telling(name: str, value: Any) -> bool:
    """Whether people would know a record by such a field."""
    if isinstance(value, bool) or name.endswith((*ID_ENDS, "status")):
        return False
    if isinstance(value, int | float):
        return name.rsplit("_", maxsplit=1)[-1] in ("total", "amount", "price", "fee", "cost", "value")
    text = str(value)
    return bool(_ISO.fullmatch(text[:10])) or (len(text) > 3 and any(letter.isalpha() for letter in text))


def _rows(draft: TaskDraft) -> list[Any]:
    own = person_of(draft.edition, draft.request.workflow)
    return [row for row in draft.request.workflow.case if row.name in draft.case.rows and row.name != own]


def _table_of(draft: TaskDraft) -> str:
    own = person_of(draft.edition, draft.request.workflow)
    return next(row.table for row in draft.request.workflow.case if row.name == own)
