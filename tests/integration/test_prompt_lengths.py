"""Prompts of the library of domains, by the real tokenizer and chat template of Qwen3."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.qwen3 import tokenizer_folder
from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.domains import Edition, domain_folders, edition_of
from verl_agentic.domains.workflows import Workflow
from verl_agentic.rollout.limits import DialogueLimits
from verl_agentic.rollout.protocol import opening_messages, protocol_tools
from verl_agentic.synthesis.domains import DeskRequest, draft_task, finish_task
from verl_agentic.synthesis.domains.document import DocumentSize

pytestmark = pytest.mark.integration

LIMITS = DialogueLimits(max_turns=30)
# What profile=gpu1 and its like leave room for, data.max_prompt_length.
ROOM: dict[DocumentSize, int] = {"small": 1700, "standard": 3800, "large": 5120}


@pytest.fixture(scope="module")
def length() -> Callable[[Task], int]:
    try:
        folder = tokenizer_folder()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)

    def measured(task: Task) -> int:
        tools = protocol_tools(task, LIMITS, task.tools)
        messages = opening_messages(task, LIMITS)
        return len(tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True)["input_ids"])

    return measured


@pytest.mark.parametrize("name", list(domain_folders()))
def test_prompts_fit(name: str, length: Callable[[Task], int]) -> None:
    for number in (0, 1):
        edition = edition_of(name, number)
        for position, flow in enumerate(edition.domain.workflows.values()):
            sizes: tuple[DocumentSize, ...] = ("small", "standard", "large") if position == 0 else ("small",)
            for size in sizes:
                assert length(a_task(edition, flow, size)) <= ROOM[size], f"{flow.name}, {size}, edition {number}"


def a_task(edition: Edition, flow: Workflow, size: DocumentSize) -> Task:
    """Of the first leaf that has a case; the prompt is the same for all."""
    for leaf in flow.leaves():
        try:
            return finish_task(draft_task(edition, DeskRequest(flow, leaf, size), random.Random(0)))
        except BrokenTaskError:
            continue
    raise AssertionError(f"{flow.name} has no case in edition {edition.number}")
