"""Times of the day and dates, which are neither ratios nor products."""

from __future__ import annotations

import re
from typing import NamedTuple

_CLOCK = re.compile(
    r"(?:at )?([01]?[0-9]|2[0-4])(?::([0-5][0-9])(?::([0-5][0-9]))?)?\s*(?:(o'clock)|([ap])\.?\s?m\b\.?|h)?"
    r"(?: in the (morning|afternoon|evening)| at (night))?",
    re.IGNORECASE,
)
_NAMED_TIMES = {"noon": 12 * 3600, "12 noon": 12 * 3600, "midnight": 0, "12 midnight": 0}
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
           "december")  # fmt: skip
_MONTH = rf"({'|'.join(f'{month[:3]}(?:{month[3:]}|t)?' if month[3:] else month for month in _MONTHS)})\.?"
_DAY = r"(?:the )?([0-3]?[0-9])(?:st|nd|rd|th)?"
_ISO = re.compile(r"([12][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?"
_LETTERS = re.compile(rf"(?i)(?<![a-z\\\\])(?:{'|'.join(month[:3] for month in _MONTHS)})")
_YEAR = r"(?:,? (?:of )?([0-9]{4}))?"
_MONTH_FIRST = re.compile(rf"{_WEEKDAY}{_MONTH} {_DAY}{_YEAR}")
_DAY_FIRST = re.compile(rf"{_WEEKDAY}{_DAY} (?:of )?{_MONTH}{_YEAR}")


class Clock(NamedTuple):
    """A time of the day in seconds, and whether it says which half of the day it means."""

    seconds: int
    half_told: bool


def clock(text: str) -> Clock | None:
    """``10:20``, ``3:00 PM``, ``15:30``, ``3 o'clock``, ``noon``; not ``2:3``, which has no two digits for minutes."""
    if not text[:1].isdigit() and text[:1] not in "anmAN":
        return None
    if ":" not in text and not text[-1:].isalpha() and not text.endswith("."):
        return None
    if text.lower() in _NAMED_TIMES:
        return Clock(_NAMED_TIMES[text.lower()], True)
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, oclock, half, day, night = match.groups()
    if minute is None and not (oclock or half):
        return None
    afternoon = (half or "").lower() == "p" or (day or "").lower() in ("afternoon", "evening") or bool(night)
    told = bool(half or day or night)
    hours = int(hour)
    if told and not 1 <= hours <= 12:
        return None
    if told:
        hours = hours % 12 + (12 if afternoon else 0)
    return Clock((hours % 24 * 60 + int(minute or 0)) * 60 + int(second or 0), told or hours == 0 or hours > 12)


def same_time(answer: Clock, reference: Clock) -> bool:
    """Whether two times are the same; which half of the day a reference leaves open does not count."""
    if answer.seconds == reference.seconds:
        return answer.half_told or not reference.half_told or reference.seconds < 12 * 3600 + 3600
    return not reference.half_told and answer.half_told and (answer.seconds - reference.seconds) % 43200 == 0


def date(text: str) -> tuple[int, int, str] | None:
    """Month, day and year, empty where there is none, of a date whose month is a word."""
    if iso := _ISO.fullmatch(text):
        return int(iso[2]), int(iso[3]), iso[1]
    if len(text) > 40 or not _LETTERS.search(text):
        return None
    plain = " ".join(text.lower().replace("^", "").replace("{", "").replace("}", "").split())
    match = _MONTH_FIRST.fullmatch(plain)
    groups = match.groups() if match else ()
    if match is None:
        match = _DAY_FIRST.fullmatch(plain)
        groups = (match.group(2), match.group(1), match.group(3)) if match else ()
    if not groups or not 1 <= int(groups[1]) <= 31:
        return None
    month = next(index for index, name in enumerate(_MONTHS, 1) if name[:3] == groups[0][:3])
    return month, int(groups[1]), groups[2] or ""
