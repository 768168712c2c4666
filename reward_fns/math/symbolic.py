"""What runs in a worker process, and is imported nowhere else: math-verify on two whole answers."""

from __future__ import annotations

import logging
import os
from typing import Any

import math_verify

logging.disable(logging.CRITICAL)
os.nice(5)  # an answer that hangs here must not slow down those that are judged without


def equivalent(payload: dict[str, str]) -> bool | None:
    """Whether ``payload["answer"]`` equals ``payload["reference"]``; ``None`` where one of them cannot be read.

    math-verify's own time limits are off: they need signals and stop nothing that does not return to Python.
    """
    reference, answer = (_parsed(payload[key]) for key in ("reference", "answer"))
    if not reference or not answer:
        return None
    return bool(math_verify.verify(reference, answer, timeout_seconds=None))


def _parsed(text: str) -> list[Any]:
    found = math_verify.parse("\\boxed{" + text + "}", (math_verify.LatexExtractionConfig(),), parsing_timeout=None)
    return [one for one in found if not isinstance(one, str)]


# math-verify's first use takes a second, which no answer's clock should pay for: workers are forked after it.
for _text, _value in ((r"\sum_{k=1}^{3} k^2", "14"), (r"\int_0^1 x^2 dx", r"\frac{1}{3}"), (r"\sqrt{8}", r"2\sqrt{2}")):
    equivalent({"answer": _text, "reference": _value})
