"""How tasks are played, as commands are told: by ``agentic.rollout``, as training reads it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from verl_agentic.cli.settings_given import read_settings_given
from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.core.chat import NoChatModelError
from verl_agentic.reward_fns.invoke import accepted
from verl_agentic.reward_fns.registry import check_kwargs, check_source, reward_function
from verl_agentic.rollout.limits import NATURAL_TURNS
from verl_agentic.synthesis.plain_rows import PROMPT_KEY
from verl_agentic.tool_envs import make_environment
from verl_agentic.tool_envs.registry import check_options, environment_class
from verl_agentic.tool_envs.users.registry import make_user
from verl_agentic.training.settings import RolloutSettings, read_rollout_settings, with_llm

HELPER = "--helper-llm"
_EXAMPLE = "model=gpt-4.1-mini"


def add_play_arguments(
    parser: argparse.ArgumentParser, tool_env: str = "each task's own", simulator: str = "scripted"
) -> None:
    """Declare what :func:`read_play_settings` reads.

    Args:
        parser: of the command.
        tool_env: what the environment is by default, in words.
        simulator: what the user is by default, in words.
    """
    parser.add_argument(
        "--tool-env", metavar="NAME", help="environment of all tasks: a name, package.module:Class or file.py:Class "
        f"(default: {tool_env})",
    )  # fmt: skip
    parser.add_argument(
        "--simulator", metavar="NAME", help="who plays the user: a name, package.module:Class or file.py:Class "
        f"(default: {simulator})",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a key of agentic.rollout; the value is YAML"
    )
    parser.add_argument(
        HELPER, action="append", default=[], metavar="KEY=VALUE",
        help="a key of agentic.llm for the language model besides the policy, which plays users, answers mocked tools "
        f"and judges rubrics, e.g. {_EXAMPLE}",
    )  # fmt: skip


def add_prompt_key(parser: argparse.ArgumentParser) -> None:
    """Declare the column that plain rows of verl's have their messages in."""
    parser.add_argument(
        "--prompt-key", default=PROMPT_KEY, metavar="COLUMN",
        help=f"of the messages in rows that were made for verl alone (default: {PROMPT_KEY})",
    )  # fmt: skip


def read_helper(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """``agentic.llm`` of the language model besides the policy, ``None`` where there is none.

    Raises:
        UserInputError: naming the text that is no ``KEY=VALUE``.
    """
    return read_settings_given(HELPER, arguments.helper_llm, _EXAMPLE) or None


def read_play_settings(arguments: argparse.Namespace, *layers: Mapping[str, Any]) -> RolloutSettings:
    """The settings, checked.

    Args:
        arguments: what was given.
        layers: ``agentic.rollout`` where nothing was given, later layers before earlier ones.

    Raises:
        UserInputError: naming the key or argument.
    """
    given = read_settings_given("--set", arguments.set, "max_turns=8", nested=True)
    for name in ("tool_env", "simulator"):
        if getattr(arguments, name) is not None:
            given[name] = getattr(arguments, name)
    settings = with_llm(read_rollout_settings(*layers, given), read_helper(arguments))
    with naming_helper():
        check_options(settings.env_options, also=settings.tool_env)
        make_user(settings.simulator, **settings.simulator_options)
    return settings


@contextmanager
def naming_helper() -> Iterator[None]:
    """Within, who misses a language model is told the command's argument instead of the trainer's key."""
    try:
        yield
    except NoChatModelError as error:
        raise UserInputError(
            f"a language model besides the policy is asked for, and there is none; add {HELPER} base_url=URL "
            f"{HELPER} model=NAME"
        ) from error


def turns_for(tasks: Iterable[Task]) -> dict[str, Any]:
    """``agentic.rollout`` for some tasks where nothing is given: longer dialogues for those in the natural register."""
    return {"max_turns": NATURAL_TURNS} if any(task.register == "natural" for task in tasks) else {}


def check_rows(
    tasks: Iterable[Task], settings: RolloutSettings, helper: Mapping[str, Any] | None, own_reward: bool = True
) -> None:
    """Find rows that nothing can play or judge as they name it, before any is played.

    Args:
        tasks: the tasks, in the order of their rows.
        settings: how they are played.
        helper: ``agentic.llm`` of the language model besides the policy.
        own_reward: whether each is judged by the reward that it names.

    Raises:
        UserInputError: naming the first such row and its field.
    """
    seen: set[tuple[str, ...]] = set()
    for row, task in enumerate(tasks):
        for field, name in (("env", task.env), ("reward", task.reward)):
            # Rows that name no reward are judged by their data source.
            what = (field, name) if name else (field, name, task.kind)
            if what in seen or (settings.tool_env if field == "env" else not own_reward):
                continue
            seen.add(what)
            try:
                with naming_helper():
                    _check_name(field, name, task.kind, settings, helper)
            except UserInputError as error:
                mend = "" if name else "; the row names none, so add --reward NAME, e.g. --reward math"
                raise UserInputError(f"row {row} ({task.id}): {field}: {error}{mend}") from error


def _check_name(field: str, name: str, kind: str, settings: RolloutSettings, helper: Mapping[str, Any] | None) -> None:
    if field == "env":
        environment_class(name)
        try:
            make_environment(name, None, settings.env_options)
        except BrokenTaskError as error:
            raise UserInputError(str(error)) from error
    else:
        function = reward_function(name)
        check_source(function, kind)
        check_kwargs(function, accepted(function, {"llm": helper} if helper else {}))
