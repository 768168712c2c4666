"""What the hook for trees asks of a language model, typed and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from verl_agentic.core import UserInputError
from verl_agentic.core.checked import Described, Positive, Share, Within, read
from verl_agentic.synthesis.trees.writer import MAX_TOKENS

Place = Annotated[str | None, Described("a path, or null")]


@dataclass(frozen=True)
class WrittenSettings:
    """``written`` of the hook ``trees``; what it may take is the hook's ``budget``.

    Attributes:
        share: part of the hook's tasks that are of trees which a language model writes.
        invent: part of the trees that are new domains; the others are grown from those of trained tasks and workflows.
        personas: text file with one persona a line, those of the package where ``None``.
        policies: a ``.txt`` or ``.md`` file, or a folder of them, with policies that domains are invented from.
        workflows: trees, or AgenticQwen's records, in a file or folder, that are grown, too.
        repairs: how often a tree that a check rejects may be mended.
        similarity: likeness of their words from which two domains are the same, above 0 and at most 1.
        temperature: of the model.
        max_tokens: longest reply.
    """

    share: Share = 0.25
    invent: Share = 0.5
    personas: Place = None
    policies: Place = None
    workflows: Place = None
    repairs: Annotated[int, Within(0, 10)] = 2
    similarity: Annotated[float, Within(0.01, 1)] = 0.8
    temperature: Annotated[float, Within(0, 2)] = 0.8
    max_tokens: Positive = MAX_TOKENS


def read_written(config: Mapping[str, Any], where: str = "written") -> WrittenSettings:
    """Read and check plain data.

    Raises:
        UserInputError: naming the key that is unknown or of a wrong value.
    """
    if not isinstance(config, Mapping):
        raise UserInputError(f"{where} must be a mapping, e.g. {{share: 0.25}}")
    for key in _OF_THE_BUDGET:
        if key in config:
            raise UserInputError(
                f"{where}.{key} is a limit of the hook's budget; write {{name: trees, budget: "
                f"{{{key}: {json.dumps(config[key], default=str)}}}, written: ...}}"
            )
    return read(WrittenSettings, config, where)


_OF_THE_BUDGET = ("requests", "tokens", "usd", "seconds")
