"""Which of an environment's tools a task offers."""

from __future__ import annotations

from typing import Any

from verl_agentic.core import BrokenTaskError, Task


def select_tools(task: Task, schemas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The schemas that ``env_args.tools`` names, in that order; all where it names none.

    Raises:
        BrokenTaskError: it names a tool that does not exist, or is no list of names.
    """
    names = task.env_args.get("tools")
    if names is None:
        return schemas
    by_name = {schema["function"]["name"]: schema for schema in schemas}
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BrokenTaskError("env_args.tools must be a list of tool names")
    if missing := [name for name in names if name not in by_name]:
        raise BrokenTaskError(f"env_args.tools names {missing[0]!r}, but there are {', '.join(by_name)}")
    return [by_name[name] for name in dict.fromkeys(names)]
