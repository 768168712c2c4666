"""How much a text may grow before its query runs: planners put a subquery in place of each mention of it."""

from __future__ import annotations

import re
from collections import Counter

TOKEN = re.compile(
    r"""--[^\n\r]*            # comment to the end of the line
      | /\*.*?\*/             # comment
      | '(?:[^']|'')*'        # text
      | "(?:[^"]|"")*"        # quoted name
      | [^\W\d][\w$]*         # name
      | \d[\w.]*              # number
      | \s+ | .""",
    re.VERBOSE | re.DOTALL,
)
# Words that are reserved by every engine here, so that no table or column has them for a name, unless quoted.
# fmt: off
_RESERVED = frozenset({
    "and", "as", "case", "distinct", "else", "from", "group", "having", "in", "join", "limit", "not", "null", "on",
    "or", "order", "select", "then", "union", "when", "where",
})
# fmt: on
_NAME = re.compile(r"[^\W\d]")


def is_name(token: str) -> bool:
    """Whether a token is a name, quoted or not, or a word of SQL."""
    return token[:1] == '"' or bool(_NAME.match(token))


def mentions(sql: str) -> list[int]:
    """For each ``SELECT`` of a text, how often the name that it mentions most is mentioned there.

    Let ``k`` be these numbers. Where each subquery is mentioned by one other (nested ones), the expressions of the
    flattened query are at most the product of ``k`` times as many as there are columns. Where any later one may
    mention any earlier one (common table expressions that are copied), it is the product of ``k + 1``.
    """
    scopes: list[Counter[str]] = [Counter()]
    stack = [scopes[0]]
    for token in TOKEN.findall(sql):
        if token == "(":
            stack.append(stack[-1])
        elif token == ")":
            del stack[max(1, len(stack) - 1) :]
        elif token.lower() == "select":
            stack[-1] = Counter()
            scopes.append(stack[-1])
        elif is_name(token) and token.lower() not in _RESERVED:
            stack[-1][token.strip('"').lower()] += 1
    return [max(scope.values(), default=0) for scope in scopes]
