"""Why something must not become a task, as data and as an error."""

from __future__ import annotations

import pickle

import pytest

from verl_agentic.core import BrokenTaskError, RejectedError, Rejection


def test_it_reads_as_reason_and_detail() -> None:
    assert str(Rejection("leaks_answer", "the question holds '3'")) == "leaks_answer: the question holds '3'"
    assert str(Rejection("barren")) == "barren"


def test_the_error_carries_it_between_processes() -> None:
    with pytest.raises(BrokenTaskError, match=r"^form: no leaf$") as caught:
        raise RejectedError("form", "no leaf", "{}")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.rejection == Rejection("form", "no leaf", "{}")
