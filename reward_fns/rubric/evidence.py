"""Whether a judge's verdict can stand on the evidence it gives, as far as a machine can tell. English."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

_QUOTED = re.compile(r'"([^"]{1,4000})"|`([^`]{1,4000})`')
# What a sentence says of the statement at its beginning or in conclusion; elsewhere it may be anybody's claim.
_CONCLUSION = re.compile(
    r"(?:^\s*|\b(?P<so>so|thus|therefore|hence|and|but)\b,?\s+(?:that\s+|this\s+part\s+shows\s+that\s+)?)"
    r"(?:the|this)\s+(?:statement|item|claim|criterion|condition|requirement)\s+(?:"
    r"(?:is|was)\s+(?:(?:\w+ly|thus|therefore|hence)\s+)?(?P<denied>not\s+)?"
    r"(?:(?P<true>true|correct|accurate|satisfied|met|fulfilled|supported)"
    r"|(?P<false>false|untrue|incorrect|wrong|unsatisfied|unmet|unsupported))"
    r"|(?P<holds>holds)|(?P<fails>(?:does\s+not|doesn't)\s+hold)"
    r")\s*(?=[:,)]|$|\b(?:because|since|as)\b)"
)
_UP_FRONT = re.compile(
    r"^\s*(?:(?:verdict|conclusion|satisfied)\s*[:=]\s*)?"
    r"(?:(?P<false>false|untrue|unsatisfied|not (?:satisfied|met|true))|(?P<true>true|satisfied))\s*(?=[.:;!,-]|$)"
)
_NEGATION = re.compile(r"\b(?:not|no|nothing|never|nobody|cannot|hardly|neither|if|whether)\b|n't\b")
_SENTENCE = re.compile(r"[.!?;\n]")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
# Escapes of a record: what they stand for is no word.
_ESCAPE = re.compile(r"\\+(?:u[0-9a-f]{4}|[nrtbf\"/])")
_LEAST_QUOTED_WORDS = 4
_QUOTED_SHARE = 0.5


def unfounded(evidence: str, satisfied: bool | None, shown: Iterable[str]) -> str:
    """Why a verdict is none, empty where it is one.

    It must give evidence; must not call the statement what its evidence does not (``So the statement is false.`` beside
    ``true``); and what it quotes at length must stand in what it was shown, at least by half, as judges quote loosely.

    Args:
        evidence: what the judge wrote.
        satisfied: its verdict; ``None`` where the part that it saw leaves the matter open.
        shown: texts that it may quote.
    """
    if not evidence.strip():
        return "a verdict without evidence"
    text = evidence.lower().replace("\u2019", "'").replace("\u201c", '"').replace("\u201d", '"')
    concluded = _concluded(_QUOTED.sub(" ", text))
    if concluded is not None and satisfied is not concluded:
        return f"the evidence calls the statement {str(concluded).lower()}, the verdict is {_spelled(satisfied)}"
    # With an odd number of marks nobody knows what is inside and what outside.
    quotes = _QUOTED.findall(text) if text.count('"') % 2 == 0 else []
    long = [words for quote in quotes if len(words := _words(quote[0] or quote[1])) >= _LEAST_QUOTED_WORDS]
    source = "".join(f" {' '.join(_words(one))} " for one in shown) if long else ""
    for words in long:
        pairs = list(pairwise(words))
        found = sum(f" {first} {second} " in source for first, second in pairs)
        if found < _QUOTED_SHARE * len(pairs):
            return f"the evidence quotes what nobody said: {' '.join(words)[:100]}"
    return ""


def _concluded(text: str) -> bool | None:
    """What the evidence says of the statement in the end, ``None`` where it does not."""
    found = None
    for sentence in _SENTENCE.split(text):
        for match in _CONCLUSION.finditer(sentence):
            # "No evidence that ... and the statement is true": it is denied from outside.
            if match["so"] not in ("and", "but") or not _NEGATION.search(sentence, 0, match.start()):
                found = bool(match["true"] or match["holds"]) is not bool(match["denied"])
    up_front = _UP_FRONT.search(text)
    return up_front["true"] is not None if found is None and up_front else found


def _words(text: str) -> list[str]:
    return _WORD.findall(_ESCAPE.sub(" ", text.lower().replace("\u2019", "'")))


def _spelled(satisfied: bool | None) -> str:
    return "open" if satisfied is None else str(satisfied).lower()
