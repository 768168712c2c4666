"""Arguments of a tool call against the tool's JSON schema, where both may be hostile or broken.

Validators follow the draft that ``$schema`` names, by default 2020-12, with three differences for the event loop's
sake: a ``pattern`` that takes too long counts as not matching, ``uniqueItems`` takes linear time, and references lead
nowhere outside of the schema.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import regex
from jsonschema.exceptions import best_match
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from verl_agentic.core import BrokenTaskError
from verl_agentic.core.json_schema import draft_of

PATTERN_SECONDS = 0.02
"""Longest match of one ``pattern``."""
MAX_PROBLEM_CHARS = 200
_MAX_VALIDATORS = 1024


class Arguments:
    """The parameters of one tool.

    Attributes:
        schema: their JSON schema.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        """Check a schema.

        Raises:
            BrokenTaskError: it is no valid JSON schema.
        """
        self.schema = schema
        validator = _validator(draft_of(schema))
        try:
            validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise BrokenTaskError(f"not a valid JSON schema: {error.message[:MAX_PROBLEM_CHARS]}") from error
        self._validator = validator(schema, registry=EMPTY_REGISTRY)

    def problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Why ``arguments`` do not fit, ``None`` when they do.

        Raises:
            BrokenTaskError: the schema refers to what it does not hold, or to itself without end.
        """
        try:
            error = best_match(self._validator.iter_errors(arguments))
        except (Unresolvable, RecursionError) as reason:
            raise BrokenTaskError(f"JSON schema of a tool cannot be resolved: {reason}") from reason
        if error is None:
            return None
        where = ".".join(str(part) for part in error.absolute_path)
        return f"bad arguments{' at ' + where if where else ''}: {error.message[:MAX_PROBLEM_CHARS]}"


def tool_arguments(tools: list[dict[str, Any]]) -> dict[str, Arguments]:
    """The parameters of each tool by the tool's name.

    Raises:
        BrokenTaskError: naming the schema that is none.
    """
    found: dict[str, Arguments] = {}
    for position, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str) or not name:
            raise BrokenTaskError(f"tools[{position}] has no function.name")
        parameters = function.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise BrokenTaskError(f"tool {name!r}: parameters must be a JSON schema")
        if name in found:
            raise BrokenTaskError(f"two tools are called {name!r}")
        try:
            found[name] = _shared(json.dumps({"type": "object", **parameters}))
        except BrokenTaskError as error:
            raise BrokenTaskError(f"tool {name!r}: {error}") from error
    return found


# Tasks of a family share their tools, and checking a schema costs more than a whole scripted dialogue.
@functools.lru_cache(maxsize=_MAX_VALIDATORS)
def _shared(schema: str) -> Arguments:
    return Arguments(json.loads(schema))


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if not validator.is_type(instance, "string"):
        return
    try:
        matches = regex.search(pattern, instance, timeout=PATTERN_SECONDS)
    except TimeoutError:
        yield jsonschema.ValidationError(f"{instance[:64]!r} takes too long to match against {pattern!r}")
        return
    except regex.error as error:
        raise BrokenTaskError(f"JSON schema of a tool: bad pattern {pattern!r}: {error}") from error
    if not matches:
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _unique_items(validator: Any, unique: bool, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if not unique or not validator.is_type(instance, "array"):
        return
    if len({json.dumps(_canonical(item), sort_keys=True) for item in instance}) < len(instance):
        yield jsonschema.ValidationError(f"{instance!r} has non-unique elements")


def _canonical(value: Any) -> Any:
    """Data in which equal numbers look alike: 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    return value


@functools.cache
def _validator(draft: Any) -> Any:
    own = {"pattern": _pattern, "uniqueItems": _unique_items}
    return jsonschema.validators.extend(draft, own)  # type: ignore[no-untyped-call]
