"""Tools of a domain: what the policy, or the customer at home, can call, as SQL over the world."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verl_agentic.domains.source import YamlPart

_WRITE = re.compile(r"^\s*(?:insert|replace|update|delete)\b", re.IGNORECASE)
_JSON_TYPES = ("string", "integer", "number", "boolean", "array", "object")


@dataclass(frozen=True, slots=True)
class ToolArgument:
    """One argument of a tool.

    Attributes:
        name: its name.
        schema: its JSON schema.
        optional: whether a call may leave it out.
        default: what it is then.
    """

    name: str
    schema: Mapping[str, Any]
    optional: bool
    default: Any


@dataclass(frozen=True, slots=True)
class DomainTool:
    """One tool.

    Attributes:
        name: what it is called.
        description: what it does, in words.
        arguments: its arguments.
        action: what it does, as ``env_args.actions`` of the world environment has it.
        preconditions: what it insists on itself, as ``env_args.preconditions`` has it.
        part: where it is written.
    """

    name: str
    description: str
    arguments: tuple[ToolArgument, ...]
    action: Mapping[str, Any]
    preconditions: tuple[Mapping[str, str], ...]
    part: YamlPart

    @property
    def writes(self) -> bool:
        """Whether it changes the world."""
        return any(_WRITE.match(statement) for statement in self.action["sql"])

    @property
    def schema(self) -> dict[str, Any]:
        """Schema in OpenAI form."""
        parameters = {
            "type": "object",
            "properties": {one.name: dict(one.schema) for one in self.arguments},
            "required": [one.name for one in self.arguments if not one.optional],
        }
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


def read_tools(part: YamlPart) -> dict[str, DomainTool]:
    """Read the tools of ``tools.yaml``.

    Raises:
        DomainError: one is no tool.
    """
    return {name: _tool(name, entry) for name, entry in part.entries().items()}


def _tool(name: str, part: YamlPart) -> DomainTool:
    fields = part.fields("arguments", "nest", "page", "shape", "missing", "require", needed=("description", "sql"))
    if not name.isidentifier():
        part.wrong("a tool's name is a word of letters, digits and _")
    arguments = tuple(
        _argument(key, entry) for key, entry in (fields["arguments"].entries().items() if "arguments" in fields else ())
    )
    sql = fields["sql"]
    statements = [one.text() for one in sql.items(1)] if isinstance(sql.data, list) else [sql.text()]
    action: dict[str, Any] = {"sql": statements}
    for key in ("page", "shape", "missing"):
        if key in fields:
            action[key] = fields[key].plain()
    if "nest" in fields:
        action["nest"] = _nested(fields["nest"])
    defaults = {one.name: one.default for one in arguments if one.default is not None}
    if defaults:
        action["defaults"] = defaults
    preconditions = []
    for entry in fields["require"].items() if "require" in fields else ():
        inner = entry.fields(needed=("sql", "message"))
        preconditions.append({"sql": inner["sql"].text(), "message": inner["message"].text()})
    return DomainTool(name, fields["description"].text(), arguments, action, tuple(preconditions), part)


def _nested(part: YamlPart) -> dict[str, Any]:
    """Nested rows by name; a name that ends with ``?`` stands for one row."""
    found: dict[str, Any] = {}
    for name, entry in part.entries().items():
        if not isinstance(entry.data, dict):
            found[name] = entry.text()
            continue
        fields = entry.fields("one", "nest", needed=("sql",))
        single = "one" in fields and fields["one"].scalar() is True
        inner: Any = fields["sql"].text()
        if "nest" in fields:
            inner = {"sql": inner, "nest": _nested(fields["nest"])}
        found[f"{name}?" if single else name] = inner
    return found


def _argument(name: str, part: YamlPart) -> ToolArgument:
    fields = part.fields(
        "description", "enum", "optional", "default", "items", "properties", "pattern", needed=("type",)
    )
    schema: dict[str, Any] = {"type": fields["type"].choice(*_JSON_TYPES)}
    for key in ("description", "enum", "items", "properties", "pattern"):
        if key in fields:
            schema[key] = fields[key].plain()
    if schema["type"] == "array" and "items" not in schema:
        part.wrong("an array needs 'items', e.g. {type: string}")
    optional = "default" in fields or ("optional" in fields and fields["optional"].scalar() is True)
    return ToolArgument(name, schema, optional, fields["default"].plain() if "default" in fields else None)
