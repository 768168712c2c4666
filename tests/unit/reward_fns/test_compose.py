"""Rewards by name, from a user's file or package, and several made into one."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from verl_agentic.core import BrokenTaskError, End, InfrastructureError, Task, Trajectory, UserInputError
from verl_agentic.reward_fns.compose import check_kwargs, compute_score
from verl_agentic.reward_fns.registry import configured_reward, judge, judge_now, reward_function

FUNCTIONS = """
import asyncio

def short(data_source, solution_str, ground_truth, extra_info=None):
    return 1.0 if len(solution_str) < 20 else 0.5

def partial(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.9999999, "acc": 0.0, "cost": 2.0}

async def slow(data_source, solution_str, ground_truth, extra_info=None):
    await asyncio.sleep(0.4)
    return {"score": 1.0, "votes": 3}

def blocking(data_source, solution_str, ground_truth, extra_info=None):
    import time
    time.sleep(0.4)
    return 1.0

def unsure(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.0, "acc": 0.0, "verdict": "undecided", "failure": "undecided", "reason": "tie"}

def huge(data_source, solution_str, ground_truth, extra_info=None):
    return 5.0

def text(data_source, solution_str, ground_truth, extra_info=None):
    return "good"

def fails(data_source, solution_str, ground_truth, extra_info=None):
    raise OSError("disk gone")
"""
RIGHT, WRONG = "<answer>5</answer>", "<answer>6</answer> I am sure."
KEY = r"reward\.custom_reward_function\.reward_kwargs\.parts"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rewards") / "my_rewards.py"
    path.write_text(FUNCTIONS)
    return path


def composed(text: str, *parts: Any, **kwargs: Any) -> dict[str, Any]:
    return asyncio.run(compute_score("x", text, {"answer": "5"}, None, parts=list(parts), **kwargs))


def test_weighted_sum(file: Path) -> None:
    parts = ({"reward": "math", "weight": 0.8}, {"reward": f"{file}:short", "weight": 0.2})
    right, wrong = composed(RIGHT, *parts), composed(WRONG, *parts)
    assert right["score"] == pytest.approx(1.0) and wrong["score"] == pytest.approx(0.1)
    assert (right["acc"], right["verdict"], right["failure"]) == (1.0, "right", "none")
    assert (wrong["acc"], wrong["verdict"], wrong["failure"]) == (0.0, "wrong", "wrong_answer")
    assert wrong["reason"].startswith("math: ")
    assert (wrong["math"], wrong["short"]) == (0.0, 0.5)
    node = OmegaConf.create({"parts": list(parts)})
    assert asyncio.run(compute_score("x", RIGHT, {"answer": "5"}, **dict(node)))["score"] == pytest.approx(1.0)


@pytest.mark.parametrize(("mode", "score"), [("product", 0.0), ("min", 0.0)])
def test_product_and_minimum_need_every_part(file: Path, mode: str, score: float) -> None:
    assert composed(RIGHT, "math", f"{file}:short", mode=mode)["acc"] == 1.0
    assert composed(WRONG, "math", f"{file}:short", mode=mode)["score"] == score
    long = f"{'so ' * 9}{RIGHT}"
    result = composed(long, "math", f"{file}:short", mode=mode)
    assert (result["score"], result["acc"], result["reason"]) == (0.5, 0.0, "short: ")


def test_partial_credit_ends_below_a_right_trajectory(file: Path) -> None:
    parts = ({"reward": f"{file}:partial", "weight": 0.8}, {"reward": f"{file}:short", "weight": 0.2})
    result = composed("short", *parts)
    assert result["acc"] == 0.0
    assert 0.79 < result["score"] < 0.8
    assert result["partial/cost"] == 2.0


def test_parts_run_at_the_same_time(file: Path) -> None:
    started = time.perf_counter()
    result = composed("x", f"{file}:slow", f"{file}:blocking", mode="min")
    assert time.perf_counter() - started < 0.75
    assert (result["score"], result["slow/votes"]) == (1.0, 3)


def test_a_part_without_a_verdict_leaves_the_whole_without_one(file: Path) -> None:
    parts = ({"reward": "math", "weight": 0.8}, {"reward": f"{file}:unsure", "weight": 0.2})
    result = composed(RIGHT, *parts)
    assert (result["score"], result["verdict"], result["reason"]) == (0.0, "undecided", "unsure: tie")
    assert set(result) == set(composed(WRONG, *parts))
    with pytest.raises(InfrastructureError, match="tie"):
        composed(RIGHT, *parts, on_undecided="drop")


def test_failures_of_a_part_are_what_they_are(file: Path) -> None:
    with pytest.raises(InfrastructureError, match="disk gone"):
        composed(RIGHT, "math", f"{file}:fails", mode="min")
    with pytest.raises(UserInputError, match="score 5"):
        composed(RIGHT, f"{file}:huge")
    with pytest.raises(UserInputError, match="return a number"):
        composed(RIGHT, f"{file}:text")
    with pytest.raises(BrokenTaskError):
        asyncio.run(compute_score("x", RIGHT, {}, None, parts=["math"]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, f"{KEY} must be a list"),
        ({"parts": []}, f"{KEY} must be a list"),
        ({"parts": ["maths"]}, rf"{KEY}\[0\]: unknown reward function 'maths'"),
        (
            {"parts": [{"reward": "asyncio:sleep", "kwargs": {"a": 1}}]},
            rf"{KEY}\[0\]: .*reward_kwargs\.a: sleep takes no",
        ),
        ({"parts": [{"reward": "math", "wait": 1}]}, rf"{KEY}\[0\]\.wait is unknown"),
        ({"parts": [{"reward": "math", "weight": "much"}]}, rf"{KEY}\[0\]\.weight must be a number"),
        ({"parts": ["math", "math"]}, "two parts are called 'math'"),
        ({"parts": [{"reward": "math", "name": "acc"}]}, "cannot be called 'acc'"),
        ({"parts": [{"reward": "math", "weight": 0.5}, {"reward": "sql", "weight": 0.5}]}, "must be more than"),
        ({"parts": [{"reward": "math", "decides": False}]}, "no part decides"),
        ({"parts": [{"reward": "math", "weight": 2}], "mode": "min"}, r"\[0\]\.weight: only a weighted_sum"),
        (
            {"parts": ["math"], "mode": "max"},
            r"reward_kwargs\.mode must be one of weighted_sum, product, min",
        ),
        ({"parts": ["math"], "modus": "min"}, r"reward_kwargs\.modus is unknown"),
    ],
)
def test_wrong_keywords_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserInputError, match=said):
        check_kwargs(options)
    with pytest.raises(UserInputError, match=said):
        asyncio.run(compute_score("x", RIGHT, {"answer": "5"}, None, **options))


def test_two_files_of_one_name_are_two_rewards(file: Path, tmp_path: Path) -> None:
    other = tmp_path / file.name
    other.write_text("def short(*_, **__): return 0.25\n")
    assert configured_reward(f"{other}:short")() == 0.25
    assert configured_reward(f"{file}:short")("x", "", {}) == 1.0
    assert configured_reward(f"{file}:short") is configured_reward(f"{file}:short")


@pytest.mark.parametrize(("text", "said"), [("import nothing_here", "nothing_here"), ("x = (", "SyntaxError")])
def test_a_file_that_cannot_be_loaded_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(UserInputError, match=said):
        configured_reward(f"{path}:f")


def test_rows_name_no_files(file: Path) -> None:
    with pytest.raises(UserInputError):
        reward_function(f"{file}:short")


def _task(reward: str) -> Task:
    return Task("math", [{"role": "user", "content": "2+3?"}], [], "calculator", {}, reward, {"answer": "5"})


@pytest.mark.slow
async def test_tasks_are_scored_with_and_without_a_running_loop(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    trajectory = Trajectory("t", answer="5", end=End.ANSWER)
    monkeypatch.syspath_prepend(str(file.parent))
    for reward in ("math", "my_rewards:slow"):
        awaited = await judge(_task(reward), trajectory)
        assert judge_now(_task(reward), trajectory) == awaited
        assert await asyncio.to_thread(judge_now, _task(reward), trajectory) == awaited
        assert (awaited["score"], awaited["acc"], awaited["verdict"]) == (1.0, 1.0, "right")
    with pytest.raises(BrokenTaskError, match="applause"):
        judge_now(_task("applause"), trajectory)
