"""Options of the form KEY=VALUE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from verl_agentic.core import UserInputError


def key_values(option: str, given: Sequence[str], example: str) -> dict[str, Any]:
    """What a repeated option gives, by key; values are YAML.

    Args:
        option: its name, e.g. ``--set``.
        given: the texts, e.g. ``partial=true``.
        example: one of them, for the message.

    Raises:
        UserInputError: one has another form.
    """
    values: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise UserInputError(f"{option} {text!r}: write KEY=VALUE, e.g. {option} {example}")
        try:
            values[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserInputError(f"{option} {key}: is not YAML: {str(error).splitlines()[0]}") from error
    return values
