"""What the hook for trees asks of a language model, typed and checked."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verl_agentic.core import UserInputError
from verl_agentic.synthesis.trees.writer import MAX_TOKENS


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

    share: float = 0.25
    invent: float = 0.5
    personas: str | None = None
    policies: str | None = None
    workflows: str | None = None
    repairs: int = 2
    similarity: float = 0.8
    temperature: float = 0.8
    max_tokens: int = MAX_TOKENS


def read_written(config: Mapping[str, Any], where: str = "written") -> WrittenSettings:
    """Read and check plain data.

    Raises:
        UserInputError: naming the key that is unknown or of a wrong value.
    """
    if not isinstance(config, Mapping):
        raise UserInputError(f"{where} must be a mapping, e.g. {{share: 0.25}}")
    known = {one.name for one in dataclasses.fields(WrittenSettings)}
    for key, value in config.items():
        if key in _OF_THE_BUDGET:
            raise UserInputError(
                f"{where}.{key} is a limit of the hook's budget; write {{name: trees, budget: "
                f"{{{key}: {json.dumps(value, default=str)}}}, written: ...}}"
            )
        if key not in known:
            raise UserInputError(f"{where}.{key} is unknown; known keys: {', '.join(sorted(known))}")
        if value is None and key in _TEXTS:
            continue
        if key in _TEXTS:
            if not isinstance(value, str):
                raise UserInputError(f"{where}.{key} must be a path, got {value!r}")
        elif not _fits(key, value):
            low, high = _RANGES[key]
            bound = f"from {low:g}" + ("" if math.isinf(high) else f" to {high:g}")
            kind = "a whole number" if key in _WHOLE else "a number"
            raise UserInputError(f"{where}.{key} must be {kind} {bound}, got {value!r}")
    return WrittenSettings(**config)


_TEXTS = ("personas", "policies", "workflows")
_WHOLE = ("repairs", "max_tokens")
_OF_THE_BUDGET = ("requests", "tokens", "usd", "seconds")
_RANGES: dict[str, tuple[float, float]] = {
    "share": (0, 1),
    "invent": (0, 1),
    "repairs": (0, 10),
    "similarity": (0.01, 1),
    "temperature": (0, 2),
    "max_tokens": (1, math.inf),
}


def _fits(key: str, value: Any) -> bool:
    wanted = int if key in _WHOLE else (int, float)
    low, high = _RANGES[key]
    return isinstance(value, wanted) and not isinstance(value, bool) and low <= value <= high
