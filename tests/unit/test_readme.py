"""The README's examples do what it says."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from verl_agentic.core import Task
from verl_agentic.rollout import play

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


async def test_an_environment_of_ones_own_is_one_small_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"\*\*Write an environment\*\*.*?```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "readme_till.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    said = [f'<tool_call>{{"name": "pay", "arguments": {{"cents": {cents}}}}}</tool_call>' for cents in (30, 80)]
    lines = iter([*said, "<answer>done</answer>"])
    task = Task("till", [{"role": "user", "content": "Pay."}], [], "readme_till:Till", {"cents": 100}, "math", "1")
    dialogue = await play(task, lambda messages, tools: next(lines))
    assert [call.result for call in dialogue.trajectory.calls] == [
        "paid; 70 cents are left",
        "Error: only 70 cents are left",
    ]
    assert dialogue.trajectory.state == {"cents": 70}
