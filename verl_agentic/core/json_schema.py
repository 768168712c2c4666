"""Which draft a JSON schema is of, and what is wrong with it: schemas come from files, models and foreign servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import regex
from jsonschema.exceptions import best_match
from jsonschema.validators import Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY, specification_with

DEFAULT = jsonschema.Draft202012Validator
"""The draft of schemas that name none."""

_DRAFTS: dict[str, Any] = {
    draft.META_SCHEMA["$schema"].rstrip("#"): draft
    for draft in (Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator, DEFAULT)
}
_MAX_CHARS = 160
_TOO_DEEP = "is nested too deeply"


def draft_of(schema: Mapping[str, Any]) -> Any:
    """The validator class of the draft that ``$schema`` names; Draft 2020-12 where it names none that is known."""
    named = schema.get("$schema")
    if not isinstance(named, str):
        return DEFAULT
    named = named.rstrip("#")
    return _DRAFTS.get(named.replace("https:", "http:", 1) if "/draft-0" in named else named, DEFAULT)


def with_draft(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the ``$schema`` by which it is to be read.

    One that names no draft, and is none of 2020-12, is of the newest older draft whose rules it keeps: many a schema
    was written before there was another. One of 2020-12 needs no ``$schema``, and loses it.
    """
    named = schema.get("$schema")
    rest = {key: value for key, value in schema.items() if key != "$schema"}
    if isinstance(named, str) and draft_of(schema) is not DEFAULT:
        return {"$schema": named, **rest}
    if named is None and shape_problem(rest):
        for draft in (Draft7Validator, Draft4Validator):
            older = {"$schema": draft.META_SCHEMA["$schema"], **rest}
            if not shape_problem(older):
                return older
    return rest


def shape_problem(schema: Mapping[str, Any]) -> str:
    """What the rules of its draft say against a schema, and where; empty if nothing."""
    draft = draft_of(schema)
    try:
        error = best_match(draft(draft.META_SCHEMA).iter_errors(schema))
    except RecursionError:
        return _TOO_DEEP
    if error is None:
        return ""
    where = ".".join(str(part) for part in error.absolute_path)
    return f"{where + ': ' if where else ''}{error.message[:_MAX_CHARS]}"


def inner_problem(schema: Mapping[str, Any]) -> str:
    """What would only show when the schema is used: a pattern that is none, a reference that leads nowhere."""
    draft = draft_of(schema)
    validator = draft(schema, registry=EMPTY_REGISTRY)
    resource = specification_with(draft.META_SCHEMA["$schema"]).create_resource(schema)
    resolver = EMPTY_REGISTRY.resolver_with_root(resource)
    # Below an id of its own, a part's references start from there.
    one_root = sum("$id" in part or "id" in part for part in _parts(schema)) <= 1
    try:
        for part in _parts(schema):
            for pattern in (part.get("pattern"), *_keys(part.get("patternProperties"))):
                if isinstance(pattern, str):
                    regex.compile(pattern)
            reference = part.get("$ref")
            if isinstance(reference, str) and one_root:
                resolver.lookup(reference)
        next(validator.iter_errors({}), None)
    except regex.error as error:
        return f"bad pattern {str(pattern)[:_MAX_CHARS]!r}: {error}"
    except Unresolvable:
        return f"$ref {str(reference)[:_MAX_CHARS]!r} leads nowhere"
    except RecursionError:
        return "refers to itself without end"
    return ""


def _keys(value: Any) -> Iterator[str]:
    yield from value if isinstance(value, Mapping) else ()


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of a schema, without recursion; what is data in it, and only looks like a schema, included."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield part
            waiting.extend(value for key, value in part.items() if key not in ("enum", "const", "default", "examples"))
        elif isinstance(part, list):
            waiting.extend(part)
