"""Tool calls as Qwen3-Coder writes them: ``<function=NAME>`` with ``<parameter=NAME>VALUE</parameter>`` elements.

Values are not escaped, so that one may hold the format's own tags. What is read is what parses as a whole:

* a value ends at a ``</parameter>`` with nothing but blanks between it and the next ``<parameter=NAME>``, the
  ``</function>``, the ``</tool_call>`` or the end;
* within a value ``<parameter=NAME>`` and ``</parameter>`` pair. Where they do not, a closing tag was left out or
  mistyped, and the call is refused, since any reading of it may be another one than was meant.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_OPENING = re.compile(r"<function=([^<>\n]*)>")
_PARAMETER = re.compile(r"<parameter=([^<>\n]*)>|</parameter>")
# What may stand behind an element.
_NEXT = re.compile(r"\s*(?:(?=<parameter=[^<>\n]*>)|(</function>)|(?=</tool_call>)|\Z)")
# An element of another form, which would become part of the value before it.
_ANOTHER = re.compile(r"\s*<[a-z_]+[= ][^<>\n]*>")
_ELEMENT = "write each parameter as <parameter=NAME>VALUE</parameter>"


class CallFormError(ValueError):
    """What is wrong with an element, for the policy to read."""


class FunctionElement(NamedTuple):
    """One function as it was written.

    Attributes:
        name: its name.
        arguments: texts by parameter.
        end: where it ends.
    """

    name: str
    arguments: dict[str, str]
    end: int


def read_function(text: str, start: int = 0) -> FunctionElement:
    """The function that begins at ``start`` of ``text``; its own closing tag may be missing. In linear time.

    Raises:
        CallFormError: saying what is wrong.
    """
    opening = _OPENING.match(text, start)
    if opening is None or not opening[1].strip():
        raise CallFormError("function has no name; write <function=NAME>")
    name, arguments = opening[1].strip(), dict[str, str]()
    following = _NEXT.match(text, opening.end())
    position = opening.end()
    while following is not None:
        position = following.end()
        if following[1] is not None or not text.startswith("<parameter=", position):
            return FunctionElement(name, arguments, position)
        key, value, position = _element(text, position)
        if key in arguments:
            raise CallFormError(f"parameter {key[:64]!r} is given twice")
        arguments[key] = value
        following = _NEXT.match(text, position)
    raise CallFormError("write nothing between <parameter=NAME>VALUE</parameter> elements")


def _element(text: str, start: int) -> tuple[str, str, int]:
    """Name and value of the parameter that begins at ``start``, and where it ends."""
    tags = _PARAMETER.finditer(text, start)
    opening = next(tags)
    key = opening[1].strip()
    if not key:
        raise CallFormError(f"parameter has no name; {_ELEMENT}")
    depth = 0
    inside, closed = "", False
    for tag in tags:
        if tag[1] is not None:
            depth += 1
            inside = inside or tag[1].strip()
        elif depth:
            depth -= 1
        elif _NEXT.match(text, tag.end()):
            # The template puts values on lines of their own.
            return key, text[opening.end() : tag.start()].removeprefix("\n").removesuffix("\n"), tag.end()
        elif _ANOTHER.match(text, tag.end()):
            raise CallFormError(f"write nothing but <parameter=NAME> elements behind a </parameter>; {_ELEMENT}")
        else:
            closed = closed or not inside
    if closed and inside:
        raise CallFormError("write nothing between <parameter=NAME>VALUE</parameter> elements")
    before = f" before <parameter={inside[:64]}>" if inside else ""
    raise CallFormError(f"parameter {key[:64]!r} is not closed{before}; {_ELEMENT}")
