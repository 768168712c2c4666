"""Operators by name."""

from __future__ import annotations

from collections.abc import Iterable

from verl_agentic.core import UserInputError
from verl_agentic.core.chat import ChatModel
from verl_agentic.core.named import Registry, imported, parameters_of
from verl_agentic.synthesis.reasoning.base import Operator
from verl_agentic.synthesis.reasoning.llm import LlmPersona, SelfInstruct
from verl_agentic.synthesis.reasoning.persona import Persona

_MATH, _SQL = "verl_agentic.synthesis.math.operators", "verl_agentic.synthesis.sql.operators"
# By path, since their modules import this package. A name stands for one operator of each kind that has it.
_TEMPLATES: dict[str, tuple[str, ...]] = {
    "deepen": (f"{_MATH}:DeepenMath", f"{_SQL}:DeepenSql"),
    "enlarge": (f"{_MATH}:EnlargeMath", f"{_SQL}:EnlargeSql"),
    "distract": (f"{_MATH}:DistractMath", f"{_SQL}:DistractSql"),
    "reverse": (f"{_MATH}:ReverseMath", f"{_SQL}:ReverseSql"),
    "rephrase": (f"{_MATH}:RephraseMath", f"{_SQL}:RephraseSql"),
    "nest": (f"{_SQL}:NestSql",),
}
_OTHERS: dict[str, type[Operator]] = {one.name: one for one in (Persona, SelfInstruct, LlmPersona)}
OPERATORS: Registry[tuple[str, ...] | type[Operator]] = Registry("operator", {**_TEMPLATES, **_OTHERS}, base=Operator)
"""Operators by name: one, or paths of several for different kinds of task."""


def make_operators(
    names: Iterable[str] | None, personas: Iterable[str], model: ChatModel | None = None
) -> list[Operator]:
    """The operators of the given names, for every kind of task that they grow.

    Args:
        names: names, or ``package.module:Class`` or ``path/to/file.py:Class`` of :class:`Operator` subclasses, whose
            constructors may name ``personas`` and ``model`` and need nothing else; ``None`` for all known ones that
            can be had.
        personas: who may ask a question.
        model: a language model, ``None`` where there is none.

    Raises:
        UserInputError: a name is unknown, or its operator needs a language model and there is none.
    """
    resources = {"personas": tuple(personas), "model": model}
    made: list[Operator] = []
    for name in OPERATORS if names is None else names:
        try:
            found = OPERATORS.get(name, files=True)
        except UserInputError as error:
            raise UserInputError(f"operators: {error}") from error
        several = [imported("operator", name, path) for path in found] if isinstance(found, tuple) else [found]
        for operator in several:
            wanted = {key: value for key, value in resources.items() if key in (parameters_of(operator) or ())}
            if "model" in wanted and model is None:
                if names is None:
                    continue
                raise UserInputError(
                    f"operators: {name!r} needs a language model; add llm=openai or llm=vllm, or remove it"
                )
            made.append(operator(**wanted))
    return made
