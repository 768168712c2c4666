"""Operators by name."""

from __future__ import annotations

from collections.abc import Iterable

from verl_agentic.core import UserInputError
from verl_agentic.core.chat import ChatModel
from verl_agentic.core.named import named_class
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
_WITH_LLM = (SelfInstruct.name, LlmPersona.name)
OPERATORS = (*_TEMPLATES, Persona.name, *_WITH_LLM)
"""Names of all operators."""


def make_operators(
    names: Iterable[str] | None, personas: Iterable[str], model: ChatModel | None = None
) -> list[Operator]:
    """The operators of the given names, for every kind of task that they grow.

    Args:
        names: names, or ``package.module:Class`` or ``path/to/file.py:Class`` of :class:`Operator` subclasses that
            need no arguments; ``None`` for all built-in ones that can be had.
        personas: who may ask a question.
        model: a language model, ``None`` where there is none.

    Raises:
        UserInputError: a name is unknown, or its operator needs a language model and there is none.
    """
    available = [name for name in OPERATORS if model is not None or name not in _WITH_LLM]
    wanted = available if names is None else list(names)
    people = tuple(personas)
    found: list[Operator] = []
    for name in wanted:
        if name not in OPERATORS:
            try:
                found.append(named_class("operator", name, {}, Operator, OPERATORS, files=True)())
            except UserInputError as error:
                raise UserInputError(f"operators: {error}") from error
            continue
        if name not in available:
            raise UserInputError(
                f"operators: {name!r} needs a language model; add llm=openai or llm=vllm, or remove it"
            )
        found += [named_class("operator", path, {}, Operator)() for path in _TEMPLATES.get(name, ())]
        if name == Persona.name:
            found.append(Persona(people))
        elif model is not None and name == SelfInstruct.name:
            found.append(SelfInstruct(model))
        elif model is not None and name == LlmPersona.name:
            found.append(LlmPersona(model, people))
    return found
