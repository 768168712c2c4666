"""What a sentence denies, told by its words, in English.

A phrase is denied by a negation before it in its clause (``no``, ``cannot``, ``never``, ``unable``, ``instead of``), up
to where the next clause begins, and by one behind it that says that it is not to be had or not so (``is not possible``,
``cannot be given``, ``was declined``). What only sounds like a negation (``not only``, ``no later than``, ``don't
worry``, ``not ... until``) denies nothing, and neither does one that another takes back (``not without a fee of 40``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal

Token = str | Decimal
Sentence = tuple[Token, ...]

BORDERS = frozenset(",:()\u2013\u2014-")
"""Marks that part clauses."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AUXILIARIES = _words(
    "is are was were be been being has have had do does did can could will would shall should may must"
)
_CONTRACTED = frozenset(f"{word}n't" for word in (_AUXILIARIES - {"can", "will", "shall", "may"})) | _words(
    "can't won't shan't ain't cannot cant wont dont doesnt didnt isnt wasnt arent couldnt wouldnt"
)
_NOT = _CONTRACTED | _words("not never")
_NO = _words("no neither nor none nobody nothing without")
# These turn round what stands before them: "not declined" grants.
_REFUSING = _words(
    "deny denies denied denying decline declines declined refuse refuses refused reject rejects rejected unable "
    "impossible without fail fails failed"
)
_CONTRASTS = _words("but however so because since although though while whereas instead rather")
_SUBJECTS = _words("i you we he she it they this that there the your our my its his her their a an what here")
# "not" before these is no denial, nor are these words after "don't" and "no".
_AFTER_NOT = _words("only just merely simply solely least")
_AFTER_DO_NOT = _words("worry hesitate forget mind panic")
_AFTER_NO = _words("later less fewer more sooner problem problems worries doubt trouble")
_UNTIL = _words("until till before")
_GRANTED = _words(
    "possible available allowed permitted granted approved authorized authorised given made issued paid "
    "offered provided processed completed done due correct right true accurate valid applicable accepted "
    "honored honoured happening coming supported covered included option something refundable eligible "
    "needed required necessary offer give grant issue approve allow apply exist happen"
)
_DENIED = _words(
    "impossible denied declined refused rejected unavailable ineligible excluded untrue false wrong incorrect"
)
_DONE = _words("denied declined refused rejected failed")
_BEING = _words("is are was were be been")
_BEFORE_DONE = _BEING | _words("being the a an your this that")
_NEAR = 4
_NUMBER = "0"


class Denial:
    """What is denied in one sentence.

    Args:
        parts: its words and numbers in order, with the marks of :data:`BORDERS` between them.
    """

    __slots__ = ("_ends", "_following", "_preceding")

    def __init__(self, parts: Sequence[Token]) -> None:
        self._preceding: list[bool] = []
        # Places of what denies the clause before it, and of the clauses' ends.
        self._following: list[int] = []
        self._ends: list[int] = []
        tokens: list[str] = []
        marks: dict[int, str] = {}
        for part in parts:
            if part in BORDERS:
                marks[len(tokens)] = str(part)
            else:
                tokens.append(part if isinstance(part, str) else _NUMBER)
        self._read(tokens, marks)

    def of(self, start: int, end: int) -> bool:
        """Whether the phrase of the tokens from ``start`` up to ``end`` is denied."""
        if self._preceding[start]:
            return True
        clause = self._ends[bisect_left(self._ends, end)]
        place = bisect_left(self._following, end)
        return place < len(self._following) and self._following[place] < clause

    def _read(self, tokens: list[str], marks: dict[int, str]) -> None:
        until = max((place for place, token in enumerate(tokens[:-1]) if token in _UNTIL), default=-1)
        denied = False
        narrow = 0
        for place, token in enumerate(tokens):
            # "no" denies what it stands before, and little more.
            narrow -= 1
            if _begins(tokens, place, marks.get(place, "")):
                denied = False
                self._ends.append(place)
            elif narrow == 0:
                denied = False
            self._preceding.append(denied)
            if _denies_behind(tokens, place):
                self._following.append(place)
            answers = token == "no" and place + 1 in marks
            if not answers and until < place and _negates(tokens, place):
                denied = not denied if token in _REFUSING else True
                narrow = _NEAR + 2 if token == "no" else 0
        self._ends.append(len(tokens) + 1)


def _begins(tokens: list[str], place: int, mark: str) -> bool:
    """Whether a clause of its own begins here: after a contrast, or with a subject or number behind a mark or "and"."""
    token, before = tokens[place], tokens[place - 1] if place else ""
    if not before or mark == ":" or token in _CONTRASTS:
        return bool(before)
    if not (mark or before in ("and", "then")):
        return False
    return token.partition("'")[0] in _SUBJECTS or token == _NUMBER


def _negates(tokens: list[str], place: int) -> bool:
    token = tokens[place]
    before = tokens[place - 1] if place else ""
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    if token in _NOT:
        return after not in _AFTER_NOT and after not in _AFTER_DO_NOT
    if token == "no":
        return after not in _AFTER_NO
    if token in ("instead", "rather"):
        return after in ("of", "than")
    # "The failed payment" and "was declined" say nothing of what follows.
    return token in _NO or (token in _REFUSING and not (token in _DONE and before in _BEFORE_DONE))


def _denies_behind(tokens: list[str], place: int) -> bool:
    """Whether what stands before is said not to be so: "is not possible", "cannot be given", "was declined"."""
    token = tokens[place]
    before = tokens[place - 1] if place else ""
    near = tokens[place + 1 : place + 1 + _NEAR]
    if token in _NOT and (token != "not" or before in _AUXILIARIES):
        return any(word in _GRANTED for word in near)
    if token in _BEING:
        if near == ["out", "of", "the", "question"]:
            return before not in _NOT
        return before not in _NOT and any(word in _DENIED for word in near[:2]) and not _NOT.intersection(near[:2])
    return False
