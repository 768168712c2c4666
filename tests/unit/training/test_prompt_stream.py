"""Prompts drawn ahead of the steps they serve. The module needs neither verl nor torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from verl_agentic.core import UserInputError
from verl_agentic.training.prompt_stream import PromptStream


def epoch_tasks(epoch: int) -> list[str]:
    return [f"{epoch}.{number}" for number in range(4)]


def test_an_epoch_is_taken_in_order_and_begins_anew_when_more_is_asked_for() -> None:
    stream = PromptStream(epoch_tasks)
    assert stream.take(0, 3) == ["0.0", "0.1", "0.2"]
    assert stream.take(0, 3) == ["0.3", "0.0", "0.1"]


def test_the_next_epoch_begins_at_its_start_and_none_comes_back() -> None:
    stream = PromptStream(epoch_tasks)
    stream.take(0, 3)
    assert stream.take(1, 2) == ["1.0", "1.1"]
    assert stream.take(0, 1) == ["1.2"]


def test_a_resumed_stream_goes_on_where_the_checkpoint_was(tmp_path: Path) -> None:
    stream = PromptStream(epoch_tasks)
    stream.take(1, 3)
    stream.save(tmp_path / "global_step_5")
    again = PromptStream(epoch_tasks)
    again.load(tmp_path / "global_step_5")
    assert again.take(1, 3) == stream.take(1, 3) == ["1.3", "1.0", "1.1"]


@pytest.mark.parametrize("text", [None, "", "[]", '{"epoch": "x", "position": 1}'])
def test_a_checkpoint_without_a_position_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "prompt_stream.json").write_text(text)
    with pytest.raises(UserInputError, match="trainer_mode"):
        PromptStream(epoch_tasks).load(tmp_path)
