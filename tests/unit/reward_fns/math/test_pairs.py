"""A labelled set of pairs: label, answer and reference, as a mathematician would judge them.

``=`` is right, ``!`` wrong, ``~`` a calculation whose result is the reference: wrong, and right the other way round.
"""

from pathlib import Path

from verl_agentic.reward_fns.math import answers_equal

LINES = (Path(__file__).parent / "math_pairs.tsv").read_text(encoding="utf-8").splitlines()
PAIRS = [tuple(line.split("\t")) for line in LINES if not line.startswith("# ")]


def test_set_is_large_and_has_both_labels() -> None:
    labels = [label for label, _, _ in PAIRS]
    assert len(set(PAIRS)) == len(PAIRS) >= 500
    assert set(labels) == {"=", "!", "~"}
    assert labels.count("!") >= 200


def test_every_verdict_is_the_label() -> None:
    assert [pair for pair in PAIRS if answers_equal(pair[1], pair[2]) != (pair[0] == "=")] == []


def test_result_of_a_calculation_is_right_where_the_calculation_is_the_reference() -> None:
    calculations = [(answer, reference) for label, answer, reference in PAIRS if label == "~"]
    assert [pair for pair in calculations if not answers_equal(pair[1], pair[0])] == []


def test_reference_equals_itself() -> None:
    assert [pair for pair in PAIRS if not answers_equal(pair[2], pair[2])] == []


def test_inequality_is_symmetric() -> None:
    unequal = [(answer, reference) for label, answer, reference in PAIRS if answer and label == "!"]
    assert [pair for pair in unequal if answers_equal(pair[1], pair[0])] == []


def test_equality_is_symmetric_without_wrapping() -> None:
    """A reference is bare, so that prose and ``\\boxed`` around the answer have no counterpart."""
    equal = [(answer, reference) for label, answer, reference in PAIRS if label == "=" and "boxed" not in answer]
    one_way = [pair for pair in equal if not answers_equal(pair[1], pair[0])]
    assert len(one_way) <= len(equal) // 100, one_way
