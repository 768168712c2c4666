"""A question must not hold its answer."""

from __future__ import annotations

import re

from verl_agentic.core import Rejection, Task
from verl_agentic.flywheel.checks.base import Candidate

_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
_SPACES = re.compile(r"\s+")


class NoLeak:
    """Neither the reference answer nor the reference query may stand in what the policy reads."""

    def __call__(self, candidate: Candidate) -> Rejection | None:
        text = _plain(" ".join(message["content"] for message in candidate.task.messages))
        for secret in _secrets(candidate.task):
            # Long patterns take longer to compile than all else here does, and hardly any text holds a query.
            if secret in text and re.search(rf"(?<![\w.,]){re.escape(secret)}(?![\w]|[.,]\w)", text):
                return Rejection("leaks_answer", f"the question holds {secret[:60]!r}")
        return None


def _secrets(task: Task) -> list[str]:
    truth = task.ground_truth
    if not isinstance(truth, dict):
        return []
    found = [_plain(str(truth[key])) for key in ("answer", "sql") if truth.get(key)]
    answer = found[0] if found else ""
    if answer.isdigit() and int(answer) < len(_WORDS):
        found.append(_WORDS[int(answer)])
    return found


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text.casefold()).strip()
