"""What counts as the answer in a response: tags, else boxes, else a marked line, outside of thoughts; all in linear
time."""

from __future__ import annotations

import re
from typing import NamedTuple

from verl_agentic.core.messages.thoughts import without_thoughts

_MARKED = "####"
_FENCE = "```"
_ANSWER_TAG = re.compile(r"<(/?)answer>")
# A box without braces holds a number, or a letter that is no word of the sentence around it.
_MARK = re.compile(
    r"\\(?P<box>boxed|fbox)(?![a-zA-Z])\s*(?:(?P<open>\{)|(?P<bare>[-+]?[0-9]+(?:[.,/][0-9]+)*|[b-zA-HJ-Z](?![\w'])))?"
    r"|\\[{}]|(?P<brace>[{}])"
)

_IMPLIES = re.compile(r"\\(?:Rightarrow|implies|Longrightarrow|rightarrow|to|therefore|iff)(?![a-zA-Z])|[⇒→∴⟹]|[=-]>")
_COMMAND = re.compile(r"\\[a-zA-Z]+|\\[^a-zA-Z\\]|[$*`&]")
_NOTHING = str.maketrans("", "", "{}_")
_END = re.compile(r"[.!?](?:\s|$)|\n|\\\\")


def _words(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W\d_])(?:{words})(?![^\W\d_])", re.IGNORECASE)


_NAME = re.compile(r"(?<![^\W_])(?:[^\W\d_]+[0-9]?'?\s*=|[^\W\d_][0-9]?'?\s*:)")
_PART = re.compile(r"\s*(?:part\s+)?\(?[b-h]\)", re.IGNORECASE)
_LABEL = re.compile(r"(?<![^\W_])(?:part\s+)?(?:\([a-h1-9]\)|[a-h1-9][).])", re.IGNORECASE)
_OR = _words("or")
_AND_OR = _words("and|or")
_ADDS = _words(
    "or|also|another|other|alternatively|maybe|perhaps|possibly|(?:may|might|could) be|candidate|guess|attempt"
)
_INFERS = _words(
    "so|thus|hence|therefore|gives?|giving|yields?|yielding|gets?|getting|obtain|becom(?:es?|ing)|equals?|implies|means"
    "|that is|finally|final|answers?|results?|conclude|no|wait|actually|rather|instead"
)


class _Box(NamedTuple):
    content: str
    start: int
    end: int


def answer_in_text(text: str) -> str | None:
    """The answer of a whole response, ``None`` where it has none; thoughts are never looked into.

    It is what stands in ``<answer>``: in one block that is closed and not empty, or in several that say the same.
    Blocks that differ are a list of answers, as boxes are, so that none of them is the answer. A block that is never
    closed counts where no other does. Without a block, the boxes count, see :func:`boxed_answer`; without a box, what
    the last line marks by ``####``, as GSM8K's prompts ask for.
    """
    visible = without_thoughts(text)
    blocks = _answer_blocks(visible)
    return ", ".join(dict.fromkeys(blocks)) if blocks else boxed_answer(visible) or _marked_answer(visible)


def final_answer(text: str) -> str | None:
    """As :func:`answer_in_text`, for a message that nobody answers: without any of these, its last block of code."""
    answer = answer_in_text(text)
    if answer is not None:
        return answer
    visible = without_thoughts(text)
    closing = visible.rfind(_FENCE)
    opening = visible.rfind(_FENCE, 0, max(closing, 0))
    return visible[opening : closing + len(_FENCE)] if opening >= 0 and visible.count(_FENCE) % 2 == 0 else None


def boxed_answer(text: str) -> str | None:
    r"""What ``text`` boxes as its answer, ``None`` where it boxes nothing.

    A box is ``\boxed{7}``, ``\boxed {7}``, ``\boxed 7`` or ``\fbox{7}``; of boxes in one another the innermost counts,
    and one that is never closed, or holds nothing or dots, is none. The last box counts, and with it those before it
    that belong to the same statement; they make a list. A box belongs to the statement of the next one where between
    the two there is

    * nothing but separators, labels and names: ``\boxed{3}, \boxed{5}``, one box a line, ``x = \boxed{2}, y =
      \boxed{3}``;
    * no end of a sentence, and nothing that makes the next one the outcome of this one (``so``, ``thus``, ``gives``,
      ``the answer is``, ``=``, ``\Rightarrow``);
    * or a new sentence that adds to it: it begins with the label of a part, ``(b)``, or says ``or``, ``also``,
      ``another``, ``maybe`` and the like, and infers nothing.

    So a box for a step on the way is not the answer, while several candidates are a list, which no single one equals.
    """
    found: list[_Box] = []
    last_is_or = False
    for box in reversed(_boxes(text)):
        if found:
            gap = text[box.end : found[-1].start]
            if not _belongs_together(gap):
                break
            last_is_or = last_is_or or bool(_OR.search(gap))
        found.append(box)
    contents = dict.fromkeys(box.content for box in reversed(found))
    return (" or " if last_is_or else ", ").join(contents) if contents else None


def _answer_blocks(text: str) -> list[str]:
    closed: list[str] = []
    open_: list[str] = []
    start: int | None = None
    for tag in _ANSWER_TAG.finditer(text):
        if start is not None:
            (closed if tag[1] else open_).append(text[start : tag.start()].strip())
        start = None if tag[1] else tag.end()
    if start is not None:
        open_.append(text[start:].strip())
    found = [block for block in closed if _says_something(block)]
    return found or [block for block in open_ if _says_something(block)]


def _marked_answer(text: str) -> str | None:
    """What stands behind the last ``####`` of the last line. Further up it is a heading, and so is one with more."""
    last = text.rstrip().rpartition("\n")[2]
    before, mark, marked = last.rpartition(_MARKED)
    if not mark or before.endswith("#") or marked.startswith("#") or not _says_something(marked):
        return None
    return marked.strip()


def _says_something(content: str) -> bool:
    """Whether it is more than the dots of somebody who shows how an answer is written."""
    return bool(content.strip(" \n.…"))


def _boxes(text: str) -> list[_Box]:
    """The innermost boxes that are closed and not empty, in order."""
    if "\\boxed" not in text and "\\fbox" not in text:
        return []
    found: list[_Box] = []
    opened: list[tuple[int, int] | None] = []  # each brace; where its command and its content begin, if it is a box's
    innermost = 0
    for mark in _MARK.finditer(text):
        if mark["bare"]:
            found.append(_Box(mark["bare"], mark.start(), mark.end()))
            innermost = mark.end()
        elif mark["open"]:
            innermost = mark.end()
            opened.append((mark.start(), innermost))
        elif mark["brace"] == "{":
            opened.append(None)
        elif mark["brace"] and opened:
            box = opened.pop()
            content = text[innermost : mark.start()].strip() if box and box[1] == innermost else ""
            if box and _says_something(content):
                found.append(_Box(content, box[0], mark.end()))
    return found


def _belongs_together(gap: str) -> bool:
    """Whether the boxes on both sides of a text are of one statement."""
    gap = _COMMAND.sub(" ", _IMPLIES.sub(" so ", gap).replace("\\\\", "\n")).translate(_NOTHING)
    named = _NAME.sub(" ", gap)
    if "=" not in named and not any(map(str.isalnum, _AND_OR.sub(" ", _LABEL.sub(" ", named)))):
        return True
    end = max((end.end() for end in _END.finditer(gap)), default=-1)
    last = gap[max(end, 0) :]
    if end >= 0 and _PART.match(last):
        return True
    if _INFERS.search(last) or "=" in _NAME.sub(" ", last):
        return False
    return end < 0 or bool(_ADDS.search(last))
