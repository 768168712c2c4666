"""From a message as models write it to sentences of plain words, without markup, emojis, prefixes and contractions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from verl_agentic.tool_envs.users.hearing.words.classes import word_set

MAX_CHARS = 6000
"""Longest part of a message that is read, from its end, where a message asks what it asks."""
MAX_SENTENCES = 120
MAX_WORDS = 80
"""Most words of a sentence; a longer one is read in pieces."""
BLANK = "___"
"""The word that stands for a field to fill in."""

_THINKING = re.compile(r"(?s)<think(?:ing)?>.*?</think(?:ing)?>|^.*</think(?:ing)?>")
_JSON_ASIDE = re.compile(r'"(?:thought|thoughts|thinking|reasoning|analysis|plan)"\s{0,4}:\s{0,4}"[^"]{0,2000}"')
_JSON_KEY = re.compile(r'[{,]\s{0,8}"[\w -]{1,40}"\s{0,4}:')
_TAG = re.compile(r"</?[a-zA-Z_|][^<>\n]{0,60}>")
_STAR = re.compile(r"^\*[ \t]+")
_LINK = re.compile(r"\[([^\[\]\n]{1,200})\]\([^()\s]{1,300}\)|https?://\S+|\bwww\.\S+")
_MARKS = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": " , ",
     "\u2026": "...", "`": None, "~": " ", "\u00a0": " ", "\u2011": "-", "\u2212": "-"}
)  # fmt: skip
_SPEAKER = re.compile(r"(?im)^[ \t]*(?:agent|assistant|support|representative|bot|ai)[ \t]*:[ \t]*")
# "Happy to help 😊 What is your name?" is two sentences.
_PICTURE_BETWEEN = re.compile(
    "(?<=[^\\W_])[ \t]*[\u2600-\u27bf\U0001f000-\U0001faff][\u2600-\u27bf\U0001f000-\U0001faff\ufe0f\u200d ]*(?=[A-Z])"
)
_BULLET = re.compile(
    r"[ \t]*(?:[-+\u2022\u25cf\u25aa\u2192>]+[ \t]+|\(?\d{1,2}[.)][ \t]+|\(?[a-h]\)[ \t]+|step \d{1,2}[:.)]?[ \t]*)+"
)
_FENCED_ITEM = re.compile(r"(?<=[ :;,])\(?(?:[1-9]|i{1,3}|[a-e])\)[ \t]+")
_BLANK_FIELD = re.compile(r"_{2,}|\.{4,}|\[ {0,4}\]|<[a-z _]{2,30}>")
_ABBREVIATED = re.compile(r"\b(?:mr|mrs|ms|dr|st|no|nr|approx|vs|incl|e\.g|i\.e|a\.m|p\.m)\.$")
_END = re.compile(r"[.!?]+[\"')\]]*(?=\s|$)|(?<=[a-z])[!?](?=[a-z])")
# As they are written, and written out.
_WHOLE = {
    short: whole
    for line in """
        can't=cannot won't=will_not shan't=shall_not ain't=is_not let's=let_us gonna=going_to gotta=have_to
        wanna=want_to gimme=give_me lemme=let_me cannot=cannot pls=please plz=please u=you ur=your thx=thanks
        thanx=thanks dont=do_not cant=cannot wont=will_not im=i_am ive=i_have isnt=is_not doesnt=does_not
        didnt=did_not couldnt=could_not hasnt=has_not havent=have_not cuz=because okay=ok alright=all_right
        e-mail=email e-mails=emails wi-fi=wifi y'all=you_all ma'am=madam o'clock=oclock
    """.splitlines()
    for short, whole in (pair.replace("_", " ").split("=") for pair in line.split())
}
_CONTRACTED = re.compile(
    rf"(?<![a-z])[a-z]{{1,20}}'[a-z]{{1,5}}|\b(?:{'|'.join(word for word in _WHOLE if chr(39) not in word)}|can not)\b"
)
_OUTER = frozenset({'"', "(", ",", ")", ":"})
_CLOSING = frozenset({"?", "!", ":", ",", ";", '"'})
_ENDINGS = {"ll": "will", "ve": "have", "re": "are", "m": "am", "d": "would"}
_BEING = word_set(
    "it that this what there here he she who where when how everything something nothing anything anyone nobody"
)
_NOUN_IS = re.compile(
    r"(?<=[a-z])'s (?=(?:in|done|booked|sorted|on|been|now|all|not|already|out|gone|fixed|ready|confirmed|cancelled"
    r"|coming|heading|headed|scheduled|assigned|placed|set|through|live|closed|open|full|over|expired|no|only|fully"
    r"|too)\b)"
)
_LABEL = re.compile(r"[a-z][a-z '/-]{1,40}:(?:\s|$)(?!.*[.!?])")
_KEYCAP = re.compile("([0-9])\ufe0f?\u20e3")
_WORD = re.compile(r"[$\u20ac\u00a3]?[^\W_]+(?:[.,'/@:&-][^\W_]+)*|#|_{3}|[,;:()?!\"]")
_HYPHEN = re.compile(r"(?<=[a-z])-(?=[a-z])")
_AGAIN = re.compile(r"\bre-(?=[a-z])")
_ASKING_START = re.compile(
    r"(?:(?:and|so|ok|okay|also|now|then|but|well|great|thanks|sure|first|next|finally|lastly|hello|hi|hey|perfect"
    r"|welcome|dear [a-z]+|good (?:morning|afternoon|evening|day)|thank you|alright)[ ,:]{1,3}){0,2}"
    r"(?:(?:by|from|until|since|under|in|on|at|for|to|with) (?:what|which|whom|how (?:many|much)|when)"
    r"|how (?:is|are|was|do|does|did|can|could|would|will|should|may|many|much|long|old|often|late|soon|far|big|large)"
    r"|what (?!remains|matters|follows|comes|counts|helps|happens|i |we |you )(?:[a-z-]+ ){0,2}"
    r"(?:is(?! (?:still |also )?missing)|are|was|were|do|does|did|can|could|would|will|should|shall|may|has|have)"
    r"(?! need)"
    r"|which|who|whom|where (?:is|are|was|were|do|does|did|should|shall|would|will|can|could|to|exactly|else)"
    r"|(?!should you |had you |were you to )(?:when (?:did|do|does|was|were|is|are|would|will"
    r"|should|shall|can|could)|why"
    r"|(?:do|did|are|were|have|has|would|could|can|will|is|was|should|shall|may) "
    r"(?:you|i|we|it|this|that|there|the|your|anyone|these|they)))\b"
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, list entry or line.

    Attributes:
        words: its words and marks in lower case, contractions written out.
        text: the words, a blank after each.
        question: whether it asks, by its mark or by how it begins.
        item: whether it stands in a list or table.
        heads: whether it ends with a colon.
    """

    words: tuple[str, ...]
    text: str
    question: bool
    item: bool
    heads: bool


def sentences(message: str) -> list[Sentence]:
    """The sentences of a message, the last :data:`MAX_SENTENCES` of them, each once."""
    found: dict[tuple[str, bool], Sentence] = {}
    for line in unmarked(message).split("\n"):
        if not line.strip():
            continue
        bullet = _BULLET.match(line)
        table = line.count("|") > 1
        rest = line[bullet.end() :] if bullet else _row(line) if table else line
        for part in _split(rest):
            for sentence in _read(part, item=bool(bullet) or table or bool(_LABEL.match(rest))):
                found.pop((sentence.text, sentence.question), None)
                found[sentence.text, sentence.question] = sentence
    return list(found.values())[-MAX_SENTENCES:]


def unmarked(message: str) -> str:
    """A message in lower case without markup, tags, links and pictures; its lines are kept."""
    text = _KEYCAP.sub("- ", message[-MAX_CHARS:])
    text = unicodedata.normalize("NFKC", text).translate(_MARKS)
    if "<" in text:
        text = _TAG.sub(" ", _THINKING.sub(" ", text) if "</think" in text else text)
    if "{" in text:
        text = _JSON_KEY.sub("\n", _JSON_ASIDE.sub(" ", text)).replace("\\n", "\n")
    if "](" in text or "://" in text or "www." in text:
        text = _LINK.sub(lambda link: link[1] or "link", text)
    text = _PICTURE_BETWEEN.sub(". ", _SPEAKER.sub("", text)) if not text.isascii() else _SPEAKER.sub("", text)
    if not text.isascii():
        text = "".join(_plain(char) for char in text)
    lines = (line.strip().lstrip("#").rstrip("\\") for line in _FENCED_ITEM.sub("\n- ", text.lower()).split("\n"))
    lines = (_STAR.sub("- ", line).replace("*", "") for line in lines)
    return "\n".join(_BLANK_FIELD.sub(f" {BLANK} ", line) for line in lines if not _is_rule(line))


def words_of(text: str) -> list[str]:
    """The words and marks of a text, as they stand in a :class:`Sentence`."""
    text = (
        text.lower()
        .replace("in order to ", "so as to ")
        .translate(_MARKS)
        .replace(" - ", " , ")
        .replace("*", "")
        .replace(" = ", " : ")
    )
    text = _NOUN_IS.sub(" is ", text) if "'s " in text else text
    text = _CONTRACTED.sub(_written_out, text).replace(" is been ", " has been ")
    return _WORD.findall(_HYPHEN.sub(" ", _AGAIN.sub("re", text)))


def _read(part: str, *, item: bool) -> Iterator[Sentence]:
    words = words_of(part)
    while len(words) > 1 and words[0] in _OUTER:
        words = words[1:]
    if not any(word[0].isalnum() or word == BLANK for word in words):
        return
    # A label with what stands under it asks only by its mark.
    asks = words[-1] == "?" or (":" not in words and bool(_ASKING_START.match(part.strip(" \"'("))))
    while len(words) > 1 and words[-1] in _CLOSING:
        words = words[:-1]
    heads = part.rstrip(" \"'").endswith(":")
    for start in range(0, len(words), MAX_WORDS):
        piece = tuple(words[start : start + MAX_WORDS])
        yield Sentence(piece, " ".join(piece) + " ", asks, item, heads)


def _row(line: str) -> str:
    """A line of a table as the entry of a list."""
    return " : ".join(filter(None, (cell.strip() for cell in line.split("|"))))


def _split(line: str) -> list[str]:
    parts, start = [], 0
    for end in _END.finditer(line):
        if end[0][0] == "." and _ABBREVIATED.search(line, max(0, end.start() - 6), end.start() + 1):
            continue
        parts.append(line[start : end.end()])
        start = end.end()
    parts.append(line[start:])
    return [part for part in parts if part.strip()]


def _written_out(match: re.Match[str]) -> str:
    word = match[0]
    if word == "can not":
        return "cannot"
    if word in _WHOLE:
        return _WHOLE[word]
    stem, _, ending = word.rpartition("'")
    if word.endswith("n't"):
        return f"{word[:-3]} not"
    if ending in _ENDINGS:
        return f"{stem} {_ENDINGS[ending]}"
    return f"{stem} is" if ending == "s" and stem in _BEING else word


def _plain(char: str) -> str:
    if char.isascii():
        return char
    category = unicodedata.category(char)
    if category in {"So", "Sk", "Cn", "Co", "Cs"}:
        return " "
    return "" if category in {"Mn", "Cf", "Me"} else char


def _is_rule(line: str) -> bool:
    return bool(line) and not line.strip(" -=_*|:+")
