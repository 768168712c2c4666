"""Tool schemas of Python functions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal, Optional

import jsonschema
import pytest

from verl_agentic.core import UserInputError
from verl_agentic.tool_envs.functions.schema import function_schema, parse_docstring, whole_numbers

if sys.version_info >= (3, 11):
    from typing import NotRequired, TypedDict
else:
    from typing_extensions import NotRequired, TypedDict


class Address(TypedDict):
    street: str
    number: NotRequired[int]


def send(
    to: list[Address],
    weight: float,
    kind: Literal["letter", "parcel"] = "letter",
    note: Optional[str] = None,  # noqa: UP045
    tags: dict[str, int] | None = None,
    rank: Annotated[int | str, "place in the queue"] = 1,
    extra: Any = None,
) -> str:
    """Send something.

    It is sent at once.

    Args:
        to: receivers: one or more.
        weight (float): in kg,
            packaging included.
        kind: what it is.

    Returns:
        A receipt.

    Raises:
        ValueError: too heavy.
    """
    return ""


def test_hints_and_docstring_become_the_schema() -> None:
    schema = function_schema(send)["function"]
    assert schema["name"] == "send"
    assert schema["description"] == "Send something.\n\nIt is sent at once."
    parameters = schema["parameters"]
    assert parameters["required"] == ["to", "weight"]
    properties = parameters["properties"]
    assert properties["weight"] == {"type": "number", "description": "in kg, packaging included."}
    assert properties["to"]["description"] == "receivers: one or more."
    assert properties["kind"] == {
        "type": "string",
        "enum": ["letter", "parcel"],
        "description": "what it is.",
        "default": "letter",
    }
    assert properties["note"] == {"type": ["string", "null"]}
    assert properties["rank"] == {"type": ["integer", "string"], "description": "place in the queue", "default": 1}
    assert properties["extra"] == {}
    jsonschema.Draft202012Validator.check_schema(parameters)


@pytest.mark.parametrize(
    ("arguments", "valid"),
    [
        ({"to": [{"street": "High", "number": 3}], "weight": 1}, True),
        ({"to": [], "weight": 1.5, "tags": {"a": 1}, "note": None, "rank": "first"}, True),
        ({"to": [{"number": 3}], "weight": 1}, False),
        ({"to": [{"street": "High", "colour": "red"}], "weight": 1}, False),
        ({"to": [], "weight": 1, "tags": {"a": "b"}}, False),
        ({"to": [], "weight": 1, "kind": "box"}, False),
        ({"to": [], "weight": 1, "unknown": 1}, False),
        ({"weight": 1}, False),
    ],
)
def test_the_schema_takes_what_the_hints_do(arguments: dict[str, Any], valid: bool) -> None:
    parameters = function_schema(send)["function"]["parameters"]
    assert jsonschema.Draft202012Validator(parameters).is_valid(arguments) == valid


def test_an_explicit_schema_is_kept() -> None:
    def search(**anything: Any) -> str:
        return ""

    search.openai_schema = {"description": "Search.", "parameters": {"type": "object"}}  # type: ignore[attr-defined]
    assert function_schema(search) == {
        "type": "function",
        "function": {"name": "search", "description": "Search.", "parameters": {"type": "object"}},
    }
    search.openai_schema = {"name": "search"}  # type: ignore[attr-defined]
    with pytest.raises(UserInputError, match="needs an object 'parameters'"):
        function_schema(search)


def no_hint(a) -> str:  # type: ignore[no-untyped-def]
    return ""


def many(*a: int) -> str:
    return ""


def by_position(a: int, /) -> str:
    return ""


def of_bytes(a: bytes) -> str:
    return ""


def unknown_name(a: Nowhere) -> str:  # type: ignore[name-defined]  # noqa: F821
    return ""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_hint, "parameter 'a' has no type hint"),
        (many, "parameter 'a' cannot be passed by name"),
        (by_position, "parameter 'a' cannot be passed by name"),
        (of_bytes, r"parameter 'a': no JSON schema for the hint .*bytes.*openai_schema"),
        (unknown_name, "type hints cannot be read"),
    ],
)
def test_what_has_no_schema_is_named(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        function_schema(function)


def test_docstrings_without_sections_are_all_description() -> None:
    assert parse_docstring("Do it: now.\nReally.") == ("Do it: now.\nReally.", {})
    assert parse_docstring("") == ("", {})


def test_whole_numbers_follow_the_schema_inwards() -> None:
    inner = {"type": "object", "properties": {"n": {"type": "integer"}}}
    schema = {"properties": {"n": {"type": "integer"}, "x": {"type": "number"}, "list": {"items": inner}}}
    found = whole_numbers({"n": 2.0, "x": 2.0, "list": [{"n": 3.0}], "other": 4.0}, schema)
    assert repr(found) == "{'n': 2, 'x': 2.0, 'list': [{'n': 3}], 'other': 4.0}"
