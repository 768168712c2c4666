"""Settings that say themselves what they allow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from verl_agentic.core import UserInputError
from verl_agentic.core.checked import (
    Count,
    Described,
    Likeness,
    Positive,
    Seconds,
    Share,
    Within,
    allowed,
    check,
    check_arguments,
    defaults_of,
    read,
    settings_of,
    value_of,
)


@dataclass(frozen=True)
class Inner:
    usd: Annotated[float, Within(least=0)] | None = None
    mode: Literal["fast", "slow"] = "fast"


@dataclass(frozen=True)
class Outer:
    name: str
    attempts: Positive = 2
    seconds: Seconds = 60.0
    on: bool = False
    parts: Mapping[str, Share] = field(default_factory=dict)
    depths: dict[int, Share] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    hooks: Annotated[str | list[Any] | None, Described("a name or a list of hooks")] = None
    inner: Inner = field(default_factory=Inner)
    anything: Any = None


def test_what_is_not_given_has_its_default() -> None:
    assert read(Outer, {"name": "a"}, "agentic.x") == Outer("a")
    assert read(Outer, {"name": "a", "inner": {"usd": 2}}, "agentic.x").inner == Inner(2.0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, r"^agentic\.x\.name must be a text, got None$"),
        ({"name": 2024}, r"^agentic\.x\.name must be a text, got 2024$"),
        ({"attempts": 0}, r"^agentic\.x\.attempts must be a whole number of at least 1, got 0$"),
        ({"attempts": 1.5}, r"attempts must be a whole number of at least 1, got 1\.5"),
        ({"attempts": True}, r"attempts must be a whole number of at least 1, got True"),
        ({"attempts": None}, r"attempts must be a whole number of at least 1, got None"),
        ({"seconds": float("inf")}, r"seconds must be a number of at least 0\.001, got inf"),
        ({"seconds": "soon"}, r"seconds must be a number of at least 0\.001, got 'soon'"),
        ({"on": 1}, r"on must be true or false, got 1"),
        ({"parts": {"a": 2}}, r"^agentic\.x\.parts\.a must be a number from 0 to 1, got 2$"),
        ({"parts": [1]}, r"parts must be a mapping, got \[1\]"),
        ({"depths": {"deep": 1}}, r"depths\.deep must be a whole number, got 'deep'"),
        ({"names": "ab"}, r"names must be a list of texts, got 'ab'"),
        ({"names": ["a", None]}, r"^agentic\.x\.names\[1\] must be a text, got None$"),
        ({"hooks": 3}, r"hooks must be a name or a list of hooks, got 3"),
        ({"inner": 3}, r"^agentic\.x\.inner must be a mapping, got 3$"),
        ({"inner": {"usd": -1}}, r"^agentic\.x\.inner\.usd must be a number of at least 0, or null, got -1$"),
        ({"inner": {"mode": "quick"}}, r"inner\.mode must be fast or slow, got 'quick'"),
        ({"inner": {"mod": "fast"}}, r"inner\.mod is unknown; did you mean mode\? known keys: usd, mode$"),
        ({"zzz": 1}, r"^agentic\.x\.zzz is unknown; known keys: name, attempts"),
    ],
)
def test_what_is_wrong_is_named_with_its_whole_key(data: dict[str, Any], message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        read(Outer, {"name": "a", **data} if data else {}, "agentic.x")


def test_a_long_value_is_not_repeated_whole() -> None:
    with pytest.raises(UserInputError) as error:
        read(Outer, {"name": "a", "attempts": "x" * 9999}, "k")
    assert len(str(error.value)) < 300


def test_texts_that_are_numbers_count_as_such() -> None:
    """As environment variables and a shell give them."""
    given = {"name": "2024", "attempts": "3", "seconds": "1e-1", "on": "true", "depths": {"2": "0.5"}}
    assert read(Outer, given, "k") == Outer("2024", 3, 0.1, True, depths={2: 0.5})
    whole = read(Outer, {"name": "a", "attempts": 1e4, "seconds": 5}, "k")
    assert (whole.attempts, type(whole.attempts), type(whole.seconds)) == (10000, int, float)
    assert read(Outer, {"name": "a", "hooks": "3"}, "k").hooks == "3"


def test_what_is_already_a_value_is_not_converted() -> None:
    with pytest.raises(UserInputError, match=r"k\.attempts must be"):
        check(Outer("a", attempts="3"), "k")  # type: ignore[arg-type]
    check(Outer("a", inner=Inner(usd=1)), "k")


def scored(answer: str, *, tolerance: Likeness = 0.5, llm: Mapping[str, Any] | None = None, **more: Any) -> None: ...


def test_keywords_of_a_function_are_checked_as_far_as_it_names_them() -> None:
    check_arguments(scored, {"tolerance": 1, "llm": {"a": 1}, "other": object()}, "kwargs")
    for wrong in ({"tolerance": 0}, {"tolerance": "1"}, {"llm": 3}):
        with pytest.raises(UserInputError, match=rf"^kwargs\.{next(iter(wrong))} must be "):
            check_arguments(scored, wrong, "kwargs")
    assert [one.name for one in settings_of(scored)] == ["answer", "tolerance", "llm"]


def test_annotations_that_only_a_type_checker_understands_allow_everything() -> None:
    def theirs(size: NotThere = 1) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    check_arguments(theirs, {"size": "large"}, "k")


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Count, "a whole number of at least 0"),
        (Share, "a number from 0 to 1"),
        (Likeness, "a number above 0 and at most 1"),
        (Annotated[float, Within(least=0, below=1)], "a number from 0 to below 1"),
        (Annotated[float, Within(above=0)], "a number above 0"),
        (Annotated[int, Within(most=5)], "a whole number of at most 5"),
        (Annotated[int, Within(least=1 << 30)], "a whole number of at least 1073741824"),
        (Count | None, "a whole number of at least 0, or null"),
        (Literal["a", "b", "c"], "one of a, b, c"),
        (Sequence[Mapping[str, Any]] | int, "a list or a whole number"),
        (Inner, "a mapping"),
        (object, "any value"),
    ],
)
def test_what_is_allowed_in_words(annotation: Any, words: str) -> None:
    assert allowed(annotation) == words


@pytest.mark.parametrize(("value", "fits"), [(0.1, True), (0, False), (1, False), (float("nan"), False)])
def test_open_bounds(value: float, fits: bool) -> None:
    annotation = Annotated[float, Within(above=0, below=1)]
    if fits:
        assert value_of(annotation, value, "k") == value
    else:
        with pytest.raises(UserInputError, match="a number above 0 and below 1"):
            value_of(annotation, value, "k")


def test_settings_know_their_defaults() -> None:
    defaults = {one.name: one.default for one in settings_of(Outer)}
    assert defaults["name"] is dataclasses.MISSING
    assert (defaults["attempts"], defaults["inner"]) == (2, Inner())
    plain = defaults_of(Outer)
    assert plain["inner"] == {"usd": None, "mode": "fast"}
    assert "name" not in plain
    assert read(Outer, {"name": "a", **plain}, "k") == Outer("a")
