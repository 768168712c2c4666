"""What a message of the agent does, told by its words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verl_agentic.tool_envs.users.hearing.asks import Phrases, spelled
from verl_agentic.tool_envs.users.hearing.clean import BLANK, Sentence, sentences
from verl_agentic.tool_envs.users.hearing.lexicon import CLASSES, NAMED
from verl_agentic.tool_envs.users.hearing.misread import Value, differs, holds
from verl_agentic.tool_envs.users.hearing.questions import QUESTIONS
from verl_agentic.tool_envs.users.hearing.wording import Found, Wordings

STATEMENTS = Wordings(NAMED, CLASSES)
OPENINGS = Wordings(QUESTIONS, CLASSES)

_ASKS_START = (
    r"(?:(?:by|from|until|since|under|in|on|at|for|to|with|of|about) )?(?:how|what|which|who|whom|whose|where|when|why)"
    r"|do|did|does|are|is|was|were|have|has|had|can|could|will|would|should|shall|may|might|any|everything|all|ready|interested"
    r"|right|correct|ok|yes|agreed|deal|confirm|anything|sound|sounds|you(?= are (?:ok|fine|happy|sure|aware|good|certain|comfortable) )"
)
_CLAUSE = re.compile(
    rf"(?:^|[,;:(-] (?:(?:and|or|so|then|but|also|plus|if so ,|now) )*|\b(?:and|or|but) )(?=(?:{_ASKS_START}) )"
)
_LEAD = re.compile(
    r"(?:(?:and|so|or|ok|also|now|then|but|well|great|thanks|sure|first|next|finally|lastly|secondly|please|perfect|good|hi"
    r"|hello|hey|just|yes|right|again|oh|by the way|in that case|if so|therefore|thank you|sorry|excuse me|dear|alternatively|instead"
    r"|before that|one more thing|quick question|one question|last question|meanwhile|firstly|could i ask|may i ask|can i ask) (?:[,:] )?)+"
)
_WH = re.compile(
    r"(?:(?:by|from|until|since|under|in|on|at|for|to|with|of|about) )?(?:how|what|which|who|whom|whose|where|when|why)\b"
)
_QUESTION_TAIL = re.compile(r"(?:, )?\b(?:so that|so (?:i|we)|because|in order to) |, (?:which|as|since) ")
_TAIL = re.compile(
    r"(?:, )?\b(?:so that|so (?:i|we|it)|in order (?:to|that)|because|once (?:i|we|it|you|they)|and (?:i|we) (?:will|can|would)|then (?:i|we)|before (?:i|we)"
    r"|for which|as (?:i|we|this|that|it|soon)|, (?:which|it|they|these|this) |which (?:you|is|we|i) |since|otherwise|therefore|hence|to (?:process"
    r"|find|access|verify|check|pay|look|complete|proceed|file|submit|book|issue|cancel|open|see|make|locate|work out"
    r"|create|start|get|set|continue|confirm|help|assist|change|update|send|ensure|be able|investigate|match|move|go"
    r"|use|discuss|allow|avoid|give|let|identify|pull|bring|reach|finish|register|arrange|do|solve)) "
)
_SUBORDINATE = re.compile(
    r"\b(?:after|once|when|if|which|who|whether|until|as|because|since|where|before|unless|provided|in case|as soon as|should)"
    r" (?:[^\s,;:()]+ ){0,7}$|\b[a-z]+(?:s|ment|ket|er|ion|tem|one|age|ing) that (?:[^\s,;:()]+ ){0,4}$"
)
_CONDITION = re.compile(r"^(?:but |and |or |so )?(?:if|once|when|unless|in case|should|as soon as|until|after|before|whenever) ")


@dataclass(frozen=True, slots=True)
class Heard:
    act: str
    asks: tuple[str, ...] = ()
    does: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


_NO_REQUEST = re.compile(r"\b(?:not|never|no|that|which) $|(?:^|[,;:] )(?:if|in case|should|whenever) [^,;:]*$")
_SPOKEN = re.compile(r"\b(?:i|we) $")


class Clause:
    """A question, or the statement of a sentence that asks nothing."""

    __slots__ = ("end", "kind", "start")

    def __init__(self, kind: str, start: int, end: int) -> None:
        self.kind, self.start, self.end = kind, start, end


class Line:
    """A sentence with what was found in it."""

    __slots__ = ("clauses", "found", "kinds", "s", "words")

    def __init__(self, s: Sentence) -> None:
        self.s = s
        found = STATEMENTS.find(s.words)
        harmless = [f for f in found if f.name == "harmless"]
        self.found = [
            f
            for f in found
            if f.name not in ("refusal", "limit", "negation")
            or not any(h.start <= f.start < h.end or f.start <= h.start < f.end and f.name != "limit" for h in harmless)
        ]
        self.found = [f for f in self.found if f.name not in ("done", "past") or not _SUBORDINATE.search(s.text[: f.start])]
        self.kinds = {f.name for f in self.found}
        self.words = spelled(s.words)
        if not s.question and not self.kinds & {"done", "refusal", "agreed"} and _telegraph(s.text):
            self.kinds.add("telegraph")
        self.clauses = list(_clauses(s)) if s.question else []

    def of(self, name: str) -> list[Found]:
        return [f for f in self.found if f.name == name]

    def asks(self, kind: str) -> bool:
        return any(c.kind == kind for c in self.clauses)


_FINITE = re.compile(r"\b(?:is|are|was|were|have|has|had|be|been|being|will|would|can|could|may|i|we|you|please|get|gets|to|once|if|when|not|no|by)\b")
_LAST = re.compile(rf"(?:^| )(?:{CLASSES['carried'].replace(' ', '|').replace('_', ' ')}) (?:[:,.;(]|$)")


def _telegraph(text):
    """Whether a sentence reports in the style of a telegram, as in "appointment booked"."""
    for part in re.split(r"[:,;(]", text):
        if _LAST.search(part) and not _FINITE.search(part):
            return True
    return False


def _clauses(s: Sentence):
    text = s.text
    lead = _LEAD.match(text)
    first = lead.end() if lead and lead.end() < len(text) else 0
    starts = sorted({first, *(c.end() for c in _CLAUSE.finditer(text) if c.end() > first)})
    previous = ""
    for start, end in zip(starts, [*starts[1:], len(text)]):
        kind = OPENINGS.begin(text, start)
        if not kind:
            kind = "ask" if _WH.match(text, start) or re.compile(_ASKS_START + r"\b").match(text, start) else "said"
        if kind == "consent" and len(text) - start <= 0:
            continue
        yield Clause(kind, start, end)


_VERIFY = re.compile(r"^(?:ok |and |thanks |well |right |, )*(?:so|to (?:summari[sz]e|sum|recap|confirm|be sure|clarify|make sure|check)|just to|just so|i (?:understand|have noted|have you|noted|see here|gather)|you (?:want|would|are|said|mentioned|have been|bought|have)|as i understand|if i understand)\b")


class Act:
    def __init__(self, name, groups):
        self.name = name
        self.phrases = Phrases([N(i, g) for i, g in enumerate(groups)])
        self.n = len(groups)

    def groups(self, line):
        return {m.fact for m in self.phrases.mentions(line.words, [(0, 10**6)], apart=False)}


class N:
    def __init__(self, name, ask):
        self.name, self.ask = name, ask


_IMPERATIVE = re.compile(
    r"(?:^|[.,;:(] (?:and |or |then |also |but )?|\b(?:and|then|or|please|kindly|can you|could you|would you|you can|you could|you should|you need to"
    r"|you have to|you will need to|try to|like you to|need you to|want you to|ask you to|first|next|now|also|just|simply|to|let us|step|be sure to|make sure to|you may) )(?:please |also |just |now |simply |try to |first |then |again |once more |quickly |briefly |carefully )*"
    r"(?:restart|reboot|reset|unplug|plug|switch|turn|press|hold|push|check|look|read|take|see|open|close|try|connect|reconnect|log|sign|upload|attach"
    r"|send|scan|photograph|measure|test|move|remove|insert|replace|run|install|make|note|wait|click|tap|select|power|freeze|lock|block|clean"
    r"|wipe|pull|lift|locate|find|compare|swap|charge|have|give|tell|go|do|let|set|disconnect|toggle|enter|type|verify|use|search|copy|show|share|provide|write|describe) "
)


_CHOICES = [
    (re.compile(r"\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|today)\b"), ("which day", "what day", "day", "which date", "date")),
    (re.compile(r"\b\d{1,2}[:.]\d\d\b|\b\d{1,2} (?:am|pm)\b|\b(?:morning|afternoon|evening|noon)\b"), ("what time", "time of day", "which time", "time", "which flight", "time slot")),
    (re.compile(r"\b\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b"), ("which date", "what date", "date", "which day")),
]
_GENERIC = re.compile(r"\b(?:number|code|id|reference|entry|name|plate|details|information|it|that)\b")


class Ears:
    def __init__(self, facts, actions=()):
        self.facts = list(facts)
        self.phrases = Phrases(facts)
        self.actions = [Act(a["name"], a["ask"]) for a in actions]
        self.values = {f.name: [Value(v, f.say) for v in f.values] for f in self.facts}
        self.mistakes = [Value(f.mistaken, ()) for f in self.facts if f.mistaken]

    def _does(self, lines):
        out = {}
        if not self.actions:
            return out
        inst = [bool("request" in l.kinds and not l.asks("consent") or l.asks("ask") or (not l.s.question and _IMPERATIVE.search(l.s.text)) or (l.s.question and _IMPERATIVE.search(l.s.text) and not l.asks("consent"))) for l in lines]
        for i, line in enumerate(lines):
            if i and inst[i - 1] and not {"i", "we"}.intersection(line.s.words):
                inst[i] = True
            if not inst[i]:
                continue
            for a in self.actions:
                g = a.groups(line)
                if len(g) == a.n:
                    out.setdefault(a.name, i)
                elif g and i and a.n - len(g) == 1 and len(g | a.groups(lines[i - 1])) == a.n:
                    out.setdefault(a.name, i)
                elif g and i + 1 < len(lines) and inst[i + 1] and a.n - len(g) == 1 and len(g | a.groups(lines[i + 1])) == a.n:
                    out.setdefault(a.name, i)
        return out

    def _wrong(self, lines, told):
        tagged = [l.asks("consent") or l.asks("said") or "consent" in l.kinds for l in lines]
        if not any(tagged) and not any(l.s.question for l in lines):
            return []
        words = [w for l in lines for w in l.s.words]
        compact = "".join("".join(c for c in w if c.isalnum()) for w in words)
        out = []
        for name, values in self.values.items():
            if name not in told:
                continue
            held = [v for v in values if holds(v, words, compact)]
            values = [v for v in values if v not in held and (not held or v.measure)]
            if not values:
                continue
            for i, l in enumerate(lines):
                claims = tagged[i] or bool(_VERIFY.match(l.s.text)) or (i + 1 < len(lines) and tagged[i + 1])
                asking = l.asks("ask") or "offer" in l.kinds or "instead" in l.s.words or "doubt" in l.kinds
                known = [v for vs in self.values.values() for v in vs] + self.mistakes
                if l.kinds & {"refusal", "negation"}:
                    claims = False
                restates = bool(tagged[i] or _VERIFY.match(l.s.text))
                if any((v.code or not asking) and differs(v, l.s.words, known, claims=claims and not asking, words_too=restates) for v in values):
                    out.append(name)
                    break
        return out

    def hear(self, message: str, told: set[str]) -> Heard:
        lines = [Line(s) for s in sentences(message)]
        does = self._does(lines)
        if does:
            return Heard("instruct", (), tuple(does))
        wrong = self._wrong(lines, told)
        if wrong:
            return Heard("correct", (), (), tuple(wrong))
        asks, open_question = self._asks(lines, told)
        act = self._act(lines, asks, open_question)
        return Heard(act, tuple(asks) if act == "ask" else ())

    def _asks(self, lines, told):
        out: dict[str, None] = {}
        open_question = False
        listing = prev_asked = False
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
            for c in line.clauses:
                tail = _QUESTION_TAIL.search(s.text, c.start + 1, c.end)
                end = tail.start() if tail else c.end
                if c.kind == "ask":
                    scopes.append((c.start, end))
                elif c.kind == "consent" and " or " in s.text[c.start : c.end] and "or not" not in s.text and not line.asks("closing"):
                    scopes.append((c.start, len(s.text)))
                elif c.kind == "said" and not any(x.kind in ("consent", "closing", "greeting", "patience", "ask") for x in line.clauses):
                    scopes.append((c.start, end))
            questions = bool(scopes)
            if "agreed" in line.kinds or line.asks("closing"):
                requests = []
            requests = [r for r in requests if not _NO_REQUEST.search(s.text, 0, r.start) and not (s.text[r.start :].startswith("will ") and _SPOKEN.search(s.text, 0, r.start)) and not any(w.start == r.start for w in line.of("work"))]
            if requests and not s.question:
                for r in requests[:1]:
                    start = 0 if passive(r, s) else r.start
                    tail = _TAIL.search(s.text, max(x.end for x in requests) - 1)
                    scopes.append((start, tail.start() if tail else len(s.text)))
            if not scopes and (s.item or listing) and not has_value(s):
                if listing or labels(line, self.phrases):
                    cut = min([at for w in (" : ", " , ", " ( ") if (at := s.text.find(w)) > 0] or [len(s.text)])
                    scopes = [(0, cut)]
                    if not self.phrases.mentions(line.words, scopes):
                        scopes = [(0, len(s.text))]
            elif not scopes and not s.item and not has_value(s) and self.bare(line):
                scopes = [(0, len(s.text))]
            if not scopes and not s.question and s.words[-1] == "please" and not line.kinds & {"done", "work"}:
                scopes = [(0, len(s.text))]
                requests = [Found("request", 0, 0)]
            if not scopes and prev_asked and s.words[0] in ("and", "also", "plus") and s.words[1:2] and s.words[1] in ("your", "the", "also"):
                scopes = [(0, len(s.text))]
            guess = bool(scopes) and not questions and not requests and not listing
            if BLANK in s.words:
                scopes = [(0, len(s.text))]
            if rhetorical(lines, i):
                scopes, requests = [], []
            names = self._named(line, scopes, told)
            if guess or (questions and " or " not in s.text and not any(c.kind == "ask" for c in line.clauses)):
                compact = "".join("".join(ch for ch in w if ch.isalnum()) for w in s.words)
                names = {n: None for n in names if not any(holds(v, s.words, compact) for v in self.values[n])}
            if scopes and not names and (questions or requests) and i and anaphoric(line) and not line.asks("closing") and "consent" not in line.kinds:
                names = self._named(lines[i - 1], [(0, 10**6)], told)
            if scopes and not names and (questions or requests):
                names = self._by_kind(line, scopes)
            if "doubt" in line.kinds:
                names |= self._doubted(lines, i, told)
            prev_asked = bool(names)
            for n in names:
                out[n] = None
            if questions and not names and any(c.kind == "ask" for c in line.clauses) and i >= len(lines) - 2:
                open_question = not rhetorical(lines, i)
            if not s.item:
                listing = bool(requests) and (s.heads or not names)
        return list(out), open_question

    def _by_kind(self, line, scopes):
        """Facts by the kind of choices that are given."""
        text = line.s.text
        if " or " not in text and " and " not in text:
            return {}
        for pattern, phrases in _CHOICES:
            if len(pattern.findall(text)) > 1:
                for phrase in phrases:
                    ms = self.phrases.mentions(spelled(phrase.split()), [(0, 99)])
                    if ms:
                        return {m.fact: None for m in ms}
        return {}

    def _doubted(self, lines, i, told):
        line = lines[i]
        compact = "".join("".join(ch for ch in w if ch.isalnum()) for w in line.s.words)
        held = [f.name for f in self.facts if f.name in told and (any(holds(v, line.s.words, compact) for v in self.values[f.name] if v.code) or (f.mistaken and holds(Value(f.mistaken, ()), line.s.words, compact)))]
        if held:
            return dict.fromkeys(held)
        near = [line, *lines[i + 1 : i + 2], *(lines[i - 1 : i] if i else [])]
        for one in near:
            found = [m.fact for m in self.phrases.mentions(one.words, [(0, 10**6)]) if m.fact in told and self._coded(m.fact)]
            if found:
                return dict.fromkeys(found)
        if _GENERIC.search(line.s.text):
            return dict.fromkeys(f.name for f in self.facts if f.name in told and f.mistaken) or {}
        return {}

    def _coded(self, name):
        return any(v.code for v in self.values[name]) or any(f.name == name and f.mistaken for f in self.facts)

    def _named(self, line, scopes, told):
        out = {}
        if scopes:
            for m in self.phrases.mentions(line.words, scopes):
                if m.fact in told and m.weight == 1 and not direct(line, m, scopes):
                    continue
                if out and m.fact not in out and m.weight == 1 and _prepositional(line.words, m.places[0]):
                    continue
                out[m.fact] = None
        return out

    def bare(self, line):
        if s_thanks(line) or line.kinds & {"done", "refusal", "work", "closing", "consent", "past"}:
            return False
        tail = _TAIL.search(line.s.text)
        end = tail.start() if tail else len(line.s.text)
        if sum(w.start < end for w in line.words) > 12:
            return False
        ms = self.phrases.mentions(line.words, [(0, end)])
        used = {p for m in ms for p in m.places}
        rest = [w.word for i, w in enumerate(line.words) if i not in used and w.start < end and w.word not in FILL]
        return bool(ms) and len(rest) <= (2 if "please" in line.s.words else 0)

    def _act(self, lines, asks, open_question):
        if asks:
            return "ask"
        scores = {}
        n = len(lines)
        for i, line in enumerate(lines):
            mine = {}
            conditional = bool(_CONDITION.match(line.s.text))
            for name, (act, points) in POINTS.items():
                if name in line.kinds:
                    if act == "progress" and "agreed" in line.kinds:
                        continue
                    if conditional and act in ("refuse", "done"):
                        points = min(points, 1)
                    mine[act] = max(mine.get(act, 0), points)
            for c in line.clauses:
                if line.asks("consent") and c.kind != "consent":
                    continue
                if c.kind in ("closing", "greeting"):
                    mine = {"close": 1} if c.kind == "closing" else {"unclear": 2}
                elif c.kind == "patience":
                    mine = {"progress": 3}
                elif c.kind == "consent":
                    mine = {"confirm": 6}
                elif c.kind == "said" and "closing" in line.kinds:
                    mine = {"close": 1}
                elif c.kind == "said":
                    mine["confirm"] = max(mine.get("confirm", 0), 5)
            if i >= n - 2 and mine.get("progress", 0) > 1:
                mine["progress"] += 1.2
            for a, p in mine.items():
                scores[a] = max(scores.get(a, 0), p)
        if scores.get("confirm", 0) >= 5:
            other = any(l.asks("consent") and _OTHER.search(l.s.text) for l in lines)
            return "refuse" if other and scores.get("refuse", 0) >= 3 else "confirm"
        if open_question and scores.get("refuse", 0) < 3:
            return "ask"
        order = ["handover", "confirm", "refuse", "done", "progress", "close", "unclear"]
        best = max(scores.items(), key=lambda kv: (kv[1], -order.index(kv[0])), default=("unclear", 0))
        return best[0] if best[1] > 0.4 else "unclear"


_OTHER = re.compile(r"\b(?:instead|alternatively|alternative|another option|different option) ")
POINTS = {
    "telegraph": ("done", 2.6),
    "agreed": ("confirm", 3.6), "consent": ("confirm", 6), "offered": ("confirm", 2.4), "offer": ("confirm", 0.6),
    "done": ("done", 3.1), "past": ("done", 1.5), "result": ("done", 1.6), "refusal": ("refuse", 3.5), "limit": ("refuse", 2), "negation": ("refuse", 0.8),
    "closing": ("close", 0.9), "work": ("progress", 2.6), "step": ("progress", 1.1), "finding": ("progress", 0.5),
    "handover": ("handover", 4),
}  # fmt: skip
FILL = frozenset("please your the a an my and or now hi hello ok first also next then again so , ; : ( ) \" with as well too number thanks just only kindly in for of to full is".split())


def _prepositional(words, at):
    return at > 1 and words[at - 1].word in ("the", "your", "this", "that") and words[at - 2].word in _PREP


def rhetorical(lines, i):
    return lines[i].s.question and i + 1 < len(lines) and lines[i + 1].s.words[0] in ("because", "yes", "no")


_PREP = frozenset("of in on from for with to at by about under".split())


def direct(line, m, scopes):
    words, at = line.words, m.places[0]
    start = max((a for a, b in scopes if a <= words[at].start < b), default=0)
    first = next(i for i, w in enumerate(words) if w.start >= start)
    if _prepositional(words, at) and at - first > 3:
        return False
    if at - first <= 4:
        return True
    listed = any(words[k].word in (",", "and", ":", "or", "also") for k in range(max(0, at - 3), at))
    return m.head and (listed or at - first <= 6)


def s_thanks(line):
    return line.s.words[0] in ("thanks", "thank")


def passive(f, s):
    return s.text[f.start :].startswith(("is ", "are ", "must ", "has to", "have to be", "will ", "would ", "should ", "needs to be", "need to be", "possible ", "available ", "free ", "choose"))


def has_value(s):
    at = s.text.find(" : ")
    return at > 0 and s.text[at + 3 :].strip() not in ("", BLANK) and not s.text[at + 3 :].startswith("( ")


def labels(line, phrases):
    return len(line.words) <= 8 and bool(phrases.mentions(line.words, [(0, 10**6)])) and not any(c.isdigit() for c in line.s.text)


_PRONOUNS = frozenset("it them this these both that those any one which do pick choice".split())


def anaphoric(line):
    return len(line.words) <= 14 and not line.s.heads and bool(_PRONOUNS.intersection(line.s.words))
