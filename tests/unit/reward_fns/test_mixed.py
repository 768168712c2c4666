"""The mixed reward: who judges which row, how the score is shaped, and what is refused."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, ToolCall, Trajectory, Turn, UserInputError
from verl_agentic.reward_fns import registry
from verl_agentic.reward_fns.components import (
    as_trajectory,
    brevity,
    message_format,
    tool_use,
    turns,
    well_formed,
)
from verl_agentic.reward_fns.mixed import COMPONENTS, check_kwargs, check_row, compute_score

BASE = {"score", "acc", "verdict", "failure", "reason"}
KEY = r"reward\.custom_reward_function\.reward_kwargs\."


def mixed(source: str, text: str, truth: Any, extra: dict[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
    return asyncio.run(compute_score(source, text, truth, extra, **kwargs))


def shell(end: End = End.ANSWER, error: str | None = None, answer: str = "5") -> dict[str, Any]:
    """Extra info of a dialogue with one call and an answer."""
    call = ToolCall("calc", {"expression": "2+3"}, "5", error)
    said = [Turn("assistant", "<tool_call>{}</tool_call>", 10), Turn("tool", "5")]
    said.append(Turn("assistant", f"<answer>{answer}</answer>", 10))
    return {"trajectory": Trajectory("t", 0, said, [call], answer, end).to_json(), "reward": "math"}


def test_each_row_is_judged_by_its_own_reward() -> None:
    truth = {"answer": "5"}
    assert mixed("any", "<answer>5</answer>", truth, {"reward": "math"})["acc"] == 1.0
    assert mixed("any", "<answer>6</answer>", truth, {"task": json.dumps({"reward": "math"})})["acc"] == 0.0
    for name in ("applause", "os:nothing", "mixed", "compose"):
        with pytest.raises(BrokenTaskError, match=name.partition(":")[0]):
            mixed("any", "5", truth, {"reward": name})
    with pytest.raises(BrokenTaskError, match="not a task"):
        mixed("any", "5", truth, {"task": "{"})


def test_the_configured_reward_goes_before_the_rows_own_and_names_before_patterns(tmp_path: Any) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "def ten(data_source, solution_str, ground_truth, extra_info=None, *, factor=1): return 0.1 * factor\n"
        "async def full(data_source, solution_str, ground_truth, extra_info=None): return {'score': 1.0}\n"
    )
    sources = {
        "bird/*": {"reward": f"{path}:ten", "kwargs": {"factor": 3}},
        "*": f"{path}:ten",
        "bird/mini": f"{path}:full",
    }
    scores = {
        source: mixed(source, "x", {}, {"reward": "math", "split": "held_out"}, by_data_source=sources)["score"]
        for source in ("bird/dev", "gsm8k", "bird/mini", "held_out/bird/mini")
    }
    assert scores == pytest.approx({"bird/dev": 0.3, "gsm8k": 0.1, "bird/mini": 1.0, "held_out/bird/mini": 1.0})


VERLS = """
from verl_agentic.core import UserInputError

def check_source(data_source):
    if data_source != "sevens":
        raise UserInputError(f"verl has no reward for the data source {data_source!r}")

def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    return float(solution_str == "7")
"""
"""In place of verl's own rewards, which this room does without."""


def test_rows_that_name_no_reward_are_verls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "verls_rewards.py").write_text(VERLS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(registry._PATHS, registry.UNNAMED, "verls_rewards:compute_score")
    for extra in (None, {}, {"reward": None}, {"task": json.dumps({"reward": ""})}):
        assert [mixed("sevens", text, None, extra)["acc"] for text in ("7", "8")] == [1.0, 0.0]
    check_row("sevens", "", {})
    check_row("eights", "", {"by_data_source": {"eight*": "math"}})
    said = r"rows of 'eights' name no reward, and verl has no reward for .*; set reward_fn=NAME"
    with pytest.raises(UserInputError, match=said):
        check_row("eights", "", {})
    # The run lacks a reward; the task is not broken.
    with pytest.raises(UserInputError, match=r"'eights' name no reward.*extra_info\.reward"):
        mixed("eights", "7", None)


def test_without_verl_such_rows_are_told_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._PATHS, registry.UNNAMED, "no_such_verl:compute_score")
    with pytest.raises(UserInputError, match=r"rows of 'x' name no reward.*set reward_fn=NAME, e\.g\. reward_fn=math"):
        check_row("x", "", {})


def test_every_row_has_the_same_keys_of_the_same_types() -> None:
    empty = {"trajectory": Trajectory("t", end=End.MAX_TURNS, state={"tables": {"a": []}}).to_json()}
    truth = {"expected": {"a": []}, "end": ["answer"], "answer": "5", "required": [{"name": "f", "arguments": {}}]}
    truth["forbidden"] = []
    results = [
        mixed("x", "<answer>5</answer>", truth, {"reward": "math"}),
        mixed("x", "", truth, {**empty, "reward": "state"}),
        mixed("x", "", truth, {**empty, "reward": "calls"}, weights={"correctness": 1, "turns": 0.5}),
    ]
    for result in results:
        assert set(result) == BASE | set(COMPONENTS)
        assert all(isinstance(result[name], float) and 0 <= result[name] <= 1 for name in COMPONENTS)
        assert {key: type(value) for key, value in result.items()} == {k: type(v) for k, v in results[0].items()}
    logged = [mixed("x", "", truth, {**empty, "reward": name}, metrics=["subgoals"]) for name in ("state", "math")]
    assert [result["subgoals"] for result in logged] == [0.5, None]


def test_shaping_never_lets_a_wrong_trajectory_reach_a_right_one() -> None:
    weights = {"correctness": 1.0, "progress": 0.3, "format": 0.3, "tool_use": 0.2, "brevity": 0.1, "turns": 0.05}
    rows = [shell(error=error, answer=answer) for error, answer in itertools.product((None, "rejected"), ("5", "6"))]
    results = [mixed("x", "", {"answer": "5"}, row, weights=weights, max_tokens=64) for row in rows]
    for result in results:
        assert result["score"] == pytest.approx(sum(weight * result[name] for name, weight in weights.items()))
    assert min(r["score"] for r in results if r["acc"]) > max(r["score"] for r in results if not r["acc"])
    assert len({round(result["score"], 6) for result in results}) == len(results)


@pytest.mark.parametrize("others", [{"format": 1.0}, {"format": 0.6, "turns": 0.5}])
def test_weights_that_could_turn_the_order_round_are_refused(others: dict[str, float]) -> None:
    with pytest.raises(UserInputError, match=rf"{KEY}weights\.correctness \(1\) must be more"):
        check_kwargs({"weights": {"correctness": 1.0, **others}})
    with pytest.raises(UserInputError, match="must be more"):
        check_kwargs({"weights": others})


def test_who_breaks_a_rule_earns_nothing_for_good_manners() -> None:
    row = {**shell(), "reward": "calls"}
    truth = {"required": [], "forbidden": [{"name": "calc", "arguments": {}}]}
    result = mixed("x", "", truth, row, weights={"correctness": 1.0, "format": 0.5})
    assert (result["score"], result["failure"], result["format"]) == (0.0, "forbidden_call", 1.0)


def undecided_reward(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, *, on_undecided: str = "zero"
) -> dict[str, Any]:
    """Never decides; raises where a sample is to be dropped."""
    if on_undecided == "drop":
        raise InfrastructureError("undecided: no time")
    return {"score": 0.0, "acc": 0.0, "verdict": "undecided", "failure": "undecided", "reason": "no time"}


def test_undecided_passes_through_unshaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "undecided_rewards", sys.modules[__name__])
    options: dict[str, Any] = {
        "by_data_source": {"x": "undecided_rewards:undecided_reward"},
        "weights": {"correctness": 1.0, "format": 0.5},
    }
    result = mixed("x", "<answer>5</answer>", {}, **options)
    assert (result["score"], result["verdict"], result["format"]) == (0.0, "undecided", 1.0)
    with pytest.raises(InfrastructureError, match="no time"):
        mixed("x", "", {}, **options, on_undecided="drop")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": {"fromat": 1}}, rf"{KEY}weights\.fromat is unknown; known keys: correctness"),
        ({"weights": {"correctness": -1}}, rf"{KEY}weights\.correctness must be a number of at least 0"),
        ({"weights": {"correctness": True}}, "must be a number"),
        ({"weights": [1]}, rf"{KEY}weights must map"),
        ({"by_data_source": ["math"]}, rf"{KEY}by_data_source must map"),
        ({"by_data_source": {"a": "maths"}}, rf"{KEY}by_data_source\.a: unknown reward function 'maths'"),
        ({"by_data_source": {"a": "mixed"}}, "part of itself"),
        ({"by_data_source": {"a": {"reward": "math", "kwarg": {}}}}, rf"{KEY}by_data_source\.a\.kwarg is unknown"),
        ({"by_data_source": {"a": "/no/file.py:f"}}, "no such file"),
        ({"max_tokens": 0}, rf"{KEY}max_tokens must be at least 1"),
        ({"metrics": ["acc"]}, rf"{KEY}metrics: 'acc' is always there"),
    ],
)
def test_wrong_keywords_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserInputError, match=said):
        check_kwargs(options)
    with pytest.raises(UserInputError, match=said):
        mixed("a", "5", {"answer": "5"}, {"reward": "math"}, **options)


def test_a_misspelt_keyword_is_not_handed_on_in_silence() -> None:
    with pytest.raises(UserInputError, match=rf"{KEY}weigths is unknown"):
        check_kwargs({"weigths": {"correctness": 1}})
    check_kwargs({"partial": True, "on_undecided": "drop"})


def test_a_keyword_goes_only_to_rewards_that_name_it() -> None:
    truth = {"required": [{"name": "f", "arguments": {}}, {"name": "calc", "arguments": {}}], "forbidden": []}
    for partial, score in ((True, 0.5), (False, 0.0)):
        assert mixed("x", "", truth, {**shell(), "reward": "calls"}, partial=partial, votes=3)["score"] == score
    assert mixed("x", "", {"answer": "5"}, shell(), partial=True, votes=3, llm=None)["score"] == 1.0


def test_containers_of_the_configuration_are_as_good_as_plain_ones() -> None:
    node = OmegaConf.create({"by_data_source": {"x": "math"}, "weights": {"correctness": 1.0, "format": 0.1}})
    assert mixed("x", "<answer>5</answer>", {"answer": "5"}, **dict(node))["score"] == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("<think>2+3</think><answer>5</answer>", True),
        ("Hello, what can I do?", True),
        ("<tool_call>{}</tool_call>\n<tool_call>{}</tool_call>", True),
        ("<tool_call>{}</tool_call><answer>5</answer>", False),
        ("<question>Which?</question><answer>5</answer>", False),
        ("<answer>5", False),
        ("5</answer>", False),
        ("<answer><question>5</answer></question>", False),
        ("<think>so <answer>5</answer>", False),
        ("<answer>5</answer>###TRANSFER_TO_HUMAN", False),
        ("<think>nothing said</think>", False),
    ],
)
def test_well_formed_messages(text: str, fine: bool) -> None:
    assert well_formed(text) is fine


def test_components_of_a_trajectory() -> None:
    said = [Turn("assistant", "<tool_call>{}</tool_call>", 100) for _ in range(3)]
    said.append(Turn("assistant", "<answer>5", 100))
    calls = [ToolCall("f", {}, "5"), ToolCall("f", {}, "5"), ToolCall("", {}, "", "malformed")]
    rolled = Trajectory("t", 0, said, calls, "5", End.ANSWER)
    assert message_format(rolled) == pytest.approx(2 / 4)
    assert tool_use(rolled) == pytest.approx(1 / 3)
    assert brevity(rolled, 800) == 0.5 and brevity(rolled, 100) == 0.0
    assert turns(rolled, 6) == 0.5 and turns(rolled, 3) == 0.0
    assert message_format(as_trajectory("no answer here")) == 0.0
    assert brevity(as_trajectory("x" * 400), 200) == 0.5
    nothing = Trajectory("t", end=End.ANSWER)
    assert (message_format(nothing), tool_use(nothing), brevity(nothing, 1), turns(nothing, 1)) == (1.0, 1.0, 1.0, 1.0)
