"""From what was written to plain LaTeX: unicode, wrappers, spacing and synonyms folded away."""

from __future__ import annotations

import re

from verl_agentic.reward_fns.answer_text import boxed_answer
from verl_agentic.reward_fns.math.characters import fold_unicode

_COSMETICS = (
    (re.compile(r"(?<!\\)\\!"), ""),
    (re.compile(r"\{([,:])\}"), r"\1"),
    (re.compile(r"\\left\s*\|"), r"\\lvert "),
    (re.compile(r"\\right\s*\|"), r"\\rvert "),
    (re.compile(r"\\(?:left|right)\s*\."), " "),
    (re.compile(r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|mathstrut)(?![a-zA-Z])"), ""),
    (re.compile(r"(?<!\\)\\[,;:> ]|\\q?quad(?![a-zA-Z])|(?<!\\)~|\\(?:hspace|phantom|vspace)\*?\{[^{}]*\}"), " "),
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\[dt]binom(?![a-zA-Z])"), r"\\binom"),
    (re.compile(r"\\(?:leq|leqslant)(?![a-zA-Z])|<="), r"\\le "),
    (re.compile(r"\\(?:geq|geqslant)(?![a-zA-Z])|>="), r"\\ge "),
    (re.compile(r"\\neq(?![a-zA-Z])|!="), r"\\ne "),
    (re.compile(r"\\lt(?![a-zA-Z])"), "<"),
    (re.compile(r"\\gt(?![a-zA-Z])"), ">"),
    (re.compile(r"\\(?:mathbf|boldsymbol|mathit|bm|mathcal|hat|ensuremath|color\{\w+\})(?=\{)|\\vec(?=\{\w\})"), ""),
    (re.compile(r"\\(?:rm|bf|it|sf)(?![a-zA-Z])"), ""),
    (re.compile(r"\\(?:textbf|textit|textrm|textnormal|textsf|mathrm|mathsf|mathtt|texttt|mbox|operatorname\*?)(?![a-zA-Z])"),
     r"\\text"),
    (re.compile(r"\\text\s+(?=\{)"), r"\\text"),
    (re.compile(r"\^\s*\{?\s*(?:\\circ|\\degree|\\text\{o\})\s*\}?|\\degree(?![a-zA-Z])"), r"\\degree "),
    (re.compile(r"\\text\{\s*degrees?\s*\}|(?<=[\d\s)}])\bdegrees?\b"), r"\\degree "),
    (re.compile(r"\\%|\\text\{\s*(?:%|percent)\s*\}|(?<=[\d\s)}])\bper\s?cent\b"), "%"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"\\overline(?=\{[A-Z]{2}\})"), ""),
    (re.compile(r"\\(?:varnothing)(?![a-zA-Z])|\\\{\s*\\\}"), r"\\emptyset "),
    (re.compile(r"\\(?:R|reals|Reals)(?![a-zA-Z])"), r"\\mathbb{R}"),
)  # fmt: skip
_MATHS_IN_PROSE = re.compile(r"(?<!\\)\$(?=\S)([^$]*[^$\s\\])\$(?![0-9])")
_WRAPPED = re.compile(
    r"(?s)\$\$(.+)\$\$|\$([^$]+)\$|\\\((.+)\\\)|\\\[(.+)\\\]|\*\*([^*]+)\*\*|`([^`]+)`"
    r"|\*([^*]+)\*|__([^_]+)__|\\fbox\{(.+)\}"
)
_LEAD = re.compile(
    r"(?i)(?:the\s+)?(?:(?:final|correct|right|best)\s+)*(?:answer|option|choice)\s*(?:is|:|=)\s*:?\s*|(?:is\s+)?(?:approximately|about|roughly|around)\s+(?=[-\d\\$])"
    r"|(?:option|choice)\s+(?=\(?[a-j]\b)|\\approx\s*|\\text\s*\{[^{}]*\banswer\b[^{}]*\}\s*|\\therefore\s*|=\s*"
)
_APPROXIMATION = re.compile(r"(.+?)\s*\\approx(?![a-zA-Z]).*", re.DOTALL)
_TEXT_COMMAND = re.compile(r"\\text\s*\{([^{}]*)\}")
_LISTED = re.compile(r"\A<([^<>]*,[^<>]*)>\Z")
_SPACES = re.compile(r"\s+")


def clean(text: str) -> str:
    """Fold what does not change the meaning of an answer: what is boxed, unicode, ``$``, spacing, styles."""
    text = text.strip()
    text = boxed_answer(text) or text
    if not text.isascii():
        text = fold_unicode(text)
    for _ in range(4):  # wrappers in wrappers
        before = text
        match = _WRAPPED.fullmatch(text)
        if match:
            text = next(part for part in match.groups() if part is not None).strip()
        text = text[_matched(_LEAD, text) :]
        if text == before:
            break
    if text.count("$") > 1:  # $x = 1$ and $x = 2$, but not $1 and $2
        text = _MATHS_IN_PROSE.sub(r"\1", text)
    text = _LISTED.sub(r"\\langle \1\\rangle ", text)
    text = text.replace("+/-", "\\pm ")
    exact = _APPROXIMATION.fullmatch(text)
    if exact and not exact.group(1).isalpha():  # 2/3 \approx 0.67, but not x \approx 0.67
        text = exact.group(1)
    if "\\" in text or any(mark in text for mark in "~{<>!*%") or "degree" in text or "per" in text:
        for pattern, new in _COSMETICS:
            text = pattern.sub(new, text)
        text = text.replace("\\(", "").replace("\\)", "").replace("\\[", "").replace("\\]", "")
    text = _SPACES.sub(" ", text).strip()
    if text[:1] == "]" or text[-1:] == "[":  # ]1, 2[ is an open interval
        text = re.sub(r"^\]", "(", re.sub(r"\[$", ")", text))
    while text.endswith(".") and not text.endswith("..."):
        text = text[:-1].rstrip()
    return text


def _matched(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def words(text: str) -> str:
    """A text answer as it is compared: without ``\\text``, case, quotes, articles and repeated spaces."""
    text = _TEXT_COMMAND.sub(r" \1 ", text).replace("\\ ", " ")
    text = re.sub(r"[\"'`*]|^\s*(?:the|an?)\s+(?=\w{2})", "", text.casefold())
    return _SPACES.sub(" ", text).strip(" .")


def unwrapped(text: str) -> str:
    """The text with every ``\\text{...}`` replaced by its content."""
    return _SPACES.sub(" ", _TEXT_COMMAND.sub(r" \1 ", text)).strip()
