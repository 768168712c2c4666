"""The policy document of an edition: who the desk is, what day it is, and the rules, in one of several shapes."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from verl_agentic.domains import Edition
from verl_agentic.domains.rules import PolicyRule
from verl_agentic.domains.workflows import Workflow
from verl_agentic.synthesis.domains.cases import shown

DocumentSize = Literal["small", "standard", "large"]
SIZES: tuple[DocumentSize, ...] = ("small", "standard", "large")
Shape = Literal["numbered", "prose", "bullets", "table", "faq"]
SHAPES: tuple[Shape, ...] = ("prose", "bullets", "table", "numbered", "faq")
"""Shapes of a document, the shortest first."""

_DAYS = (
    "Today is {weekday}, {day} {month} {year} ({iso}).",
    "Today's date is {iso}, a {weekday}.",
    "It is {weekday}, {iso}.",
    "Current date: {iso} ({weekday}).",
)
_TITLES = ("Policy", "Service policy", "Rules of the desk", "What you may and may not do", "Working instructions")
_APPENDIX = ("Questions and answers", "Frequently asked questions", "The same, as questions")
_ADDITIONS = ("Additions", "What else must be heeded", "Amendments", "Supplement", "Changes to the above")
_ADDED = ("On “{title}”: {rule}", "{title}, addition: {rule}", "To be added to “{title}”: {rule}")
_ASIDES_OF_STANDARD = 2
_LEANING = re.compile(
    r"(?i)(?:otherwise|others?|then|and|but|it|its|they|their|this|that|those|these|such|else|also|so|in that case"
    r"|if not|if so|the same|all others?|everybody else|everyone else)\b"
)


def policy_document(
    edition: Edition, workflows: Sequence[Workflow], size: DocumentSize, moved: Collection[str] = ()
) -> str:
    """The document, the same for all tasks of an edition that have it in this size.

    Args:
        edition: whose terms it states.
        workflows: those whose rules must stand in it: all that is said in ``small``.
        size: ``small`` (their rules alone, in few words), ``standard`` (all rules) or ``large`` (all rules, all else
            that there is, and an appendix that says the rules in another shape).
        moved: names of rules that stand at the very end, far from the others of their sections.
    """
    domain = edition.domain
    named = [name for workflow in workflows for name in workflow.rules()] if size == "small" else []
    rng = random.Random(f"{domain.name}/{edition.number}/{size}/{'+'.join(dict.fromkeys([*named, *sorted(moved)]))}")
    shape: Shape = rng.choice(SHAPES[:3] if size == "small" else SHAPES)
    chosen = [rule for rule in domain.policy.rules.values() if size != "small" or rule.name in named]
    titles = {name: rng.choice(one.titles) for name, one in domain.policy.sections.items()}
    sections = _sections(edition, [rule for rule in chosen if rule.name not in moved], titles, rng)
    texts = _Texts(edition, rng, brief=size == "small")
    parts = [f"{rng.choice(domain.roles)} {_day(edition.today, rng)}".replace("{company}", edition.company)]
    parts.append(f"# {rng.choice(_TITLES)}")
    bodies = [texts.section(title, rules, shape, number) for number, (title, rules) in enumerate(sections, 1)]
    asides = list(domain.policy.asides)
    rng.shuffle(asides)
    count = {"small": 0, "standard": _ASIDES_OF_STANDARD, "large": len(asides)}[size]
    for aside in asides[:count]:
        bodies.insert(rng.randint(1, len(bodies)), f"## {aside.title}\n\n{rng.choice(aside.say)}")
    parts += bodies
    if far := [rule for rule in chosen if rule.name in moved]:
        parts.append(texts.additions(rng.choice(_ADDITIONS), far, titles))
    if size == "large":
        other: Shape = rng.choice([one for one in ("faq", "table") if one != shape])
        parts.append(f"# {rng.choice(_APPENDIX) if other == 'faq' else 'Summary'}")
        parts += [texts.section(title, rules, other, 0) for title, rules in sections]
    return "\n\n".join(parts)


def _sections(
    edition: Edition, rules: Iterable[PolicyRule], titles: Mapping[str, str], rng: random.Random
) -> list[tuple[str, list[PolicyRule]]]:
    """Title and rules of each section: the first one first, exceptions last, the others in any order."""
    found: dict[str, list[PolicyRule]] = {}
    for rule in rules:
        found.setdefault(rule.section, []).append(rule)
    named = [name for name in edition.domain.policy.sections if name in found]
    first, rest = named[:1], named[1:]
    last = [name for name in rest if all(rule.far for rule in found[name])]
    middle = [name for name in rest if name not in last]
    rng.shuffle(middle)
    return [(titles[name], found[name]) for name in [*first, *middle, *last]]


def alone(rule: PolicyRule) -> list[str]:
    """Wordings of a rule that can be understood without the sentence before."""
    return [text for text in rule.say if not _LEANING.match(text)]


class _Texts:
    def __init__(self, edition: Edition, rng: random.Random, brief: bool) -> None:
        self._rng, self._brief = rng, brief
        self._terms: Mapping[str, Any] = {**edition.terms, "company": edition.company}

    def section(self, title: str, rules: Sequence[PolicyRule], shape: Shape, number: int) -> str:
        """One section; ``number`` is its number, 0 for none."""
        head = f"## {number}. {title}" if shape == "numbered" and number else f"## {title}"
        match shape:
            case "numbered":
                lines = [f"{number}.{place} {self._say(rule)}" for place, rule in enumerate(rules, 1)]
            case "bullets":
                lines = [f"- {self._say(rule)}" for rule in rules]
            case "prose":
                lines = [" ".join(self._say(rule) for rule in rules)]
            case "table":
                rows = [f"| {self._fill(rule.row[0])} | {self._fill(rule.row[1])} |" for rule in rules]
                lines = ["| Case | What holds |", "| --- | --- |", *rows]
            case "faq":
                lines = [f"**{self._fill(rule.faq[0])}**\n{self._fill(rule.faq[1])}\n" for rule in rules]
        return f"{head}\n\n" + "\n".join(lines).strip()

    def additions(self, title: str, rules: Iterable[PolicyRule], titles: Mapping[str, str]) -> str:
        """A last section of rules that say themselves to which section they belong."""
        lines = [
            self._rng.choice(_ADDED).format(title=titles[rule.section], rule=self._fill(self._rng.choice(alone(rule))))
            for rule in rules
        ]
        return f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines)

    def _say(self, rule: PolicyRule) -> str:
        # Of a brief document the two shortest wordings of four are enough.
        wordings = sorted(rule.say, key=len)[:2] if self._brief else rule.say
        return self._fill(self._rng.choice(wordings))

    def _fill(self, text: str) -> str:
        for name, value in self._terms.items():
            text = text.replace(f"{{{name}}}", shown(value))
        return text[:1].upper() + text[1:]


def _day(iso: str, rng: random.Random) -> str:
    day = date.fromisoformat(iso)
    names = {"weekday": f"{day:%A}", "day": day.day, "month": f"{day:%B}", "year": day.year, "iso": iso}
    return rng.choice(_DAYS).format(**names)
