"""From what was written to plain LaTeX: unicode, wrappers, spacing and synonyms folded away."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from verl_agentic.core.messages.answers import boxed_answer
from verl_agentic.reward_fns.math.grammar.characters import fold_unicode

_RARE = re.compile(
    r"\\\\\[|\\(?:newline|textcolor|colorbox|color|underline|mathop|uline|cancel|tag|label|surd|[lL]arge|LARGE|[hH]uge|small|normalsize)"
    r"(?![a-zA-Z])|tg\s*\}"
)
_RARE_COSMETICS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\\\\\[-?[0-9.]+ ?(?:pt|em|ex|mm|cm)\]|\\newline(?![a-zA-Z])"), r"\\\\"),
    (re.compile(r"\\(?:textcolor|colorbox)\s*(?:\[\w+\])?\{\w+\}|\\color\s*\{\w+\}"), ""),
    (re.compile(r"\\mathop\s*\{\s*(\\[a-z]+\s*\{[^{}]*\})\s*\}"), r"\1"),
    (re.compile(r"\\(?:[lL]arge|LARGE|[hH]uge|small|normalsize)(?![a-zA-Z])"), ""),
    (re.compile(r"\\surd(?![a-zA-Z])"), r"\\sqrt"),
    (re.compile(r"\\(?:underline|mathop|uline)(?=\{)|\\(?:tag|label)\{[\w.*]{1,8}\}"), ""),
    (re.compile(r"\\(?:text|operatorname\*?|mathrm)\s*\{\s*(arc)?(c)?tg\s*\}"),
     lambda found: f"\\{found[1] or ''}{'cot' if found[2] else 'tan'} "),
)  # fmt: skip
_COSMETICS = (
    (re.compile(r"(?<=,)\s*(?<!\\)\\!\s*(?=[0-9])|(?<!\\)\\!"), ""),
    (re.compile(r"\s*\{\s*([,:])\s*\}\s*"), r"\1"),
    (re.compile(r"\\left\s*\|"), r"\\lvert "),
    (re.compile(r"\\right\s*\|"), r"\\rvert "),
    (re.compile(r"\\(?:left|right)\s*\."), " "),
    (re.compile(r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|mathstrut)(?![a-zA-Z])"), ""),
    (re.compile(r"(?<!\\)\\[,;:> ]|\\q?quad(?![a-zA-Z])|(?<!\\)~|\\(?:hspace|phantom|vspace)\*?\{[^{}]*\}"), " "),
    (re.compile(r"\\(?:[dtcs]|nice|x|flat)frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\[dt]binom(?![a-zA-Z])"), r"\\binom"),
    (re.compile(r"\\(?:leq|leqslant)(?![a-zA-Z])|<="), r"\\le "),
    (re.compile(r"\\(?:geq|geqslant)(?![a-zA-Z])|>="), r"\\ge "),
    (re.compile(r"\\neq(?![a-zA-Z])|!="), r"\\ne "),
    (re.compile(r"\\lt(?![a-zA-Z])"), "<"),
    (re.compile(r"\\gt(?![a-zA-Z])"), ">"),
    (re.compile(r"\\(?:mathbf|boldsymbol|mathit|bm|mathcal|hat|ensuremath)(?=\{)|\\vec(?=\{\w\})"), ""),
    (re.compile(r"\\(?:rm|bf|it|sf)(?![a-zA-Z])"), ""),
    (re.compile(r"\\(?:textbf|textit|textrm|textnormal|textsf|mathrm|mathsf|mathtt|texttt|mbox|operatorname\*?)(?![a-zA-Z])"),
     r"\\text"),
    (re.compile(r"\\text\s+(?=\{)"), r"\\text"),
    (re.compile(r"\^\s*\{?\s*(?:\\circ|\\degree|\\text\{o\})\s*\}?|\\degree(?![a-zA-Z])"), r"\\degree "),
    (re.compile(r"\\text\{\s*degrees?\s*\}|(?<=[\d\s)}])\bdegrees?\b"), r"\\degree "),
    (re.compile(r"\\%|\\text\{\s*(?:%|per\s?cent|pct\.?|percentage)\s*\}"
                r"|(?<=[\d\s)}])\b(?:per\s?cent|pct|percentage)\b"), "%"),
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
    r"(?i)(?:the\s+)?(?:(?:final|correct|right|best)\s+)*(?:answer|option|choice|result)\s*(?:is|:|=)\s*:?\s*"
    r"|(?:is\s+)?(?:approximately|about|roughly|around)\s+(?=[-\d\\$])"
    r"|(?:option|choice)\s+(?=\(?[a-j]\b)|\\approx\s*|\\therefore\s*|=\s*"
    r"|\\text\s*\{(?![^{}]*\b(?:wrong|not|incorrect|false|no)\b)[^{}]*\banswer\b[^{}]*\}\s*"
    r"|#{1,6}\s+|\*\*[^*]{0,30}\b(?:answer|result)\b[^*]{0,10}\*\*\s*:?\s*"
    r"|(?:therefore|thus|hence|so|finally|then|in conclusion|in total)\s*[,:]\s*"
    r"|(?:thus|hence|so|therefore|exactly|precisely|a\s+total\s+of)\s+(?=[-\d\\$])"
    r"|all\s+(?:real\s+(?:numbers\s+)?)?[a-z]\s+(?:with|such\s+that|where)\s+(?=[-\da-z\\$])"
    r"|(?:(?:we\s+(?:get|have|obtain|find)|(?:it|this|that|there)\s+(?:is|are)|it's)(?:\s+(?:exactly|equal\s+to))?)\s*:?\s+"
    r"(?=[-+\d\\$.(]|impossible|undefined|no\b|unknown|infinite)"
)
_SENTENCE = re.compile(
    r"(?i)((?:[a-z][a-z'-]*,?\s+){1,14}?)(?:is|are|was|were|has|have|had|equals|gets?|got|needs?|makes?|made|earns?|earned|"
    r"pays?|paid|costs?|takes?|took|spends?|spent|sold|sells|ate|eats|walked|ran|drove|travels?|will\s+be|will\s+have|"
    r"(?:is|are)\s+equal\s+to)\s+(?:exactly\s+|a\s+total\s+of\s+)?(?=(?:[-+]?[\d\\$.]|[-+(]*\d))"
)
_CAPTION = re.compile(r"([A-Z][a-z]+(?: [a-z]+){0,4}):\s+(?=[-+\d\\$(\[{]|[a-zA-Z](?:_\w+)? ?=)")
_TRAILER = re.compile(r"(.+?)\s+is the (?:final |correct )?answer", re.IGNORECASE)
_STARTING_TEXT = re.compile(r"^\\text\s*\{([^{}]* (?:is|are|has|have|equals)\s*)\}")
_REMARK = re.compile(r"\s+\((not\s+[-\d.]+|[a-zA-Z][a-zA-Z '.-]*)\)$")
_TAKES_BACK = re.compile(
    r"(?i)(?<![a-z])(?:not|no|never|n't|isn't|aren't|neither|nor|none|if|unless|except|false|wrong|incorrect|less|more|"
    r"fewer|greater|least|most|than|or|either|maybe|perhaps|might|may|could|would|rejected|extraneous|excluded|invalid|"
    r"impossible|without|almost|nearly|unlike|instead|otherwise|mod|base|in|times|to|half|double|triple|twice|thrice|minus|"
    r"plus|and|negative|negation|opposite|inverse|reciprocal|square|squared|cube|cubed|root|logarithm|factorial|complement|"
    r"thought|thinks?|guess(?:ed|es)?|tried|assumed?|supposed|claims?|claimed|refuted|bad|doubt(?:ful|s)?|unsure)"
    r"(?![a-z])"
)
_CONSTANT = re.compile(
    r"\s*[,;]?\s*(?:\\text\s*\{)?\s*(?:where|for|with)\s+(?:(?:any|all|every|some|an?)\s+)?(?:(?:real|arbitrary|complex)\s+)*"
    r"(?:constants?|numbers?)?\s*\}?\s*\$?([a-zA-Z])\$?\s*(?:\\text\s*\{)?\s*(?:is\s+(?:an?|any)\s+(?:(?:real|arbitrary|complex)\s+)*"
    r"(?:constant|number))?\s*\}?$"
)
_ROW = re.compile(r"(?<!\\)\\\\(?!\\)|(?<!\\)\\\\(?=\\[a-zA-Z])")
_ROWS_OF_EQUATIONS = re.compile(
    r"\\begin\{(cases|aligned|align\*?|gathered|array)\}(?:\{[lcr| ]*\})?(.*)\\end\{\1\}", re.DOTALL
)
_ESCAPED_TWICE = re.compile(
    r"(?<!\\)\\\\(?=(?:[dt]?frac|sqrt|pi|left|right|text|cdot|times|infty|le|leq|ge|geq|cup|cap|pm|ln|log|sin|cos|tan|"
    r"theta|alpha|beta|begin|end|mathrm|mathbb|binom|in|circ|degree)(?![a-zA-Z]))"
)
_APPROXIMATION = re.compile(r"(.+?)\s*\\approx(?![a-zA-Z]).*", re.DOTALL)
_TEXT_COMMAND = re.compile(r"\\text\s*\{([^{}]*)\}")
_ALIGNED = re.compile(r"\\begin\{(?:align(?:ed)?|gathered|split)\*?\}([^&\\]*)&?([^&\\]*)\\end\{[a-z]+\*?\}")
_LISTED = re.compile(r"\A<([^<>]*,[^<>]*)>\Z")
_SPACES = re.compile(r"\s+")


def clean(text: str) -> str:
    """Fold what does not change the meaning of an answer: what is boxed, unicode, ``$``, spacing, styles."""
    text = text.strip()
    if "\\\\" in text:
        text = _ESCAPED_TWICE.sub(r"\\", text)
    text = boxed_answer(text) or text
    if "\\begin{" in text:
        text = _ALIGNED.sub(r"\1\2", text)
    if not text.isascii():
        text = fold_unicode("".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text))
    for _ in range(4):  # wrappers in wrappers
        before = text
        match = _WRAPPED.fullmatch(text)
        if match:
            text = next(part for part in match.groups() if part is not None).strip()
        text = text[_matched(_LEAD, text) :]
        if len(text) > 4 and (text[0].isalpha() or text.startswith("\\text")):
            text = _without_sentence(text)
        if text == before:
            break
    if text.count("$") > 1:  # $x = 1$ and $x = 2$, but not $1 and $2
        text = _MATHS_IN_PROSE.sub(r"\1", text)
    if text.endswith(")"):
        remark = _REMARK.search(text)
        if remark and remark.start() and (remark[1][:4] == "not " or not _TAKES_BACK.search(remark[1])):
            text = text[: remark.start()]
    if text.endswith("answer"):
        text = _TRAILER.sub(r"\1", text)
    if "\\\\" in text:
        text = _without_rows(text)
    text = _LISTED.sub(r"\\langle \1\\rangle ", text)
    text = text.replace("+/-", "\\pm ")
    exact = _APPROXIMATION.fullmatch(text)
    if exact and not exact.group(1).isalpha():  # 2/3 \approx 0.67, but not x \approx 0.67
        text = exact.group(1)
    if "\\" in text or any(mark in text for mark in "~{<>!*%") or "degree" in text or "per" in text or "pct" in text:
        if _RARE.search(text):
            for rare, form in _RARE_COSMETICS:
                text = rare.sub(form, text)
        for pattern, new in _COSMETICS:
            text = pattern.sub(new, text)
        text = text.replace("\\(", "").replace("\\)", "").replace("\\[", "").replace("\\]", "")
    text = _SPACES.sub(" ", text).strip()
    if text[:1] == "]" or text[-1:] == "[":  # ]1, 2[ is an open interval
        text = re.sub(r"^\]", "(", re.sub(r"\[$", ")", text))
    while text[-1:] in (".", ",", ";") and text[-1:] and not text.endswith("..."):
        text = text[:-1].rstrip()
    constant = (
        _CONSTANT.search(text) if "=" in text and ("constant" in text or "for" in text or "number" in text) else None
    )
    if constant and ("constant" in constant[0] or "number" in constant[0]):
        text = text[: constant.start()]
    return text


def _without_sentence(text: str) -> str:
    """What a sentence states at its end, unless a word of it takes that back or compares with it."""
    whole = text
    if text.startswith("\\text"):
        text = _STARTING_TEXT.sub(r"\1 ", text, count=1)
    match = _CAPTION.match(text) or _SENTENCE.match(text)
    if match is None or _TAKES_BACK.search(match[1].replace(" in ", " ").replace(" to ", " ")):
        return whole
    return text[match.end() :]


def _without_rows(text: str) -> str:
    """Lines as items of a list: equations in an environment, or what stands outside of any."""
    text = re.sub(r"(?:\s*\\\\)+\s*$", "", text)
    equations = _ROWS_OF_EQUATIONS.fullmatch(text)
    if equations:
        rows = [row.replace("&", "").strip(" ,;") for row in _ROW.split(equations[2]) if row.strip()]
        if rows and all("=" in row for row in rows) and not any("if" in row or "\\text" in row for row in rows):
            return ", ".join(rows)
    elif "\\begin" not in text and "\\substack" not in text:
        return _ROW.sub(", ", text)
    return text


def _matched(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


@lru_cache(maxsize=256)
def words(text: str) -> str:
    """A text answer as it is compared: without ``\\text``, case, quotes, articles and repeated spaces."""
    text = _TEXT_COMMAND.sub(r" \1 ", text).replace("\\ ", " ")
    text = re.sub(r"[\"'`*]|^\s*(?:the|an?)\s+(?=\w{2})", "", text.casefold())
    return _SPACES.sub(" ", text).strip(" .")


def unwrapped(text: str) -> str:
    """The text with every ``\\text{...}`` replaced by its content."""
    return _SPACES.sub(" ", _TEXT_COMMAND.sub(r" \1 ", text)).strip()
