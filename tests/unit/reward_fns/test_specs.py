"""What rewards need is asked for before anything is scored: a judge that can be asked, and keywords in range."""

from __future__ import annotations

from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.reward_fns.mixed import check_row
from verl_agentic.reward_fns.registry import check_kwargs, reward_function

LLM: dict[str, Any] = {"base_url": "http://127.0.0.1:1/v1", "model": "judge", "api_key_env": None, "cache": None}
KEY = "reward.custom_reward_function.reward_kwargs."


def check(name: str, **reward_kwargs: Any) -> None:
    check_kwargs(reward_function(name), reward_kwargs)


def test_a_judge_that_can_be_made_passes() -> None:
    check("rubric", llm=LLM, votes=3, strict=True, on_undecided="drop")
    check("mixed", llm=LLM, by_data_source={"chat": "rubric"}, on_undecided="drop")
    check("compose", llm=LLM, parts=["math", {"reward": "rubric", "weight": 0.5}], on_undecided="drop")
    own = {"reward": "rubric", "kwargs": {"llm": LLM}}
    check("mixed", llm=None, by_data_source={"chat": own})
    check("compose", llm=None, parts=["math", {**own, "weight": 0.5}])
    check_row("chat", "rubric", {"llm": LLM})


def test_none_is_needed_where_nothing_is_judged_by_a_model() -> None:
    check("mixed", llm=None, by_data_source={"gsm8k": "math"}, on_undecided="drop")
    check("compose", llm=None, parts=["math"])
    check_row("gsm8k", "math", {"llm": None})
    # A row that no reward judges is broken, not the configuration.
    with pytest.raises(BrokenTaskError):
        check_row("chat", "applause", {"llm": None})


@pytest.mark.parametrize(
    ("llm", "said"),
    [
        (None, r"agentic\.llm is not set; add llm=openai or llm=vllm to the command"),
        ({**LLM, "base_url": None}, r"agentic\.llm\.base_url is not set; give the endpoint's URL"),
        ({**LLM, "model": None}, r"agentic\.llm\.model is not set; give the endpoint's name of the model"),
        ({**LLM, "api_key_env": "NO_SUCH_KEY"}, r"agentic\.llm\.api_key_env: .* NO_SUCH_KEY is not set; export it"),
        ({**LLM, "modle": "x"}, r"agentic\.llm\.modle is unknown"),
        ({**LLM, "client": "no.such:thing"}, r"agentic\.llm\.client 'no\.such:thing' cannot be imported"),
        ({**LLM, "cache": "/proc/none/replies.db"}, r"agentic\.llm\.cache: /proc/none/replies\.db cannot be used"),
    ],
)
def test_a_judge_that_cannot_be_made_is_one_error(llm: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(UserInputError, match=f"^{said}"):
        check("rubric", llm=llm)
    with pytest.raises(UserInputError, match=rf"^{KEY}by_data_source\.chat: {said}"):
        check("mixed", llm=llm, by_data_source={"chat": "rubric"})
    with pytest.raises(UserInputError, match=rf"^{KEY}parts\[1\]: {said}"):
        check("compose", llm=llm, parts=["math", {"reward": "rubric", "weight": 0.5}])
    with pytest.raises(UserInputError, match=rf"^rows of 'chat' are judged by 'rubric': {said}"):
        check_row("chat", "rubric", {"llm": llm})
    if llm:
        with pytest.raises(UserInputError, match=rf"^{KEY}llm: {said}"):
            check("mixed", llm=llm)


@pytest.mark.parametrize(
    ("name", "reward_kwargs", "said"),
    [
        ("rubric", {"llm": LLM, "votes": 0}, "reward_kwargs.votes must be a whole number"),
        ("rubric", {"llm": LLM, "votes": 3, "temperature": 0}, "temperature=0 makes all votes alike"),
        ("rubric", {"llm": LLM, "on_undecided": "guess"}, "on_undecided must be zero or drop, got 'guess'"),
        ("mixed", {"by_data_source": {"a": "math"}, "on_undecided": "guess"}, "by_data_source.a: .*on_undecided"),
        ("compose", {"parts": ["sql"], "on_undecided": "guess"}, "on_undecided must be zero or drop, got 'guess'"),
        (
            "compose",
            {"parts": [{"reward": "math", "kwargs": {"seconds": -1}}]},
            r"parts\[0\]: .*seconds must be a number above 0",
        ),
    ],
)
def test_values_out_of_range_are_found_before_anything_is_scored(
    name: str, reward_kwargs: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserInputError, match=said):
        check(name, **reward_kwargs)


@pytest.mark.parametrize(
    ("name", "kwargs", "said"),
    [
        ("math", {"reltol": 0.1}, r"reltol is unknown; did you mean rel_tol"),
        ("sql", {"column_ordr": "any"}, r"column_ordr is unknown; .* known keys: .*column_order.*timeout_seconds"),
        ("sql", {"tolerance": -1}, "tolerance must be a number from 0 to 0.1, got -1"),
        ("sql", {"timeout_seconds": 0}, "timeout_seconds must be a number above 0 and at most 600, or null, got 0"),
        ("sql", {"partial": 1}, "partial must be a number from 0 to below 1, got 1"),
        ("state", {"partail": True}, "partail is unknown"),
        ("calls", {"partail": True}, "partail is unknown"),
        ("rubric", {"llm": LLM, "vote": 3}, "vote is unknown"),
    ],
)
def test_keywords_are_checked_before_the_first_row(name: str, kwargs: dict[str, Any], said: str) -> None:
    with pytest.raises(UserInputError, match=said):
        check(name, **kwargs)


def test_keywords_of_all_rewards_pass() -> None:
    check("math", rel_tol=0.1, abs_tol=0.0, seconds=2, on_undecided="drop", llm=None)
    check("sql", column_order="any", compat="bird", tolerance=0.01, timeout_seconds=None, partial=0.5)
    check("mixed", column_order="any", by_data_source={"bird": "sql"})
