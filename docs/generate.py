"""Writes the pages of ``docs/reference`` that follow from the sources: ``python -m docs.generate``.

What a key is called, allows and has as its default is read from the dataclass or signature that reads it, and what it
means from the ``Attributes`` or ``Args`` of its docstring.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from verl_agentic.cli import main as console
from verl_agentic.core.checked import Setting, allowed, settings_of
from verl_agentic.flywheel import HookBudget
from verl_agentic.flywheel import registry as hooks
from verl_agentic.flywheel.hooks.settings import WrittenSettings
from verl_agentic.llm import LLMSettings
from verl_agentic.reward_fns import registry as rewards
from verl_agentic.reward_fns.sql.compare import Match
from verl_agentic.tool_envs import registry as environments
from verl_agentic.tool_envs.users import registry as users
from verl_agentic.training.settings import AgenticSettings, BudgetNode
from verl_agentic.training.stages import StageSettings

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "python -m docs.generate"

_NOTE = f"<!-- Written by `{COMMAND}`; changes belong into the sources it reads. -->\n"
_ENTRY = re.compile(r"^(?:\* )?`{0,2}(\w+)`{0,2}((?:, `{0,2}\w+`{0,2})*):\s+(.*)$")
_SENTENCES = re.compile(r"\.\s[A-Z]")
# Handed over by whoever makes them, not configured.
_GIVEN = ("self", "user", "env_options", "families", "data_source", "solution_str", "ground_truth", "extra_info")
# Imports verl, which takes a quarter of a minute; its options are in the group's file below.
_NEED_VERL = ("verl_tools",)
_GROUPS = {
    "profile": "hardware and sizes; detected when left out",
    "stage": "which kinds of task, in which order",
    "model": "the policy",
    "tasks": "how generated tasks speak; `auto` goes by the model",
    "reward_fn": "how trajectories are judged",
    "tool_env": "the environment of every task; `auto` asks each",
    "simulator": "who plays the user",
    "flywheel": "what happens between epochs",
    "data": "where tasks come from",
    "llm": "a language model besides the policy",
}


def configuration() -> str:
    """The page of all keys and groups."""
    parts = [
        _NOTE,
        "# Configuration\n",
        "Every key of the node `agentic`, the arguments of what is chosen by name, and the groups. Keys are set on the"
        " command line, e.g. `agentic.rollout.max_turns=4`; what has no value of its own in a recipe or group has the"
        " default given here. A wrong value ends the run before anything starts, with one line that names the key.\n",
        "## Keys\n",
        *_nodes(AgenticSettings, "agentic"),
        _section("agentic.stages[]", StageSettings),
        *_nodes(LLMSettings, "agentic.llm"),
        "## Arguments of hooks\n",
        "Entries of `agentic.flywheel.hooks` are `{name: NAME, budget: {...}, ...}`; `budget` changes keys of"
        " `agentic.flywheel.budget` for that hook.\n",
    ]
    for name in hooks._BUILT_IN:
        parts.append(_section(f"name: {name}", hooks.HOOKS.get(name)))
    parts.append(_section("name: trees, written", WrittenSettings))
    parts.append("## Options of environments\n")
    parts.append("Below `agentic.rollout.env_options.NAME`.\n")
    for name in sorted({*environments._BUILT_IN} - {*_NEED_VERL}):
        parts.append(_section(name, environments.environment_class(name)))
    parts.append("## Options of users\n")
    parts.append("`agentic.rollout.simulator_options`, by `agentic.rollout.simulator`.\n")
    for name in users._BUILT_IN:
        parts.append(_section(name, users.USERS.get(name)))
    parts.append("## Keywords of rewards\n")
    parts.append(f"Below `{rewards.KWARGS_KEY}`.\n")
    for name in (*rewards.BUILT_IN, *rewards.COMBINED):
        function = rewards.reward_function(name)
        more = [Match] if name == "sql" else []
        parts.append(_section(name, function, *more, module=sys.modules[function.__module__].__doc__ or ""))
    parts.append("## Groups\n")
    parts += [_group(name, decides) for name, decides in _GROUPS.items()]
    return "\n".join(part for part in parts if part)


def cli() -> str:
    """The page of all commands."""
    parts = [_NOTE, "# Command line\n"]
    for name in console._COMMANDS:
        parser = next(one for one in _subparsers(console._parser([name])) if one.prog.endswith(f" {name}"))
        parts += _command(parser, "##")
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/configuration.md": configuration,
    "docs/reference/cli.md": cli,
}


def _nodes(kind: type, key: str) -> Iterator[str]:
    yield _section(key, kind)
    for one in settings_of(kind):
        if dataclasses.is_dataclass(one.default):
            yield from _nodes(type(one.default), f"{key}.{one.name}")


def _section(title: str, *owners: Any, module: str = "") -> str:
    """A table of what dataclasses, classes or functions take; empty where that is nothing."""
    rows = []
    texts = _described(module)
    for owner in owners:
        own = [*reversed(owner.__mro__), owner.__init__] if isinstance(owner, type) else [owner]
        own = [HookBudget, *own] if owner is BudgetNode else own
        for one in own:
            texts |= _described(inspect.getdoc(one) or "")
        for setting in settings_of(owner):
            handed_over = setting.name in _GIVEN and not dataclasses.is_dataclass(owner)
            if handed_over or dataclasses.is_dataclass(setting.default):
                continue
            if setting.name not in texts:
                raise LookupError(
                    f"{owner.__module__}.{owner.__qualname__}: its docstring says nothing of {setting.name!r}"
                )
            rows.append((f"`{setting.name}`", _default(setting), allowed(setting.annotation), texts[setting.name]))
    if not rows:
        return ""
    return f"### `{title}`\n\n{_table(('key', 'default', 'allowed', 'meaning'), rows)}"


def _described(text: str) -> dict[str, str]:
    """Meaning by name: of the sections ``Attributes`` and ``Args``, and of lists ``* ``name``: ...``."""
    found: dict[str, str] = {}
    names: list[str] = []
    within, indent = "", 0
    for line in text.splitlines():
        stripped, depth = line.strip(), len(line) - len(line.lstrip())
        if stripped in ("Attributes:", "Args:", "Raises:", "Returns:"):
            within, names = stripped, []
            continue
        entry = _ENTRY.match(stripped)
        listed = stripped.startswith("* ")
        if entry and (listed or (within in ("Attributes:", "Args:") and (not names or depth <= indent))):
            names = [entry[1], *re.findall(r"\w+", entry[2])]
            indent = depth
            found |= dict.fromkeys(names, entry[3])
        elif names and stripped and depth > indent:
            found |= {name: f"{found[name]} {stripped}" for name in names}
        else:
            names = []
    return {name: _markdown(text) for name, text in found.items()}


def _markdown(text: str) -> str:
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text)
    text = text.replace("``None``", "`null`").replace("``", "`")
    return text.rstrip(";") if _SENTENCES.search(text) else text.rstrip(".;")


def _default(setting: Setting) -> str:
    value = setting.default
    if value is dataclasses.MISSING:
        return "must be given"
    if isinstance(value, bool | None):
        return f"`{str(value).lower()}`".replace("none", "null")
    value = list(value) if isinstance(value, tuple) else value
    return f"`{value}`".replace("'", "")


def _group(name: str, decides: str) -> str:
    parts = [f"### `{name}`\n", f"{decides[0].upper()}{decides[1:]}.\n"]
    folder = ROOT / "conf" / name
    # What options are made of, below the group, comes after them.
    for path in (*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*/*.yaml"))):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "@package" not in line]
        group = path.parent.relative_to(folder.parent).as_posix()
        parts.append("\n".join([f"`{group}={path.stem}`\n", "```yaml", *lines, "```\n"]))
    return "\n".join(parts)


def _command(parser: argparse.ArgumentParser, heading: str) -> Iterator[str]:
    yield f"{heading} `{parser.prog}`\n"
    if parser.description:
        yield f"{parser.description}\n"
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
            continue
        value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
        takes = "" if action.nargs == 0 else f" {value if isinstance(value, str) else ' '.join(value)}"
        takes += " ..." if action.nargs in ("*", "+") else ""
        name = ", ".join(action.option_strings) + takes if action.option_strings else takes.strip()
        help_text = (action.help or "") % {"default": action.default, "prog": parser.prog}
        rows.append((f"`{name}`", ("required; " if action.required and action.option_strings else "") + help_text))
    if rows:
        yield _table(("argument", "meaning"), rows)
    for inner, summary in _subparsers(parser, with_help=True):
        inner.description = inner.description or f"{summary[0].upper()}{summary[1:]}."
        yield from _command(inner, f"{heading}#")


def _subparsers(parser: argparse.ArgumentParser, with_help: bool = False) -> Iterator[Any]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {one.dest: one.help or "" for one in action._choices_actions}
            for name, inner in action.choices.items():
                yield (inner, summaries.get(name, name)) if with_help else inner


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def main() -> None:
    for name, page in PAGES.items():
        path = ROOT / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(), encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
