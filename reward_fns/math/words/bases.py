"""Numbers in other bases whose notation is not a digit string with a number below: hexadecimal, in words, prefixed."""

from __future__ import annotations

import re

from verl_agentic.reward_fns.math.grammar.nodes import UnreadableError

_WORDS = {"two": 2, "binary": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
          "ten": 10, "eleven": 11, "twelve": 12, "sixteen": 16, "hex": 16}  # fmt: skip
_IN_WORDS = re.compile(rf"_\s*\{{?\s*\\text\s*\{{\s*({'|'.join(_WORDS)})\s*\}}\s*\}}?")
_WRAPPED = re.compile(r"(?:\\text\s*\{\s*([0-9A-Fa-f]{1,60})\s*\}|(?<![a-zA-Z\\])\(\s*([0-9A-F]{1,60})\s*\))(?=\s*_)")
_UPPER = re.compile(r"(?<![0-9a-zA-Z.])(?=[0-9]*[A-F])([0-9A-F]{2,60})\s*_\s*\{?(1[1-6])\}?(?![0-9])")
_LOWER = re.compile(r"(?<![0-9a-zA-Z.\\])(?=[0-9]*[a-f])([0-9a-f]{2,60})\s*_\s*\{?(16)\}?(?![0-9])")
_PREFIXED = re.compile(
    r"(?<![0-9a-zA-Z.])0(?:[xX]([0-9a-fA-F]{1,60})|[bB]([01]{1,200})|[oO]([0-7]{1,60}))(?![0-9a-zA-Z.])"
)


def in_decimals(text: str) -> str:
    """The text with such numbers in base ten, and with a base that is a word as a number.

    Raises:
        UnreadableError: a digit is none of its base.
    """
    if "_" in text:
        if "\\text" in text:
            text = _IN_WORDS.sub(lambda found: f"_{{{_WORDS[found[1]]}}}", text)
        text = _WRAPPED.sub(lambda found: found[1] or found[2], text)
        text = _LOWER.sub(_based, _UPPER.sub(_based, text))
    if "0" in text:
        text = _PREFIXED.sub(_prefixed, text)
    return text


def _based(match: re.Match[str]) -> str:
    base = int(match[2])
    if any(int(digit, 16) >= base for digit in match[1]):
        raise UnreadableError(f"no number in base {base}")
    return str(int(match[1], base))


def _prefixed(match: re.Match[str]) -> str:
    return str(next(int(digits, base) for digits, base in zip(match.groups(), (16, 2, 8), strict=True) if digits))
