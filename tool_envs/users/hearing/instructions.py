"""What a message tells the user to do at home."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from verl_agentic.tool_envs.users.hearing.lines import Line
from verl_agentic.tool_envs.users.hearing.words.phrases import Phrases

_IMPERATIVE = re.compile(
    r"(?:^|[.,;:(] (?:and |or |then |also |but )?|\b(?:and|then|or|please|kindly|can you|could you|would you|you can"
    r"|you could|you should|you need to|you have to|you will need to|try to|like you to|need you to|want you to"
    r"|ask you to|first|next|now|also|just|simply|to|let us|step|be sure to|make sure to|you may) )"
    r"(?:please |also |just |now |simply |try to |first |then |again |once more |quickly |briefly |carefully )*"
    r"(?P<verb>restart|reboot|reset|unplug|plug|switch|turn|press|hold|push|check|look|read|take|see|open|close|try"
    r"|connect"
    r"|reconnect|log|sign|upload|attach|send|scan|photograph|measure|test|move|remove|insert|replace|run|install|make"
    r"|note|wait|click|tap|select|power|freeze|lock|block|clean|wipe|pull|lift|locate|find|compare|swap|charge|have"
    r"|give|tell|go|do|let|set|disconnect|toggle|enter|type|verify|use|search|copy|show|share|provide|write|describe"
    r"|count|weigh|shake|cut|loosen|tighten|drain|bleed|refill|update|download|scroll|step|walk|feel|listen|put) "
)
# "You should be able to connect now" tells nobody to, nor does "I will now check".
_NOT_TOLD = re.compile(
    r"\b(?:i|we|let me|let us) (?:(?!you |please |need |and )[a-z]+ ){0,4}$"
    r"|\b(?:able|free|going|unable|ready|managed|trying|about|used|happy|glad|how) to $"
)
_AGENT = frozenset({"i", "we"})
_EVERYWHERE = ((0, 1 << 30),)


class Instructions:
    """Finds the actions of the user that a message asks for: one word of each group in an instruction or question."""

    def __init__(self, actions: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._sizes = {name: len(groups) for name, groups in actions.items()}
        self._told = _phrases(actions, lambda words: words)
        self._asked = _phrases(actions, _forms)

    def given(self, lines: Sequence[Line]) -> list[str]:
        """Names of the actions, in the order of the instructions."""
        if not self._sizes:
            return []
        found: dict[str, None] = {}
        alone = [_instructs(line) for line in lines]
        # A step may be told in two sentences.
        instructs = [
            itself or (before and not _AGENT.intersection(line.sentence.words))
            for line, itself, before in zip(lines, alone, [False, *alone], strict=False)
        ]
        for place in [place for place, one in enumerate(instructs) if one]:
            near = [lines[place - 1]] if place else []
            near += lines[place + 1 : place + 2] if instructs[place + 1 : place + 2] == [True] else []
            found.update(dict.fromkeys(name for name in self._sizes if self._asks(name, lines[place], near)))
        return list(found)

    def _asks(self, name: str, line: Line, near: Sequence[Line]) -> bool:
        groups = self._groups(name, line)
        missing = self._sizes[name] - len(groups)
        if not missing or not groups:
            return not missing
        return missing == 1 and any(len(groups | self._groups(name, other)) == self._sizes[name] for other in near)

    def _groups(self, name: str, line: Line) -> set[str]:
        phrases = self._asked if line.asks("ask") else self._told
        return {one.fact for one in phrases[name].mentions(line.words, _EVERYWHERE, apart=False)}


def _phrases(
    actions: Mapping[str, Sequence[Sequence[str]]], forms: Callable[[Sequence[str]], Sequence[str]]
) -> dict[str, Phrases]:
    return {
        name: Phrases({str(place): forms(words) for place, words in enumerate(groups)})
        for name, groups in actions.items()
    }


def _forms(words: Sequence[str]) -> list[str]:
    """Words and what they are when somebody is asked about doing it."""
    found = list(words)
    for word in words:
        first, *rest = word.split(" ")
        if first.isalpha():
            stem = first.removesuffix("e")
            found += [" ".join([form, *rest]) for form in (f"{stem}ing", f"{first}{first[-1]}ing", f"{stem}ed")]
    return found


def _instructs(line: Line) -> bool:
    if line.asks("ask"):
        return True
    return not line.asks("consent") and ("request" in line.kinds or _is_imperative(line.text))


def _is_imperative(text: str) -> bool:
    """Whether a text has an imperative, or says what to do in another way."""
    return any(not _NOT_TOLD.search(text, 0, found.start("verb")) for found in _IMPERATIVE.finditer(text))
