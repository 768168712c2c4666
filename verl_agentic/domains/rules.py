"""The business policy of a domain: its terms, and its rules in words.

What a rule decides is written once, as the expression ``test``; workflows name the rule. So a workflow cannot
contradict the policy, and what remains to be written with care are the wordings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verl_agentic.domains.expressions import Expression
from verl_agentic.domains.source import YamlPart

WORDINGS = 4
"""How many wordings a rule or an utterance has at least."""
PLACEHOLDER = re.compile(r"\{([a-z_][a-z_0-9]*)\}")


@dataclass(frozen=True, slots=True)
class PolicySection:
    """A section of the policy document: its title in several wordings."""

    name: str
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule.

    Attributes:
        name: its name.
        section: name of its section.
        test: what must hold; ``None`` where the rule decides nothing between two branches.
        otherwise: what becomes of a request for which it does not hold: ``deny``, ``transfer``, or ``other`` where it
            goes on in another way.
        say: wordings as sentences.
        row: the rule as two cells of a table.
        faq: the rule as question and answer.
        far: whether it is an exception, which may stand far from what it excepts.
        part: where it is written.
    """

    name: str
    section: str
    test: Expression | None
    otherwise: str
    say: tuple[str, ...]
    row: tuple[str, str]
    faq: tuple[str, str]
    far: bool
    part: YamlPart


@dataclass(frozen=True, slots=True)
class PolicyAside:
    """A paragraph of the document that decides nothing in any workflow."""

    title: str
    say: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DomainPolicy:
    """All that a policy document is made of.

    Attributes:
        terms: what each term may be; an edition of the domain chooses.
        sections: sections by name, in order.
        rules: rules by name, in order.
        asides: paragraphs that do not matter.
    """

    terms: Mapping[str, tuple[Any, ...]]
    sections: Mapping[str, PolicySection]
    rules: Mapping[str, PolicyRule]
    asides: tuple[PolicyAside, ...]


def read_policy(part: YamlPart) -> DomainPolicy:
    """Read ``policy.yaml``.

    Raises:
        DomainError: it is no policy.
    """
    fields = part.fields("terms", "asides", needed=("sections", "rules"))
    terms = {
        name: tuple(item.scalar() for item in entry.items(2))
        for name, entry in (fields["terms"].entries().items() if "terms" in fields else ())
    }
    sections = {name: PolicySection(name, entry.texts(2)) for name, entry in fields["sections"].entries().items()}
    rules = {name: _rule(name, entry, terms, sections) for name, entry in fields["rules"].entries().items()}
    asides = []
    for entry in fields["asides"].items() if "asides" in fields else ():
        inner = entry.fields(needed=("title", "say"))
        asides.append(PolicyAside(inner["title"].text(), inner["say"].texts(2)))
    return DomainPolicy(terms, sections, rules, tuple(asides))


def _rule(name: str, part: YamlPart, terms: Mapping[str, Any], sections: Mapping[str, Any]) -> PolicyRule:
    fields = part.fields("test", "otherwise", "far", needed=("section", "say", "row", "faq"))
    section = fields["section"].text()
    if section not in sections:
        fields["section"].wrong(f"no section {section!r}; there are {', '.join(sections)}")
    test = fields["test"].expression() if "test" in fields else None
    if (test is None) != ("otherwise" not in fields):
        part.wrong("'test' and 'otherwise' go together: what must hold, and what becomes of a request if it does not")
    if test is not None and not set(test.names) - set(terms):
        fields["test"].wrong(f"{test.text!r} reads nothing of the request, so that it holds always or never")
    rule = PolicyRule(
        name=name,
        section=section,
        test=test,
        otherwise=fields["otherwise"].choice("deny", "transfer", "other") if test else "",
        say=fields["say"].texts(WORDINGS),
        row=_two(fields["row"]),
        faq=_two(fields["faq"]),
        far="far" in fields and fields["far"].scalar() is True,
        part=part,
    )
    decisive = [term for term in test.names if term in terms] if test else []
    for where, text in (("say", one) for one in rule.say):
        _check_terms(fields[where], text, terms, decisive)
    _check_terms(fields["row"], " ".join(rule.row), terms, decisive)
    _check_terms(fields["faq"], " ".join(rule.faq), terms, decisive)
    return rule


def _check_terms(part: YamlPart, text: str, terms: Mapping[str, Any], decisive: list[str]) -> None:
    used = PLACEHOLDER.findall(text)
    for name in used:
        if name not in terms and name != "company":
            part.wrong(f"{{{name}}} is no term; there are {', '.join(terms) or 'none'}")
    for name in decisive:
        if name not in used:
            part.wrong(f"does not say {{{name}}}, by which the rule decides: {text!r}")


def _two(part: YamlPart) -> tuple[str, str]:
    texts = [item.text() for item in part.items(2)]
    if len(texts) != 2:
        part.wrong("must be two texts")
    return texts[0], texts[1]
