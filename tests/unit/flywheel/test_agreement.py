"""Solvers behind a real HTTP server: agreement, contradiction, nonsense and outage."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from verl_agentic.core import InfrastructureError, Task, UserInputError
from verl_agentic.core.chat import make_chat_model
from verl_agentic.flywheel import AgreementVerifier, ExpertVerifier, WrittenVerifier
from verl_agentic.reward_fns.registry import success
from verl_agentic.synthesis.math.family import MathFamily

FAMILY = MathFamily()
TASK = dataclasses.replace(FAMILY.generate("add-mul", random.Random(0)), ground_truth={"answer": "3/4"}, id="")


def answers(*said: str) -> Callable[[dict[str, Any]], str]:
    """Replies in turn, without end."""

    def turns() -> Iterator[str]:
        while True:
            yield from said

    script = turns()
    return lambda body: json.dumps({"reasoning": "so", "answer": next(script)})


def verify(llm: dict[str, Any], count: int = 3, agree: int | None = None, task: Task = TASK) -> str | None:
    return AgreementVerifier([make_chat_model(llm)] * count, agree)(task)


@pytest.mark.parametrize(
    ("said", "agree", "reason"),
    [
        (("3/4", "0.75", "\\frac{6}{8}"), 3, None),
        (("3/4", "0.75", "5"), 2, None),
        (("3/4", "0.75", "5"), 3, "unsolved"),
        (("3/4", "4", "5"), 2, "unsolved"),
        (("4", "8/2", "5"), 2, "reference_contradicted"),
        (("ambiguous", "ambiguous", "ambiguous"), 2, "reference_contradicted"),
        (("", " ", "3/4"), 2, "malformed_reply"),
        (("3/4" * 1000, "1" * 100_000, "3/4"), 2, "malformed_reply"),
    ],
)
@pytest.mark.slow
def test_enough_solvers_must_come_to_the_reference(
    endpoint: Any, llm: dict[str, Any], said: tuple[str, ...], agree: int, reason: str | None
) -> None:
    endpoint.content = answers(*said)
    found = verify(llm, agree=agree)
    assert (found and found.reason) == reason
    assert len(endpoint.bodies) == 3
    shown = json.dumps(endpoint.bodies[0])
    assert "3/4" not in shown and TASK.messages[-1]["content"] in shown


@pytest.mark.parametrize("reply", ["no json", "[]", '{"answer": 3}', "[" * 100_000, '{"answer": "3/4"}'])
@pytest.mark.slow
def test_malformed_replies_are_no_votes(endpoint: Any, llm: dict[str, Any], reply: str) -> None:
    endpoint.content = lambda body: reply
    found = verify(llm)
    assert found is not None and found.reason == "malformed_reply"


def test_an_outage_says_nothing_about_the_task(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.content = answers("3/4")
    endpoint.script = [endpoint.fail(503)] * 10_000
    with pytest.raises(InfrastructureError):
        verify({**llm, "budget_seconds": 1.0})


def test_several_endpoints(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.content = answers("3/4")
    other = {**llm, "model": "judge-2"}
    assert AgreementVerifier([make_chat_model(llm), make_chat_model(other)], 2)(TASK) is None
    assert {body["model"] for body in endpoint.bodies} == {"judge-1", "judge-2"}


async def test_within_a_running_loop(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.content = answers("3/4")
    assert verify(llm) is None


def test_tasks_without_a_text_answer(endpoint: Any, llm: dict[str, Any]) -> None:
    found = verify(llm, task=dataclasses.replace(TASK, id="", ground_truth={"sql": "SELECT 1"}))
    assert found is not None and found.reason == "unsolved"
    assert endpoint.bodies == []


@pytest.mark.parametrize(("count", "agree"), [(0, None), (2, 3), (2, 0)])
def test_too_few_solvers(llm: dict[str, Any], count: int, agree: int | None) -> None:
    with pytest.raises(UserInputError, match="solvers"):
        verify(llm, count, agree)


def test_written_tasks_go_to_their_own_verifier(endpoint: Any, llm: dict[str, Any]) -> None:
    expert = ExpertVerifier({"math": FAMILY}, success)
    generated = FAMILY.generate("add-mul", random.Random(0))
    text = [{"role": "user", "content": "Half of three halves is what?"}]
    written = dataclasses.replace(TASK, id="", messages=text, generator="llm")  # type: ignore[arg-type]
    endpoint.content = answers("0.75")
    both = WrittenVerifier(expert, AgreementVerifier([make_chat_model(llm)]))
    assert both(generated) is None and endpoint.bodies == []
    assert both(written) is None and len(endpoint.bodies) == 1
    assert str(WrittenVerifier(expert)(written)).startswith("unsolved")
    assert str(expert(written)).startswith("expert_failed")
