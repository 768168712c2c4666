"""Whether a domain is taken from one that is kept for evaluation: nobody is to train on what is asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from verl_agentic.domains import BusinessDomain, domain_folders, load_domain
from verl_agentic.domains.source import YamlPart

WORDS = 8
"""So many words in a row count as the same, ..."""
FEWEST, SHARE = 4, 0.03
"""... and so many texts that share them, and such a share of all, are no accident."""
_WORD = re.compile(r"[\w{}]+")


def copied_rules(domain: BusinessDomain) -> list[str]:
    """What rules, requests and tools of a domain say in the words of a domain that is kept for evaluation.

    Nothing for a domain that is kept for evaluation itself, or is the one of the library.
    """
    if domain.kept_for:
        return []
    problems = []
    texts = [(part, text, _runs(text)) for part, text in _texts(domain)]
    for name, folder in domain_folders().items():
        other = load_domain(name)
        if not other.kept_for or folder == domain.folder:
            continue
        held = _runs_of(name)
        found = [(part, text) for part, text, runs in texts if held & runs]
        if len(found) >= max(FEWEST, SHARE * len(texts)):
            part, text = found[0]
            problems.append(
                f"{part.file}:{part.line}: {text[:80]!r} is from the domain {name}, which is kept for {other.kept_for}"
                f"; so are {len(found) - 1} other texts: write it anew, or keep this domain, too (kept_for)"
            )
    return problems


@cache
def _runs_of(name: str) -> frozenset[tuple[str, ...]]:
    return frozenset(run for _, text in _texts(load_domain(name)) for run in _runs(text))


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return frozenset(tuple(words[place : place + WORDS]) for place in range(len(words) - WORDS + 1))


def _texts(domain: BusinessDomain) -> Iterator[tuple[YamlPart, str]]:
    for rule in domain.policy.rules.values():
        for text in (*rule.say, " ".join(rule.row), " ".join(rule.faq)):
            yield rule.part, text
    for workflow in domain.workflows.values():
        for text in (*workflow.wants, *workflow.push):
            yield workflow.part, text
    for tool in (*domain.tools.values(), *domain.user_tools.values()):
        yield tool.part, tool.description
