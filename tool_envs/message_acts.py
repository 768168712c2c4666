"""What a message of the policy does: asks, asks to confirm, refuses, offers, closes. Told by its words, in English."""

from __future__ import annotations

import re

# A message asks its question at its end, so the end is what is read of a longer one.
MAX_READ_CHARS = 8192

_QUESTION = re.compile(
    r"\?|\b(?:please|kindly|can you|could you)\s+(?:provide|give|tell|share|specify|state|enter|send|let)\b"
    r"|\b(?:tell|give) me\b|\blet me know\b|\bi(?:'ll| will)? need\b"
)
# "I can confirm that it is done" confirms something itself and asks for nothing.
_CONFIRM = re.compile(
    r"(?<!can )(?<!\bi )(?<!happy to )\bconfirm(?:ation)?\b|\bare you sure\b"
    r"|\bis (?:that|this) (?:ok|okay|correct|right|fine)\b"
)
_OFFER = re.compile(r"\bproceed\b|\bgo ahead\b|\b(?:shall|should) i\b|\bwould you like me to\b|\bdo you want me to\b")
_REFUSAL = re.compile(
    r"\bcannot\b|\bcan't\b|\bcan not\b|\bcould not\b|\bcouldn't\b|\bnot (?:be )?(?:allowed|permitted|able|possible|"
    r"eligible|authorized)\b|\bunable\b|\bineligible\b|\brefus(?:e|ed|ing)\b|\bagainst\b[^.?!]{0,40}\bpolic(?:y|ies)\b"
    r"|\bden(?:y|ied)\b|\bdeclined?\b|\b(?:do not|don't|does not|doesn't) (?:allow|permit)\b|\bwon't\b|\bwill not be\b"
)
_CLOSING = re.compile(r"\banything else\b|\bany (?:other|further|more)\b|\bfurther (?:help|assistance)\b")
_SORRY = re.compile(r"\bsorry\b|\bregret\b|\bunfortunately\b")
_DONE = re.compile(
    r"\bdone\b|\bsuccess|\bcompleted?\b|\bprocessed\b|\brefunded\b|\bcancell?ed\b|\bhas been\b|\bhave been\b"
)


def readable(message: str) -> str:
    """The part of a message that is read, as the other functions here take it: in lower case, quotes straightened."""
    return message[-MAX_READ_CHARS:].lower().replace("\u2019", "'")


def asking_part(message: str) -> str:
    """The message from the first sentence on that asks for something; empty when none does."""
    question = _QUESTION.search(message)
    if question is None:
        return ""
    return message[max(message.rfind(mark, 0, question.start()) + len(mark) for mark in (". ", "! ", "\n")) :]


def asks_to_confirm(message: str) -> bool:
    """Whether a message wants a yes or no before something is done."""
    return bool(_CONFIRM.search(message))


def offers(message: str) -> bool:
    """Whether a message offers to do something."""
    return bool(_OFFER.search(message))


def refuses(message: str) -> bool:
    """Whether a message turns the user down. An apology alone does, unless it reports success."""
    return bool(_REFUSAL.search(message) or (_SORRY.search(message) and not _DONE.search(message)))


def closes(message: str) -> bool:
    """Whether a message asks if there is anything else."""
    return bool(_CLOSING.search(message))
