"""Whether a refusal means that the model's context is full, and how long a reply there is room for.

Servers have no common code for it, so that their words count: that the prompt, the input or the context is too long or
exceeds a number of tokens. What they count by time (tokens per minute) or by account is a rate or a quota instead,
except where the one request is larger than the rate, which no waiting mends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_REPLY = r"max_?(?:completion_?|new_?|output_?)?tokens"
_EXCEEDS = (
    r"too (?:long|large|big|many)|exceed|longer than|larger than|greater than|more than|surpass|above the"
    r"|over (?:the|its|max)|do(?:es)? ?n[o']t fit|cannot fit|超长|超过|超出"
)
_CONTEXT = re.compile(
    r"context[ _-]?(?:length|size|window|limit)|max(?:imum)?[ _](?:model|sequence|seq|prompt|input)[ _]len"
    r"|max_model_len|exceed_context|model token limit|tokens_limit_reached|prompt_too_long|input_too_long"
    r"|physical batch size"
)
_SUBJECT = re.compile(r"prompt|input|messages?\b|conversation|context|tokens?\b|request")
_MEASURE = re.compile(r"tokens?\b|length|\blong\b|context|prompt")
_OVER = re.compile(_EXCEEDS)
_LENGTH = re.compile(
    r"(?:input|prompt|message)s? (?:length|tokens?|token count)\W{1,3}(?:should|must|cannot|can't|may not)"
    r"|(?:inputs?|prompt|messages?)\W{1,3}must (?:have|be|contain) (?:less|fewer|at most|no more|<)"
    r"|(?:message|prompt|input|token)s? length must be|context (?:is )?full"
    r"|(?:输入|提示|上下文|消息)[^。]{0,12}(?:超|过长)"
    r"|tokens\W{1,4}\+\W{1,4}\w+\W{1,4}must be"
    r"|(?:reduce|shorten|decrease) (?:the |your )?(?:(?:length|size|number) (?:of|in) )?(?:tokens in )?(?:the |your )?"
    r"(?:message|prompt|input|conversation|context)|shorter (?:prompt|input|message|conversation)"
    r"|content\W{1,4}string too long|超长"
)
_TIMED = re.compile(
    r"rate.?limit|per.?(?:minute|min|second|sec|hour|day)\b|\b[tr]p[mdhs]\b|too many (?:concurrent )?requests|throttl"
    r"|monthly|daily|quota|billing|credit|balance|subscription|your plan|concurren|expired|queue"
)
_TOO_LARGE_FOR_RATE = re.compile(r"request too large.*reduce", re.DOTALL)
_OTHER = re.compile(
    r"(?<!content': )(?<!content: )string too long|array too long|too many (?:tools|images|stop)|schema|logit"
    r"|image (?:size|is too|file)|(?:function|tool)s?\W{0,3}\.?(?:name|description)"
)
_NEVER = re.compile(rf"{_REPLY}\b.{{0,80}}?(?:got|received|given|value|is|was|be|=|:|\()\W{{0,2}}\s*(?:-\d|0\b(?!,))")
_AT_LEAST = re.compile(rf"{_REPLY}\b.{{0,60}}?(?:at least 1|greater than 0|positive|above 0|>= ?1|> ?0)\b")

_LIMITS = tuple(
    map(
        re.compile,
        (
            r"\d+ \+ \d+ > (\d+)",
            r"\d+ > (\d+) - \d+",
            r"context[ _](?:length|size|window|limit)[^.\d]{0,40}?(\d+)",
            r"(\d+) maximum context",
            r"max(?:imum)?[ _](?:model|prompt|input|sequence)[ _]len(?:gth)?[^.\d]{0,20}(\d+)",
            r"max_model_len\D{0,12}(\d+)",
            r"must be (?:<=|at most|no more than) (\d+)",
            r"n_ctx: (\d+)",
            r"token limit: (\d+)",
            r"limit of (\d+)",
        ),
    )
)
_PROMPTS = tuple(
    map(
        re.compile,
        (
            r"(\d+) \+ \d+ > \d+",
            r"\d+ > \d+ - (\d+)",
            r"(\d+) (?:tokens? )?(?:in|from|of) (?:the |your )?(?:text |input )?(?:messages?|input|prompt)",
            r"(\d+) \W?(?:inputs?|prompt)\W? tokens",
            r"(?:prompt|input|messages) (?:contains?|has|have|resulted in|token count(?: is)?)\W{0,3}(\d+)",
            r"n_prompt_tokens: (\d+)",
            r"request \((\d+) tokens\)",
        ),
    )
)
_TOTAL = re.compile(r"requested (?:a total of |about )?(\d+)")
_ABOUT_REPLY = re.compile(rf"{_REPLY}|completion|output|generat|new tokens|response|reply")
_LONGEST = tuple(
    map(
        re.compile,
        (
            r"at most (\d+) (?:completion|output|new)",
            rf"{_REPLY}\b[^\[(]{{0,60}}[\[(]\s*\d+\s*,\s*(\d+)\s*[\])]",
            rf"{_REPLY}\b.{{0,100}}?(?:less than or equal to|at most|no more than|up to|not exceed|cannot exceed"
            r"|must not be (?:greater|larger|more) than|maximum of|<=?)\W{1,3}(\d+)",
            rf"{_REPLY}: \d+ > (\d+)",
            r"(?:maximum|max)\b[^.\d]{0,40}(?:output|completion) tokens\D{0,30}(\d+)",
        ),
    )
)
_TOO_MUCH = re.compile(rf"{_REPLY}\b.{{0,60}}?(?:{_EXCEEDS}|out of range|range|less than|at most|maximum)")
# That the parameter itself is not taken, rather than its value.
_UNKNOWN = re.compile(r"unsupported|not supported|unknown|unrecogni[sz]ed|instead|not permitted|unexpected")
_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class Room:
    """How long a reply may be.

    Attributes:
        tokens: that many; 0 where the prompt itself does not fit, or leaves nothing.
        always: whether it is the server's limit for every reply, whatever the prompt.
    """

    tokens: int
    always: bool = False


def room_left(status: int, text: str, asked: int) -> Room | None:
    """The room that a refusal tells of, always below ``asked``; ``None`` for one that is about something else.

    Where the message names what the prompt takes and what the context has, the rest is the room. Where it speaks of
    the reply without such numbers, half of what was asked is tried. Where it speaks of the prompt alone, there is none.

    Args:
        status: of the response.
        text: the server's words, with its codes.
        asked: tokens that the reply was allowed.
    """
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.lower())
    if status == 429:
        return Room(0) if _TOO_LARGE_FOR_RATE.search(text) else None
    if status == 413:
        return Room(0)
    if status not in (400, 422, 500) or _TIMED.search(text):
        return None
    if _NEVER.search(text) and _AT_LEAST.search(text):
        return Room(0)  # the server counted what is left, and nothing is
    full = _is_full(text, status)
    prompt, limit = _first(_PROMPTS, text), _first(_LIMITS, text)
    if full and prompt is None and (total := _TOTAL.search(text)):
        prompt = int(total[1]) - asked if int(total[1]) > asked else None
    if full and prompt is not None and limit is not None:
        left = limit - prompt
        return Room(0) if left < 1 else Room(left) if left < asked else _half(asked)
    longest = _first(_LONGEST, text)
    if longest is not None and 1 <= longest <= asked and "max_model_len" not in text:
        return Room(min(longest, asked - 1), always=True) if asked > 1 else Room(0)
    if full:
        return _half(asked) if _ABOUT_REPLY.search(text) or (limit is not None and limit <= asked) else Room(0)
    return _half(asked) if _TOO_MUCH.search(text) and not _UNKNOWN.search(text) else None


def _is_full(text: str, status: int) -> bool:
    over = _OVER.search(text) is not None
    if _CONTEXT.search(text):
        return over or status != 500
    if _LENGTH.search(text):
        return True
    return bool(over and _SUBJECT.search(text) and _MEASURE.search(text) and not _OTHER.search(text))


def _half(asked: int) -> Room:
    return Room(asked // 2 if asked // 2 >= _SHORTEST else 0)


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> int | None:
    for pattern in patterns:
        if (found := pattern.search(text)) and len(found[1]) <= 12:
            return int(found[1])
    return None
