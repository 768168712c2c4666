"""What verl's checkpoints need to survive a kill at any moment."""

from __future__ import annotations

import re
from pathlib import Path

TRACKER = "latest_checkpointed_iteration.txt"


def saved_step(folder: Path) -> int:
    """The step of the last complete checkpoint in a folder of verl's, 0 where there is none.

    verl writes the step into a file when all else of a checkpoint is on the disk, so that one that was cut off is
    never resumed from. The file is opened, and so emptied, before it is written: a run killed in between leaves it
    empty, and the newest checkpoint complete.
    """
    tracker = folder / TRACKER
    text = tracker.read_text().strip() if tracker.exists() else "0"
    if text:
        return int(text)
    steps = [re.fullmatch(r"global_step_(\d+)", entry.name) for entry in folder.iterdir()]
    return max((int(step[1]) for step in steps if step), default=0)


def mend_tracker(folder: Path) -> None:
    """Write the step again where the file was left empty."""
    tracker = folder / TRACKER
    if tracker.exists() and not tracker.read_text().strip():
        tracker.write_text(str(saved_step(folder)))
