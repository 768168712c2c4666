"""Keep secrets out of the store, whose file gets shared together with the report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

# Singular on purpose: ``max_tokens`` is a number, ``token`` is a credential.
_SECRET_KEY = re.compile(
    r"(?i)(^|[_\-.])(api[_\-]?key|passw(or)?d|secret([_\-]key)?|token|authorization|credentials?)$"
)
_SECRET_TEXT = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w\-.~+/=]{8,}"), rf"\1 {REDACTED}"),
    (re.compile(r"\b(sk|hf|ghp|gho|github_pat|xox[bp])[-_][\w\-]{12,}"), REDACTED),
    (re.compile(r"(\w://)[^\s/@:]*:[^\s/@]+@"), rf"\1{REDACTED}@"),
    (re.compile(r"(?i)\b(api[_\-]?key|password|access_token)(\s*[=:]\s*)[^\s&,;'\"]+"), rf"\1\2{REDACTED}"),
)


def redact_text(text: str) -> str:
    """``text`` with bearer tokens, well-known key forms and passwords in URLs blanked."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any) -> Any:
    """JSON data with every text under a secret's name, and every secret inside a text, blanked."""
    if isinstance(value, Mapping):
        return {str(key): _redact_entry(str(key), entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(entry) for entry in value]
    return redact_text(value) if isinstance(value, str) else value


def _redact_entry(key: str, value: Any) -> Any:
    if isinstance(value, str) and value and _SECRET_KEY.search(key):
        return REDACTED
    return redact(value)


def redact_texts(value: Any) -> Any:
    """JSON data with every secret inside a text blanked, whatever the text's name: a task may be about passwords."""
    if isinstance(value, Mapping):
        return {str(key): redact_texts(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_texts(entry) for entry in value]
    return redact_text(value) if isinstance(value, str) else value
