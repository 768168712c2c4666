"""When two tool calls count as the same."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_READING = """
browse calculate check compare count describe estimate evaluate fetch find get inspect list look lookup query
read retrieve search show track validate verify view
"""
# Arguments that a person words freely, and those that only bound how much is shown: they do not tell calls apart.
_WORDED = """
body comment comments content description detail details explanation finding findings interpretation
justification message note notes rationale reason regimen remarks subject summary terms text transcription
"""
_READ_VERBS = frozenset(_READING.split())
_TEXT_WORDS = frozenset(_WORDED.split())
_BOUND_NAMES = {"limit", "max_results", "num_results", "offset", "page", "page_size", "per_page", "top_k"}
_TEXT_WORD_COUNT = 6
_TEXT_CHARS = 60

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,30})(?:\.\d{1,30})?")
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\d)[t ](\d\d:\d\d)(:\d\d)?(?:\.0+)?(z|[+-]\d\d:\d\d)?")
_MAX_EMBEDDED_CHARS = 20_000
_MAX_EMBEDDED_BRACKETS = 128


def canonical(value: Any) -> Any:
    """JSON data in the form in which equal meanings are equal: scalars as text, objects without nulls.

    Case, runs of whitespace and underscores, a leading ``#``, number against numeric text, JSON written as text and
    the order of a list of texts do not matter; leading zeros do.
    """
    if isinstance(value, dict):
        return {str(key): canonical(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        items = [canonical(item) for item in value]
        texts = all(isinstance(item, str) for item in (*value, *items))
        return sorted(items) if texts else items
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return _canonical_number(value)
    return _canonical_text(str(value))


def same_value(first: Any, second: Any) -> bool:
    """Whether two argument values mean the same (see :func:`canonical`)."""
    return bool(canonical(first) == canonical(second))


def is_free_text(value: Any) -> bool:
    """Whether an argument's value is prose, of which no two writers write the same."""
    return isinstance(value, str) and (len(value) > _TEXT_CHARS or len(value.split()) > _TEXT_WORD_COUNT)


def only_reads(tool: str) -> bool:
    """Whether a tool, going by the verb its name starts with, changes nothing."""
    return re.split(r"[_\W]|(?<=[a-z])(?=[A-Z])", tool, maxsplit=1)[0].lower() in _READ_VERBS


def arguments_agree(tool: str, called: Any, recorded: Any) -> bool:
    """Whether a called argument value is the recorded one.

    For tools that only read, a name that merely says more or less ("Maury", "Maury County") is the same too.
    """
    if same_value(called, recorded):
        return True
    if not (only_reads(tool) and isinstance(called, str) and isinstance(recorded, str)):
        return False
    first, second = (set(_WORD.findall(text.casefold())) for text in (called, recorded))
    smaller = min(first, second, key=len)
    named = any(len(word) > 3 for word in smaller) and not any(char.isdigit() for char in called + recorded)
    return named and (first <= second or second <= first)


@dataclass(frozen=True, slots=True)
class ToolSignature:
    """Which arguments of a tool tell its calls apart.

    Attributes:
        name: the tool's name.
        loose: arguments that do not: free text and bounds on how much is shown.
        required: arguments that its schema requires.
    """

    name: str
    loose: frozenset[str]
    required: frozenset[str]

    @classmethod
    def of(cls, function: dict[str, Any], recorded: Iterable[dict[str, Any]]) -> ToolSignature:
        """From a tool's schema (``{"name": ..., "parameters": ...}``) and the arguments recorded for it."""
        parameters = function.get("parameters") or {}
        properties: dict[str, Any] = parameters.get("properties") or {}
        prose = {key for arguments in recorded for key, value in arguments.items() if is_free_text(value)}
        loose = {
            key
            for key, schema in properties.items()
            if key in _BOUND_NAMES
            or ((key in prose or _TEXT_WORDS & set(key.lower().split("_"))) and "enum" not in schema)
        }
        return cls(str(function["name"]), frozenset(loose), frozenset(parameters.get("required") or ()))

    def decisive(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments that tell calls of this tool apart."""
        return {key: value for key, value in arguments.items() if key not in self.loose and value is not None}

    def agree(self, called: dict[str, Any], recorded: dict[str, Any]) -> bool:
        """Whether a call is the recorded one, free text aside.

        A tool that only reads may be called with fewer or more of its optional arguments, as long as one is shared;
        to one that writes, every argument counts.
        """
        mine, theirs = self.decisive(called), self.decisive(recorded)
        shared = mine.keys() & theirs.keys()
        if not all(arguments_agree(self.name, mine[key], theirs[key]) for key in shared):
            return False
        if mine.keys() == theirs.keys():
            return True
        return only_reads(self.name) and bool(shared) and not (self.required & (mine.keys() ^ theirs.keys()))


def _canonical_number(value: int | float) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    # Python refuses to write integers of thousands of digits; no recording holds one, so they are all alike.
    return repr(value) if isinstance(value, float) or abs(value) < 10**100 else "huge"


def _canonical_text(text: str) -> Any:
    text = re.sub(r"[\s_]+", " ", text).strip().lstrip("#").casefold()
    if _NUMBER.fullmatch(text):
        number = float(text) if "." in text else int(text)
        return _canonical_number(number) if math.isfinite(number) else text
    if moment := _DATETIME.fullmatch(text):
        day, minute, second, zone = moment.groups()
        return f"{day}t{minute}{second or ':00'}{zone or ''}"
    brackets = text.count("[") + text.count("{")
    if text[:1] in ("[", "{") and len(text) <= _MAX_EMBEDDED_CHARS and brackets <= _MAX_EMBEDDED_BRACKETS:
        try:
            return canonical(json.loads(text))
        except ValueError:
            return text
    return text
