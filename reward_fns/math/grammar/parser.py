"""A bounded recursive-descent parser of answers: LaTeX and plain text, scalars and structures."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from verl_agentic.reward_fns.math.grammar.atoms import OPENERS, AtomParser
from verl_agentic.reward_fns.math.grammar.lexer import tokens
from verl_agentic.reward_fns.math.grammar.nodes import (
    SCALARS,
    Applied,
    Bracketed,
    Collection,
    LimitError,
    Matrix,
    Node,
    Number,
    Relation,
    SetOperation,
    Symbol,
    UnreadableError,
    symbols,
)
from verl_agentic.reward_fns.math.values.real_sets import whole_numbers
from verl_agentic.reward_fns.math.words.bases import in_decimals

MAX_DOUBLE_FACTORIAL = 300
_RELATIONS = frozenset(("=", "<", ">", "<=", ">=", "!=", "in"))
_REPEATING = re.compile(r"([0-9]+)?\.([0-9]*)(?:\\overline\s*\{([0-9]+)\}|\(([0-9]+)\))")
_DOTTED = re.compile(r"\\dot\s*\{?([0-9])\}?(?:([0-9]*)\\dot\s*\{?([0-9])\}?)?")
_INFINITY = re.compile(r"(?<![a-zA-Z\\])oo(?![a-zA-Z])")
_PERIODIC = re.compile(
    r"(?<![0-9])([0-9]{0,20}\.[0-9]{0,12}?)(?:([0-9])\2{2,}|([0-9]{2})\3{2,}|([0-9]{3,9}?)\4+)[0-9]{0,8}(?:\.\.\.|\\(?:l|c)?dots)"
)
_CHOOSE = re.compile(r"(?<![a-zA-Z\\])C\s*\(\s*([0-9]+|[a-z])\s*,\s*([0-9]+|[a-z])\s*\)")
_COUNT = r"\{?\s*([0-9]+|[a-z])\s*\}?"
_BEFORE_AND_BEHIND = re.compile(rf"(?:\{{\s*\}}\s*|(?<![a-zA-Z0-9)}}]))[_^]\s*{_COUNT}\s*([CP])\s*_\s*{_COUNT}")
_NUMBERS_AROUND = re.compile(r"(?<![0-9a-zA-Z.{])([0-9]{1,4})([CP])([0-9]{1,4})(?![0-9a-zA-Z.])")
_BELOW_AND_ABOVE = re.compile(
    r"(?<![a-zA-Z\\])C_\{?([0-9]+)\}?\s*\^\s*\{?([0-9]+)\}?|(?<![a-zA-Z\\])C\^\{?([0-9]+)\}?\s*_\s*\{?([0-9]+)\}?"
)
_LOG_TO = re.compile(r"(?<![a-zA-Z\\])\\?log(2|10)\s*(?=[({])")
_OUT_OF = re.compile(r"([0-9]+) out of (?:the |every )?([0-9]+)")
_IN = re.compile(r"([0-9]+) in (?:every )?([0-9]+)")
_TO = re.compile(r"([0-9.]+)\s*(?:\bto\b|\\text\{\s*to\s*\})\s*([0-9.]+)")
_TIMES_TEN = re.compile(r"(?<=[0-9])\s*[xX]\s*(?=10\s*\^)")
_INDEXED = re.compile(r"(?<![a-zA-Z0-9\\_.^{])([a-zA-Z])([0-9]{1,3})(?![0-9a-zA-Z.(])")
_FUNCTION_OF = re.compile(r"([a-zA-Z])\s*(?:\^\{-1\})?\s*\(\s*[a-z](?:\s*,\s*[a-z])*\s*\)\s*=(?!=)")
_SET_BUILDER = re.compile(
    r"\\\{\s*([a-zA-Z])\s*(?:\\in\s*\\mathbb\s*\{?([RZN])\}?\s*)?(?:\||:|\\(?:mid|colon)(?![a-z]))(.*)\\\}"
)
_THOUSANDS = re.compile(
    r"(?<![0-9.,_'])[0-9]{1,3}(?:(?:,[0-9]{3})+(?![0-9]|,[0-9])|(?:'[0-9]{3})+(?![0-9'])|(?:_[0-9]{3})+(?![0-9_])"
    r"|(?:\.[0-9]{3})+,[0-9]+(?![0-9,])|(?:\.[0-9]{3}){2,}(?![0-9.,]))|(?<![0-9.])[0-9]{1,3}(?: [0-9]{3})+(?![0-9])"
)


def parse(text: str) -> Node:
    """The node of a cleaned answer, thousands separators outside brackets folded.

    Raises:
        UnreadableError: it is not of the grammar.
        LimitError: it is beyond the bounds on size or nesting.
    """
    if "." in text or "\\dot" in text:
        text = _DOTTED.sub(lambda found: "\\overline{" + "".join(part or "" for part in found.groups()) + "}", text)
        text = _PERIODIC.sub(lambda found: f"{found[1]}\\overline{{{found[2] or found[3] or found[4]}}}", text)
        text = _REPEATING.sub(_repeating, text)
    text = in_decimals(text)
    if "oo" in text:
        text = _INFINITY.sub(r"\\infty ", text)
    if "C" in text or "P" in text:
        text = _CHOOSE.sub(r"\\binom{\1}{\2}", text)
        text = _BEFORE_AND_BEHIND.sub(_chosen, text)
        text = _NUMBERS_AROUND.sub(_chosen, text)
        text = _BELOW_AND_ABOVE.sub(lambda found: f"\\binom{{{found[1] or found[4]}}}{{{found[2] or found[3]}}}", text)
    if "log" in text:
        text = _LOG_TO.sub(r"\\log_{\1}", text)
    if " " in text and ("o" in text or " in " in text):
        text = _TO.sub(r"\1:\2", _OUT_OF.sub(r"\1/\2", text))
        share = _IN.fullmatch(text)
        text = f"{share[1]}/{share[2]}" if share else text
    if "^" in text:
        text = _TIMES_TEN.sub(r"\\times ", text)
    text = _INDEXED.sub(r"\1_{\2}", text)
    if "=" in text:
        text = _FUNCTION_OF.sub(r"\1=", text, count=1)
    builder = _SET_BUILDER.fullmatch(text) if text.startswith("\\{") else None
    if builder is None:
        return _Parser(tokens(text)).whole()
    found = _Parser(tokens(builder[3])).whole()
    return found if builder[2] in (None, "R") else whole_numbers(found, builder[1], natural=builder[2] == "N")


def without_thousands(text: str) -> str:
    """The text with ``1,234`` outside brackets, and ``1 234``, as one number."""
    parts, depth, last = [], 0, 0
    for match in _THOUSANDS.finditer(text):
        depth += sum(text.count(mark, last, match.start()) for mark in "([{")
        depth -= sum(text.count(mark, last, match.start()) for mark in ")]}")
        folded = match.group() if depth else _digits(match.group())
        parts += [text[last : match.start()], folded]
        last = match.end()
    return "".join((*parts, text[last:]))


def _digits(number: str) -> str:
    if number.count(".") > number.count(",") or ("." in number and "," in number):  # 1.234.567,89
        number = number.replace(".", "").replace(",", ".")
    return re.sub("[ ,'_]", "", number)


def _chosen(match: re.Match[str]) -> str:
    upper, kind, lower = match.groups()
    if kind == "C":
        return f"\\binom{{{upper}}}{{{lower}}}"
    rest = str(int(upper) - int(lower)) if upper.isdigit() and lower.isdigit() else f"{upper}-{lower}"
    return f"\\frac{{{upper}!}}{{({rest})!}}"


def _repeating(match: re.Match[str]) -> str:
    whole, fixed, period = match.group(1) or "0", match.group(2), match.group(3) or match.group(4)
    if len(whole + fixed + period) > 100:
        raise LimitError("repeating decimal is too long")
    value = Fraction(int(whole + fixed) + Fraction(int(period), 10 ** len(period) - 1), 10 ** len(fixed))
    return f"\\frac{{{value.numerator}}}{{{value.denominator}}}"


class _Parser(AtomParser):
    """The upper half of the grammar, from lists down to powers."""

    def whole(self) -> Node:
        node = self.collection()
        if self._position < len(self._tokens):
            raise UnreadableError(f"{self.peek().text[:12]!r} is left over")
        return node

    def items(self) -> tuple[tuple[Node, ...], str]:
        items, joiners = [self._relation()], set()
        while self.peek().kind in (",", ";", "or", "and"):
            joiners.add(self.next().kind)
            if joiners & {",", ";"}:  # "1, 2, and 3"
                self.accept("or", "and")
            items.append(self._relation())
        return tuple(items), "and" if joiners == {"and"} else "or"

    def _relation(self) -> Node:
        sides, operators = [self._set_operation()], []
        while self.peek().kind in _RELATIONS:
            operators.append(self.next().kind)
            sides.append(self._set_operation())
        return Relation(tuple(sides), tuple(operators)) if operators else sides[0]

    def _set_operation(self) -> Node:
        node = self._ratio()
        while True:
            token = self.peek()
            union = token.text == "U" and isinstance(node, (Bracketed, SetOperation))
            if not union and token.kind not in ("cup", "cap", "setminus"):
                return node
            self.next()
            node = SetOperation("cup" if union else token.kind, (node, self._ratio()))

    def _ratio(self) -> Node:
        parts = [self._sum()]
        while self.accept(":"):
            parts.append(self._sum())
        return Applied(":", tuple(parts)) if len(parts) > 1 else parts[0]

    def _sum(self) -> Node:
        terms: list[Node] = []
        while True:
            sign = self.next().kind if self.peek().kind in ("+", "-", "pm", "mp") else "+"
            term = self.product()
            if sign in ("pm", "mp"):
                terms = [Applied(sign, (_sum_of(terms) if terms else Number(Fraction(0)), term))]
            elif sign == "-" and terms and isinstance(term, Collection):
                terms = [SetOperation("setminus", (_sum_of(terms), term))]
            else:
                terms.append(_negated(term) if sign == "-" else term)
            if self.peek().kind not in ("+", "-", "pm", "mp"):
                return _sum_of(terms)

    def product(self) -> Node:
        negative = False
        while self.peek().kind in ("-", "+"):
            negative ^= self.next().kind == "-"
        factors = [self.power()]
        while True:
            if self.peek().kind == "*":
                crossed = self.next().text == "\\times"
                factor = self._signed_power()
                if crossed and isinstance(factor, Symbol) and isinstance(factors[-1], Symbol):
                    factors[-1] = Applied("cross", (factors[-1], factor))
                else:
                    factors.append(factor)
            elif self.accept("/"):
                factors = [Applied("/", (_product_of(factors), self._signed_power()))]
            elif self._begins_factor():
                factors.append(self.power())
            else:
                product = _product_of(factors)
                return _negated(product) if negative else product

    def _signed_power(self) -> Node:
        negative = False
        while self.peek().kind in ("-", "+"):
            negative ^= self.next().kind == "-"
        return _negated(self.power()) if negative else self.power()

    def _begins_factor(self) -> bool:
        token = self.peek()
        if token.kind == "number":  # "37 38" is no product
            return self.peek(-1).kind in (")", "}", "!")
        if token.text == "U" and self.peek(-1).kind in (")", "]"):
            return False
        return token.kind in OPENERS or (token.kind == "|" and not self._bars)

    def power(self) -> Node:
        node = self.atom()
        postfixes = 0
        while True:
            kind = self.peek().kind
            if kind in ("!", "%", "degree"):
                self.next()
                twice = kind == "!" and self.peek().kind == "!" and not self.peek().spaced
                node = _double_factorial(node) if twice and self.accept("!") else _postfix(node, kind)
                postfixes += 1
                if postfixes > 4:
                    raise UnreadableError("too many signs behind one another")
            elif kind == "^":
                self.next()
                exponent = self.inside(self._exponent)
                transposed = isinstance(exponent, Symbol) and exponent.name == "T" and not isinstance(node, SCALARS)
                if exponent == Symbol("T") and _is_vector(node):
                    node = Applied("transpose", (node,))
                else:
                    node = node if transposed else Applied("^", (node, exponent))
            else:
                return node

    def _exponent(self) -> Node:
        if self.peek().kind == "{":
            exponent = self.group()
        else:
            negative = self.accept("-")
            exponent = self.atom()
            exponent = _negated(exponent) if negative else exponent
        if self.accept("^"):
            return Applied("^", (exponent, self.inside(self._exponent)))
        return exponent


def _sum_of(terms: list[Node]) -> Node:
    if len(terms) == 1:
        return terms[0]
    matrices = [term.rows for term in terms if isinstance(term, Matrix)]
    if len(matrices) == len(terms) and len({(len(rows), len(rows[0])) for rows in matrices}) == 1:
        added = zip(*matrices, strict=True)
        return Matrix(tuple(tuple(Applied("+", cells) for cells in zip(*rows, strict=True)) for rows in added))
    return Applied("+", tuple(terms))


def _product_of(factors: list[Node]) -> Node:
    if len(factors) == 1:
        return factors[0]
    matrices = [factor for factor in factors if isinstance(factor, Matrix)]
    scalars = [factor for factor in factors if isinstance(factor, SCALARS)]
    if len(matrices) == 1 and len(scalars) == len(factors) - 1:
        return Matrix(tuple(tuple(Applied("*", (*scalars, cell)) for cell in row) for row in matrices[0].rows))
    return Applied("*", tuple(factors))


def _negated(node: Node) -> Node:
    if isinstance(node, Matrix):
        return Matrix(tuple(tuple(map(_negated, row)) for row in node.rows))
    return Number(-node.value) if isinstance(node, Number) else Applied("neg", (node,))


def _double_factorial(node: Node) -> Node:
    if not isinstance(node, Number) or node.value.denominator != 1 or node.value < 0:
        raise UnreadableError("double factorial of no natural number")
    if node.value > MAX_DOUBLE_FACTORIAL:
        raise LimitError(f"double factorial of a number over {MAX_DOUBLE_FACTORIAL}")
    return Number(Fraction(math.prod(range(node.value.numerator, 0, -2))))


def _is_vector(node: Node) -> bool:
    """Whether ``^T`` transposes it: a letter, or products and sums of capitals."""
    if isinstance(node, Symbol):
        return len(node.name.partition("_")[0]) == 1
    names = symbols(node) if isinstance(node, Applied) and node.name in ("*", "+", "transpose", "^") else []
    return bool(names) and all(name[0].isupper() for name in names)


def _postfix(node: Node, kind: str) -> Node:
    if kind == "%":
        return Applied("/", (node, Number(Fraction(100))))
    return Applied("fact" if kind == "!" else "deg", (node,))
