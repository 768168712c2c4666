"""Operators by name."""

from __future__ import annotations

from collections.abc import Iterable

from verl_agentic.core import UserInputError
from verl_agentic.core.chat import ChatModel
from verl_agentic.core.named import Registry, parameters_of
from verl_agentic.synthesis.math.operators import (
    DeepenMath,
    DistractMath,
    EnlargeMath,
    RephraseMath,
    ReverseMath,
)
from verl_agentic.synthesis.reasoning.base import Operator
from verl_agentic.synthesis.reasoning.llm import LlmPersona, SelfInstruct
from verl_agentic.synthesis.reasoning.persona import Persona
from verl_agentic.synthesis.sql.operators import (
    DeepenSql,
    DistractSql,
    EnlargeSql,
    NestSql,
    RephraseSql,
    ReverseSql,
)

_BUILT_IN: tuple[type[Operator], ...] = (
    DeepenMath,
    EnlargeMath,
    DistractMath,
    ReverseMath,
    RephraseMath,
    DeepenSql,
    EnlargeSql,
    DistractSql,
    NestSql,
    ReverseSql,
    RephraseSql,
    Persona,
    SelfInstruct,
    LlmPersona,
)
Operators = tuple[type[Operator], ...]
OPERATORS: Registry[Operators | type[Operator]] = Registry(
    "operator",
    {named.name: tuple(one for one in _BUILT_IN if one.name == named.name) for named in _BUILT_IN},
    base=Operator,
)
"""Operators by name: one, or several for different kinds of task."""


def make_operators(
    names: Iterable[str] | None, personas: Iterable[str], model: ChatModel | None = None
) -> list[Operator]:
    """The operators of the given names, for every kind of task that they grow.

    Args:
        names: names, or ``package.module:Class`` of :class:`Operator` subclasses, whose constructors may name
            ``personas`` and ``model`` and need nothing else; ``None`` for all known ones that can be had.
        personas: who may ask a question.
        model: a language model, ``None`` where there is none.

    Raises:
        UserInputError: a name is unknown, or its operator needs a language model and there is none.
    """
    resources = {"personas": tuple(personas), "model": model}
    made: list[Operator] = []
    for name in OPERATORS if names is None else names:
        try:
            found = OPERATORS.get(name)
        except UserInputError as error:
            raise UserInputError(f"operators: {error}") from error
        for operator in found if isinstance(found, tuple) else (found,):
            wanted = {key: value for key, value in resources.items() if key in (parameters_of(operator) or ())}
            if "model" in wanted and model is None:
                if names is None:
                    continue
                raise UserInputError(
                    f"operators: {name!r} needs a language model; add llm=openai or llm=vllm, or remove it"
                )
            made.append(operator(**wanted))
    return made
