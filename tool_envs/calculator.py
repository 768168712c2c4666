"""A calculator: exact arithmetic on decimals, with hard bounds on what it is asked."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from verl_agentic.tool_envs.base import Environment, ToolError

CALCULATOR_TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "calc",
            "description": "Evaluate arithmetic.",
            "parameters": {
                "type": "object",
                "properties": {"expression": {"type": "string"}},
                "required": ["expression"],
            },
        },
    }
]

MAX_CHARS = 200
MAX_DIGITS = 15
MAX_NESTING = 16
MAX_RESULT_CHARS = 40

_TOKEN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+|[-+*/()])")


class CalculatorEnvironment(Environment):
    """One tool, ``calc(expression)``; no world and no state."""

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Evaluate one expression.

        Raises:
            ToolError: not an expression, too large, or a division by zero.
        """
        expression = arguments.get("expression")
        if name != "calc" or not isinstance(expression, str):
            raise ToolError("use calc with an expression")
        result = str(evaluate(expression))
        if len(result) > MAX_RESULT_CHARS:
            raise ToolError("result is too long")
        return result


def evaluate(expression: str) -> Fraction:
    """Exact value of an expression of decimals, ``+ - * /`` and parentheses.

    Raises:
        ToolError: with a short message for the policy.
    """
    return _Parser(_tokens(expression)).whole()


def _tokens(expression: str) -> list[str]:
    if len(expression) > MAX_CHARS:
        raise ToolError("expression is too long")
    text = expression.rstrip()
    tokens: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ToolError(f"cannot read {text[position:].strip()[:1]!r}")
        if len(match.group(1)) > MAX_DIGITS:
            raise ToolError("number is too long")
        tokens.append(match.group(1))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent over at most ``MAX_CHARS`` tokens; depth is bounded by ``MAX_NESTING``."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._position = 0
        self._nesting = 0

    def whole(self) -> Fraction:
        value = self._sum()
        if self._peek():
            raise ToolError(f"unexpected {self._peek()!r}")
        return value

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _sum(self) -> Fraction:
        value = self._product()
        while self._peek() in ("+", "-"):
            value = value + self._product() if self._next() == "+" else value - self._product()
        return value

    def _product(self) -> Fraction:
        value = self._signed()
        while self._peek() in ("*", "/"):
            if self._next() == "*":
                value *= self._signed()
                continue
            divisor = self._signed()
            if not divisor:
                raise ToolError("division by zero")
            value /= divisor
        return value

    def _signed(self) -> Fraction:
        sign = 1
        while self._peek() in ("+", "-"):
            sign = -sign if self._next() == "-" else sign
        return sign * self._atom()

    def _atom(self) -> Fraction:
        token = self._next()
        if token == "(":
            self._nesting += 1
            if self._nesting > MAX_NESTING:
                raise ToolError("too many parentheses")
            value = self._sum()
            if self._next() != ")":
                raise ToolError("missing )")
            self._nesting -= 1
            return value
        if not token:
            raise ToolError("expression ends early")
        if token in "+-*/)":
            raise ToolError(f"unexpected {token!r}")
        return Fraction(token)
