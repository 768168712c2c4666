"""What a message of the agent does, told by its words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from verl_agentic.tool_envs.users.hearing.asks import (
    Mention,
    Phrases,
    Word,
    asked_scope,
    question_start,
    spelled,
)
from verl_agentic.tool_envs.users.hearing.clean import BLANK, Sentence, sentences
from verl_agentic.tool_envs.users.hearing.lexicon import WORDINGS
from verl_agentic.tool_envs.users.hearing.wording import Found


@dataclass(frozen=True, slots=True)
class Heard:
    act: str
    asks: tuple[str, ...] = ()
    does: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


class Line:
    __slots__ = ("found", "kinds", "s", "words")

    def __init__(self, s: Sentence) -> None:
        self.s = s
        self.found = WORDINGS.find(s.words)
        self.kinds = {f.name for f in self.found}
        self.words = spelled(s.words)

    def of(self, name: str) -> list[Found]:
        return [f for f in self.found if f.name == name]


class Ears:
    def __init__(self, facts, actions=()):
        self.facts = list(facts)
        self.phrases = Phrases(facts)
        self.actions = list(actions)

    def hear(self, message: str, told: set[str]) -> Heard:
        lines = [Line(s) for s in sentences(message)]
        asks, asked_any = self._asks(lines, told)
        act = self._act(lines, asks, asked_any)
        return Heard(act, tuple(asks) if act == "ask" else ())

    def _asks(self, lines, told):
        out: dict[str, None] = {}
        asked_any = False
        listing = False
        for i, line in enumerate(lines):
            s = line.s
            scopes = []
            requests = line.of("request")
            denied = line.of("denied_need")
            if denied:
                requests = [r for r in requests if r.start > denied[-1].end + 3]
                at = max(s.text.find(w, denied[-1].end) for w in (" only ", " just ", " but "))
                if at >= 0:
                    scopes.append((at, len(s.text)))
            if s.question and not is_consent(line) and not is_closing(line) and not (line.kinds & {"work"} and "consent" not in line.kinds and not requests and len(line.words)<0):
                scopes.append((question_start(s), len(s.text)))
            elif requests:
                scopes.extend(asked_scope(s, [requests[0].start if not passive(requests[0], s) else 0]))
            if not scopes and (s.item or listing) and not has_value(s):
                if listing or labels(line, self.phrases):
                    cut = min([at for w in (" : ", " , ", " ( ") if (at := s.text.find(w)) > 0] or [len(s.text)])
                    scopes = [(0, cut)]
                    if not self.phrases.mentions(line.words, scopes):
                        scopes = [(0, len(s.text))]
            elif not scopes and not s.item and bare(line):
                scopes = [(0, len(s.text))]
            if BLANK in s.words:
                scopes = [(0, len(s.text))]
            names = self._named(line, scopes, told)
            if scopes and not names and (s.question or requests) and i and anaphoric(line):
                names = self._named(lines[i - 1], [(0, 10**6)], told)
            for n in names:
                out[n] = None
            if scopes and (s.question or requests):
                asked_any = True
            if not s.item:
                listing = bool(requests) and (s.heads or not names)
        return list(out), asked_any

    def _named(self, line, scopes, told):
        out = {}
        if scopes:
            for m in self.phrases.mentions(line.words, scopes):
                if m.fact in told and m.weight == 1 and not m.head:
                    continue
                out[m.fact] = None
        return out

    def _act(self, lines, asks, asked_any):
        kinds = [line.kinds for line in lines]
        has = lambda name: any(name in k for k in kinds)
        if asks:
            return "ask"
        if any(is_consent(l) for l in lines):
            return "confirm"
        strong = any("refusal" in l.kinds and "harmless" not in l.kinds for l in lines)
        if has("handover"):
            return "handover"
        if lines and "work" in lines[-1].kinds and "done" not in lines[-1].kinds:
            return "progress"
        if strong and not has("done"):
            return "refuse"
        if has("done"):
            return "done"
        if has("agreed"):
            return "confirm"
        if any("limit" in l.kinds and "harmless" not in l.kinds for l in lines):
            return "refuse"
        if has("offer"):
            return "confirm"
        if asked_any:
            return "ask"
        if has("work"):
            return "progress"
        if has("closing"):
            return "close"
        return "unclear"


def passive(f, s):
    return s.text[f.start:].startswith(("is ", "are ", "must be", "has to be", "have to be", "will ", "would "))


def is_closing(line):
    return "closing" in line.kinds and line.s.question


def is_consent(line):
    for f in line.of("consent"):
        words = line.s.text[f.start : f.end].split()
        if len(words) == 1 and not (line.s.question and f.start > 0 or len(line.words) <= 2):
            continue
        if line.s.question or "confirm" in words or "let" in words or "please" in words or "your" in words or "say" in words or "type" in words:
            if "closing" in line.kinds:
                continue
            return True
    return False


def has_value(s):
    at = s.text.find(" : ")
    return at > 0 and s.text[at + 3 :].strip() not in ("", BLANK) and not s.text[at + 3 :].startswith("( ")


def labels(line, phrases):
    return len(line.words) <= 8 and bool(phrases.mentions(line.words, [(0, 10**6)])) and not any(c.isdigit() for c in line.s.text)


_VERBS = frozenset("is are was were has have had will would can could do does did been be may should must not i we".split())


def bare(line):
    return len(line.words) <= 9 and not _VERBS.intersection(line.s.words) and not any(c.isdigit() for c in line.s.text) and not line.kinds & {"done", "refusal", "work", "closing", "consent"}


def anaphoric(line):
    return len(line.words) <= 14 and bool({"it", "them", "this", "these", "both", "all", "any", "one", "which", "that", "so", "you"}.intersection(line.s.words))
