"""The expressions of domains: conditions, amounts and arguments, over what was read, said and laid down.

A small part of Python's expressions: names, ``order.status``, ``hits.results[0]``, comparisons, ``and``, ``or``,
``not``, arithmetic, ``a if b else c``, texts, numbers, lists, and comprehensions within the functions of
:data:`FUNCTIONS`. Dates are texts, ``2026-03-09`` or ``2026-03-09 14:30``, which compare as they should. Nothing of it
can loop for long, reach an attribute of a Python object, or raise anything but :class:`ExpressionError`.
"""

from __future__ import annotations

import ast
import calendar
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

Scope = Mapping[str, Any]
Seen = list[Any]
"""``(object, field)`` of every field that was read, and :class:`Either` where one of several readings is enough."""

MAX_CHARS = 400
MAX_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class Either:
    """Parts of an ``and`` or ``or`` each of which decides it alone, as what each has read."""

    readings: tuple[Seen, ...]


class ExpressionError(ValueError):
    """An expression is none, or cannot be evaluated in its scope; the message says why."""


def _day(value: Any) -> date:
    return date.fromisoformat(str(value)[:10])


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(str(value))


def _days(start: Any, end: Any) -> int:
    """Days from one date to a later one; negative where it is earlier."""
    return (_day(end) - _day(start)).days


def _hours(start: Any, end: Any) -> float:
    """Hours from one moment to a later one."""
    return (_moment(end) - _moment(start)).total_seconds() / 3600


def _months(start: Any, end: Any) -> int:
    """Whole months from one date to a later one."""
    first, last = _day(start), _day(end)
    return (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)


def _plus_months(start: Any, months: Any) -> str:
    """The same day so many months later, or the last day of that month where it has no such day."""
    first = _day(start)
    year, month = divmod(first.year * 12 + first.month - 1 + int(months), 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(first.day, last)).isoformat()


def _plus_days(start: Any, days: Any) -> str:
    """The date so many days later."""
    return (_day(start) + timedelta(days=int(days))).isoformat()


def _weekday(value: Any) -> str:
    """Name of a date's weekday, ``Monday`` and so on."""
    return ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[_day(value).weekday()]


def _money(value: Any) -> float:
    """An amount, rounded half up to two decimals."""
    return float(int(abs(value) * 100 + 0.5 + 1e-9) / 100) * (-1 if value < 0 else 1)


def _first(items: Iterable[Any]) -> Any:
    return next(iter(items), None)


def _count(items: Iterable[Any]) -> int:
    return sum(1 for _ in items)


def _lower(text: Any) -> str:
    return str(text).lower()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "all": all,
    "any": any,
    "ceil": math.ceil,
    "count": _count,
    "days": _days,
    "first": _first,
    "hours": _hours,
    "int": int,
    "len": len,
    "lower": _lower,
    "max": max,
    "min": min,
    "money": _money,
    "months": _months,
    "plus_days": _plus_days,
    "plus_months": _plus_months,
    "round": round,
    "sorted": sorted,
    "str": str,
    "sum": sum,
    "weekday": _weekday,
}

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_UNVALUED = (ExpressionError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError)
"""What part of an expression raises that cannot be evaluated by itself."""
_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class Expression:
    """One expression, read once.

    Attributes:
        text: as it was written.
        names: the names it takes from its scope, in the order in which they stand.
        fields: ``(name, field)`` of every ``name.field`` in it.
    """

    __slots__ = ("_body", "fields", "names", "text")

    def __init__(self, text: str) -> None:
        """
        Raises:
            ExpressionError: it is none; the message says what is not understood.
        """
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_CHARS:
            raise ExpressionError(f"{text!r} is no expression of 1 to {MAX_CHARS} characters")
        try:
            body = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ExpressionError(f"cannot read {text!r}: {error}") from error
        self.text = text.strip()
        self._body = body
        reader = _Reader(self.text)
        reader.read(body, frozenset())
        self.names = tuple(dict.fromkeys(reader.names))
        self.fields = tuple(dict.fromkeys(reader.fields))

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def value(self, scope: Scope, seen: Seen | None = None) -> Any:
        """What it comes to.

        Args:
            scope: values by name: plain data, as JSON has them.
            seen: is told of every field that was read on the way.

        Raises:
            ExpressionError: a name or field is not there, or the values do not go together.
        """
        try:
            return _value(self._body, scope, seen)
        except ExpressionError as error:
            raise ExpressionError(f"{self.text!r}: {error}") from error
        except (ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
            raise ExpressionError(f"{self.text!r}: {type(error).__name__}: {error}") from error

    def margin(self, scope: Scope) -> float | None:
        """How close the closest comparison of numbers or dates in it is, as a part of what is compared, days in days.

        ``None`` where nothing of the kind is compared.
        """
        found = []
        for node in ast.walk(self._body):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], _ORDERED):
                try:
                    left, right = _value(node.left, scope, None), _value(node.comparators[0], scope, None)
                except _UNVALUED:
                    continue  # of a comprehension, or of a branch that is not taken
                distance = _distance(left, right)
                if distance is not None:
                    found.append(distance)
        return min(found, default=None)


@lru_cache(maxsize=16384)
def expression(text: str) -> Expression:
    """An expression, read once per process.

    Raises:
        ExpressionError: it is none.
    """
    return Expression(text)


class _Reader:
    """Walks an expression once, to refuse what is not part of the language and note what it takes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        self.fields: list[tuple[str, str]] = []

    def read(self, node: ast.AST, bound: frozenset[str]) -> None:
        match node:
            case ast.Name(id=name):
                if name not in bound:
                    self.names.append(name)
            case ast.Attribute(value=owner, attr=field):
                if isinstance(owner, ast.Name) and owner.id not in bound:
                    self.fields.append((owner.id, field))
                self.read(owner, bound)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                if name not in FUNCTIONS:
                    raise ExpressionError(f"{self.text!r}: no function {name!r}; known: {', '.join(FUNCTIONS)}")
                for argument in arguments:
                    self.read(argument, bound)
            case ast.GeneratorExp(elt=item, generators=[part]) | ast.ListComp(elt=item, generators=[part]):
                if not isinstance(part.target, ast.Name):
                    raise ExpressionError(f"{self.text!r}: a comprehension has one variable")
                self.read(part.iter, bound)
                inner = bound | {part.target.id}
                for child in (item, *part.ifs):
                    self.read(child, inner)
            case ast.Constant(value=constant):
                if not isinstance(constant, str | int | float | type(None)):
                    raise ExpressionError(f"{self.text!r}: {constant!r} is neither text, number nor None")
            case ast.BinOp(op=operation):
                self._known(operation, _ARITHMETIC)
                self._children(node, bound)
            case ast.Compare(ops=signs):
                for sign in signs:
                    self._known(sign, _COMPARISONS)
                self._children(node, bound)
            case ast.UnaryOp(op=ast.Not() | ast.USub()) | ast.BoolOp() | ast.IfExp() | ast.List() | ast.Tuple():
                self._children(node, bound)
            case ast.Subscript():
                self._children(node, bound)
            case ast.expr_context() | ast.boolop() | ast.operator() | ast.cmpop() | ast.unaryop():
                pass
            case _:
                raise ExpressionError(f"{self.text!r}: {type(node).__name__} is not part of the language")

    def _children(self, node: ast.AST, bound: frozenset[str]) -> None:
        for child in ast.iter_child_nodes(node):
            self.read(child, bound)

    def _known(self, sign: ast.AST, known: Mapping[Any, Any]) -> None:
        if type(sign) not in known:
            raise ExpressionError(f"{self.text!r}: {type(sign).__name__} is not part of the language")


def _value(node: ast.AST, scope: Scope, seen: Seen | None) -> Any:
    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.Name(id=name):
            if name not in scope:
                raise ExpressionError(f"there is no {name!r} here")
            return scope[name]
        case ast.Attribute(value=owner, attr=field):
            return _field(_value(owner, scope, seen), field, seen)
        case ast.Subscript(value=owner, slice=index):
            return _item(_value(owner, scope, seen), _value(index, scope, seen), seen)
        case ast.Compare(left=left, ops=signs, comparators=others):
            return _compare(left, signs, others, scope, seen)
        case ast.BoolOp(op=sign, values=parts):
            return _decided(parts, isinstance(sign, ast.Or), scope, seen)
        case ast.UnaryOp(op=sign, operand=operand):
            value = _value(operand, scope, seen)
            return not value if isinstance(sign, ast.Not) else -value
        case ast.BinOp(left=left, op=operation, right=right):
            first, second = _value(left, scope, seen), _value(right, scope, seen)
            if isinstance(operation, ast.Mult) and not (_is_number(first) and _is_number(second)):
                raise ExpressionError("* takes numbers")
            return _ARITHMETIC[type(operation)](first, second)
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return _value(body if _value(test, scope, seen) else otherwise, scope, seen)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item, scope, seen) for item in items]
        case ast.GeneratorExp(elt=item, generators=[part]) | ast.ListComp(elt=item, generators=[part]):
            return _comprehension(item, part, scope, seen)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return FUNCTIONS[name](*[_value(argument, scope, seen) for argument in arguments])
    raise ExpressionError(f"{type(node).__name__} is not part of the language")


def _decided(parts: Sequence[ast.expr], by: bool, scope: Scope, seen: Seen | None) -> Any:
    """The first part that is true, or false, as ``by`` says; the last one where there is none."""
    result: Any = None
    for place, part in enumerate(parts):
        read: Seen = []
        result = _value(part, scope, None if seen is None else read)
        if bool(result) == by:
            if seen is not None:
                readings = [read, *_others(parts[place + 1 :], by, scope)]
                seen.extend(read if len(readings) == 1 else [Either(tuple(readings))])
            return result
        if seen is not None:
            seen.extend(read)
    return result


def _others(parts: Sequence[ast.expr], by: bool, scope: Scope) -> Iterator[Seen]:
    """What further parts read that decide alike; what cannot be evaluated without those before it decides nothing."""
    for part in parts:
        read: Seen = []
        try:
            decides = bool(_value(part, scope, read)) == by
        except _UNVALUED:
            continue
        if decides:
            yield read


def _comprehension(item: ast.expr, part: ast.comprehension, scope: Scope, seen: Seen | None) -> list[Any]:
    assert isinstance(part.target, ast.Name)
    items = _value(part.iter, scope, seen)
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise ExpressionError(f"a comprehension goes over a list of at most {MAX_ITEMS} items")
    found = []
    for one in items:
        inner = {**scope, part.target.id: one}
        if all(_value(test, inner, seen) for test in part.ifs):
            found.append(_value(item, inner, seen))
    return found


def _compare(
    left: ast.expr, signs: Sequence[ast.cmpop], others: Sequence[ast.expr], scope: Scope, seen: Seen | None
) -> bool:
    first = _value(left, scope, seen)
    for sign, other in zip(signs, others, strict=True):
        second = _value(other, scope, seen)
        if isinstance(sign, _ORDERED) and (first is None or second is None):
            # What is not there is neither before nor after anything.
            return False
        if not _COMPARISONS[type(sign)](first, second):
            return False
        first = second
    return True


def _field(owner: Any, field: str, seen: Seen | None) -> Any:
    if not isinstance(owner, Mapping):
        raise ExpressionError(f"{_shown(owner)} has no field {field!r}")
    if field not in owner:
        raise ExpressionError(f"no field {field!r}; there are {', '.join(map(str, owner)) or 'none'}")
    if seen is not None:
        seen.append((owner, field))
    return owner[field]


def _item(owner: Any, index: Any, seen: Seen | None) -> Any:
    if isinstance(owner, Mapping) and isinstance(index, str):
        return _field(owner, index, seen)
    if isinstance(owner, list) and isinstance(index, int):
        return owner[index]
    raise ExpressionError(f"{_shown(owner)} has no item {index!r}")


def _distance(left: Any, right: Any) -> float | None:
    if _is_number(left) and _is_number(right):
        return float(abs(left - right) / (1 + abs(right)))
    try:
        return abs(_days(left, right)) / 31
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:60]
