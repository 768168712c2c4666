"""The lower half of the grammar: what an operator may stand next to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from verl_agentic.reward_fns.math.grammar.lexer import FUNCTIONS, Token
from verl_agentic.reward_fns.math.grammar.nodes import (
    SCALARS,
    Applied,
    Bracketed,
    Collection,
    Constant,
    LimitError,
    Matrix,
    Node,
    Number,
    Relation,
    Symbol,
    UnreadableError,
    substituted,
    walk,
)

MAX_NESTING = 24
MAX_TERMS = 256
MAX_SERIES_NODES = 4000

_END = Token("", "", False)
_INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan", "cot": "arccot", "sec": "arcsec", "csc": "arccsc",
            "sinh": "arcsinh", "cosh": "arccosh", "tanh": "arctanh"}  # fmt: skip
_MANY = frozenset(("gcd", "lcm", "max", "min"))
_CLOSERS = {"lfloor": ("rfloor", "floor"), "lceil": ("rceil", "ceil"), "lvert": ("rvert", "abs"), "|": ("|", "abs")}
OPENERS = frozenset(("number", "letter", "field", "(", "[", "{", "\\{", "frac", "binom", "sqrt", "\\sqrt", "cbrt", "pi",
                     "inf", "lfloor", "lceil", "lvert", "emptyset", "begin", "sum", "prod",
                     *FUNCTIONS))  # fmt: skip


class AtomParser(ABC):
    """A cursor over tokens that reads atoms; nesting is bounded wherever it recurses."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._position = 0
        self._nesting = 0
        self._bars = 0
        self._series_nodes = 0
        # f is a function where it is applied; g and h are, too, in its company or around one another: g(t+1) may be a
        # product.
        applied = {
            one.text for one, two in pairwise(found) if one.kind == "letter" and two.kind == "(" and not two.spaced
        }
        nested = any(
            one.text in "gh" and two.kind == "(" and three.text in "gh" and four.kind == "("
            for one, two, three, four in zip(found, found[1:], found[2:], found[3:], strict=False)
        )
        self._functions = {"f", "g", "h"} if "f" in applied or nested else set()

    @abstractmethod
    def items(self) -> tuple[tuple[Node, ...], str]:
        """Items with separators between them, and what joins them."""

    @abstractmethod
    def product(self) -> Node:
        """Factors up to the next sign of a sum."""

    @abstractmethod
    def power(self) -> Node:
        """An atom with its postfixes."""

    def peek(self, ahead: int = 0) -> Token:
        position = self._position + ahead
        return self._tokens[position] if 0 <= position < len(self._tokens) else _END

    def next(self) -> Token:
        token = self.peek()
        self._position += 1
        return token

    def accept(self, *kinds: str) -> bool:
        if self.peek().kind not in kinds:
            return False
        self._position += 1
        return True

    def expect(self, *kinds: str) -> Token:
        token = self.next()
        if token.kind not in kinds:
            raise UnreadableError(f"{kinds[0]!r} is missing")
        return token

    def inside(self, rule: Callable[[], Node]) -> Node:
        """Read one level further down."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise LimitError(f"nested deeper than {MAX_NESTING}")
        node = rule()
        self._nesting -= 1
        return node

    def collection(self) -> Node:
        items, joiner = self.items()
        return items[0] if len(items) == 1 else Collection(items, False, joiner)

    def group(self) -> Node:
        """``{...}``."""
        self.expect("{")
        bars, self._bars = self._bars, 0
        node = self.inside(self.collection)
        if self.accept("choose"):
            node = Applied("binom", (node, self.inside(self.collection)))
        elif self.accept("over"):
            node = Applied("/", (node, self.inside(self.collection)))
        self.expect("}")
        self._bars = bars
        return node

    def atom(self) -> Node:
        token = self.next()
        kind = token.kind
        if kind == "number":
            return self._number(token)
        if kind == "letter":
            return self._letter(token)
        if kind in ("pi", "inf"):
            return Constant(kind)
        if kind == "field":
            return Constant(token.text)
        if kind in ("(", "["):
            return self._bracket(kind)
        if kind == "{":
            self._position -= 1
            node = self.group()
            return Collection(node.items, True) if isinstance(node, Collection) else node
        if kind == "\\{":
            items, joiner = self._inner_items()
            self.expect("\\}")
            return Collection(items, True, joiner)
        if kind == "emptyset":
            return Collection((), True)
        if kind in _CLOSERS:
            return self._enclosed(kind)
        if kind in ("frac", "binom"):
            args = (self._argument(), self._argument())
            return Applied("/" if kind == "frac" else "binom", args)
        if kind in ("sqrt", "\\sqrt", "cbrt"):
            return self._root(kind)
        if kind in FUNCTIONS:
            return self.inside(lambda: self._function(kind))
        if kind in ("sum", "prod"):
            return self._series(kind)
        if kind == "begin":
            return self._matrix(token)
        raise UnreadableError(f"{token.text[:12]!r} begins nothing")

    def _number(self, token: Token) -> Node:
        if self.peek().kind == "_":
            self.next()
            return Applied("base", (Number(token.value), _in_base(token.text, self._argument())))
        if token.value.denominator == 1 and "." not in token.text:
            return self._mixed(token.value)
        return Number(token.value)

    def _mixed(self, whole: Fraction) -> Node:
        """A whole number, with the proper fraction behind it that makes it a mixed one, if there is one."""
        if self.accept("frac"):
            over, under = self._argument(), self._argument()
            if isinstance(over, Number) and isinstance(under, Number) and 0 < over.value < under.value:
                return Number(whole + over.value / under.value)
            return Applied("*", (Number(whole), Applied("/", (over, under))))
        top, slash, bottom = (self.peek(ahead) for ahead in range(3))
        spaced_fraction = top.spaced and (top.kind, slash.kind, bottom.kind) == ("number", "/", "number")
        if spaced_fraction and 0 < top.value < bottom.value:
            self._position += 3
            return Number(whole + top.value / bottom.value)
        return Number(whole)

    def _letter(self, token: Token) -> Node:
        name = token.text
        if self.accept("_"):
            name += "_" + self._subscript()
        while self.accept("'", "prime"):
            name += "'"
        if name.rstrip("'") in self._functions and self.peek().kind == "(" and not self.peek().spaced:
            return self._applied(name)
        return Constant(name) if name in ("e", "i") else Symbol(name)

    def _applied(self, name: str) -> Node:
        """An unknown function of one argument, as a family of functions of which no two commute."""
        self.next()
        argument = self._bracket("(")
        if not isinstance(argument, SCALARS):
            return Applied("*", (Symbol(name), argument))
        return Applied(
            "*", (Symbol(name), Applied("^", (Applied("+", (argument, Symbol(name + ":"))), Number(Fraction(3)))))
        )

    def _subscript(self) -> str:
        if not self.accept("{"):
            return self.expect("number", "letter").text
        text = ""
        while not self.accept("}"):
            text += self.expect("number", "letter", ",", "+", "-").text
        return text

    def _inner_items(self) -> tuple[tuple[Node, ...], str]:
        bars, self._bars = self._bars, 0
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise LimitError(f"nested deeper than {MAX_NESTING}")
        found = self.items()
        self._nesting -= 1
        self._bars = bars
        return found

    def _bracket(self, left: str) -> Node:
        items, _ = self._inner_items()
        right = self.expect(")", "]").kind
        if len(items) > 1:
            return Bracketed(left, items, right)
        if (left, right) not in (("(", ")"), ("[", "]")):
            raise UnreadableError("brackets do not match")
        return Bracketed(left, items, right) if isinstance(items[0], Bracketed) and left == "[" else items[0]

    def _enclosed(self, kind: str) -> Node:
        closer, name = _CLOSERS[kind]
        self._bars += kind == "|"
        node = self.inside(self.collection)
        self._bars -= kind == "|"
        self.expect(closer)
        return Applied(name, (node,))

    def _argument(self) -> Node:
        """What a LaTeX command takes: a group, else one digit or one letter."""
        token = self.peek()
        if token.kind == "{":
            return self.group()
        if token.kind == "number" and len(token.text) > 1 and token.text[0].isdigit():
            rest = token.text[1:]
            self._tokens[self._position] = Token("number", rest.lstrip("."), False, Fraction(rest))
            return Number(Fraction(token.text[0]))
        return self.inside(self.atom)

    def _root(self, kind: str) -> Node:
        degree: Node = Number(Fraction(3 if kind == "cbrt" else 2))
        if kind == "\\sqrt" and self.accept("["):
            degree = self.inside(self.collection)
            self.expect("]")
        radicand = self._argument() if kind == "\\sqrt" else self.inside(self.atom)
        return Applied("root", (radicand, degree))

    def _function(self, name: str) -> Node:
        base = self._argument() if name == "log" and self.accept("_") else None
        power: Node | None = None
        if self.accept("^"):
            negative = self.accept("-")
            power = self._argument()
            power = Applied("neg", (power,)) if negative else power
            if power in (Number(Fraction(-1)), Applied("neg", (Number(Fraction(1)),))) and name in _INVERSE:
                name, power = _INVERSE[name], None
        if name == "log" and base is None and self.accept("_"):
            base = self._argument()
        args = self._function_arguments(name)
        if name == "cis":
            name, args = "exp", (Applied("*", (Constant("i"), args[0])),)
        if name in ("log", "ln", "lg"):
            base = Number(Fraction(10)) if name == "lg" else base
            name = "log"
            args = (*args, base) if base is not None else args
        call = Applied(name, args)
        return Applied("^", (call, power)) if power is not None else call

    def _function_arguments(self, name: str) -> tuple[Node, ...]:
        if self.accept("("):
            items, _ = self._inner_items()
            self.expect(")")
            if (len(items) != 1) != (name in _MANY) and name not in _MANY:
                raise UnreadableError(f"{name} takes one argument")
            return items
        if name in _MANY:
            raise UnreadableError(f"{name} needs brackets")
        factors = [self.power()]
        while self.peek().kind in OPENERS - FUNCTIONS and self.peek().kind not in ("number", "(", "["):
            factors.append(self.power())
        return (factors[0] if len(factors) == 1 else Applied("*", tuple(factors)),)

    def _series(self, kind: str) -> Node:
        """A sum or product between two numbers, written out; all others take a computer algebra system."""
        start, last = None, None
        while self.peek().kind in ("_", "^"):
            if self.next().kind == "_":
                start = self._argument()
            else:
                last = self._argument()
        if not isinstance(start, Relation) or start.operators != ("=",) or not isinstance(last, Number):
            raise UnreadableError("no finite series")
        index, first = start.sides
        if not isinstance(index, (Symbol, Constant)) or not isinstance(first, Number):
            raise UnreadableError("no finite series")
        body = self.inside(self.product)
        terms = last.value - first.value + 1
        if terms.denominator != 1 or not 2 <= terms <= MAX_TERMS or not isinstance(body, SCALARS):
            raise UnreadableError("no short series")
        self._series_nodes += int(terms) * sum(1 for _ in walk(body))
        if self._series_nodes > MAX_SERIES_NODES:
            raise UnreadableError("no short series")
        values = (Number(first.value + step) for step in range(int(terms)))
        return Applied("+" if kind == "sum" else "*", tuple(substituted(body, index, value) for value in values))

    def _matrix(self, begin: Token) -> Node:
        rows: list[tuple[Node, ...]] = []
        while self.peek().kind not in ("end", ""):
            row = [self.inside(self.collection)]
            while self.accept("&"):
                row.append(self.inside(self.collection))
            rows.append(tuple(row))
            if not self.accept("\\\\"):
                break
        self.expect("end")
        if not rows or len({len(row) for row in rows}) > 1:
            raise UnreadableError("rows of different length")
        if "vmatrix" in begin.text.lower():
            return Applied("det", rows[0]) if len(rows) == 1 else Applied("det", (Matrix(tuple(rows)),))
        return Matrix(tuple(rows))


def _in_base(digits: str, base: Node) -> Node:
    if not isinstance(base, Number) or base.value.denominator != 1 or not 2 <= base.value <= 36 or not digits.isdigit():
        raise UnreadableError("no number in a base")
    if len(digits) > 200 or any(int(digit) >= base.value for digit in digits):
        raise UnreadableError("no digit of the base")
    return Number(Fraction(int(digits, int(base.value))))
