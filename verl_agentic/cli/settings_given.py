"""``--set KEY=VALUE`` and its like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from verl_agentic.core import UserInputError


def read_settings_given(option: str, settings: Iterable[str], example: str, nested: bool = False) -> dict[str, Any]:
    """Values by key, from texts ``KEY=VALUE`` whose values are YAML.

    Args:
        option: the option's name, for messages.
        settings: what was given, later ones going before earlier ones.
        example: a text of that form, for messages.
        nested: whether keys may be dotted paths into objects.

    Raises:
        UserInputError: naming the text that is none.
    """
    found: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        parts = key.split(".") if nested else [key]
        if not equals or not all(part.isidentifier() for part in parts):
            raise UserInputError(f"{option} {setting!r}: write KEY=VALUE, e.g. {option} {example}")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UserInputError(f"{option} {key}: is not YAML: {str(error).splitlines()[0]}") from error
        place = found
        for part in parts[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise UserInputError(f"{option} {key}: {part} is no object")
            place = inner
        place[parts[-1]] = value
    return found
