"""The file in which verl keeps the last step, after a kill at the moment it is written."""

from __future__ import annotations

from pathlib import Path

from verl_agentic.integration.trainer.checkpoints import TRACKER, mend_tracker, saved_step


def test_the_tracker_says_what_is_complete(tmp_path: Path) -> None:
    assert saved_step(tmp_path / "none") == 0
    for step in (2, 10):
        (tmp_path / f"global_step_{step}").mkdir()
    # A save that was cut off: its folder is there, and the tracker still names the one before.
    (tmp_path / TRACKER).write_text("2")
    mend_tracker(tmp_path)
    assert (saved_step(tmp_path), (tmp_path / TRACKER).read_text()) == (2, "2")


def test_a_tracker_left_empty_names_the_newest(tmp_path: Path) -> None:
    for step in (2, 10):
        (tmp_path / f"global_step_{step}").mkdir()
    (tmp_path / TRACKER).write_text("")
    assert saved_step(tmp_path) == 10
    mend_tracker(tmp_path)
    assert (tmp_path / TRACKER).read_text() == "10"
