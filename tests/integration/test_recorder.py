"""What the recorder keeps of a judged trajectory."""

from __future__ import annotations

import numpy as np

from verl_agentic.core import Trajectory, Turn


def test_verdict_version_and_no_secret_are_kept_with_a_trajectory(verl_installed: None) -> None:
    from verl_agentic.integration.trainer.recorder import kept_json

    turns = [Turn("assistant", "<answer>5</answer>", 4, 0.5), Turn("tool", "api_key=abc123 \ud83d Bearer 0123456789")]
    verdict = {"acc": np.float64(1.0), "format": np.float32(0.5), "failure": "none", "subgoals": None, "odd": [1]}
    kept = Trajectory.from_json(kept_json(Trajectory("t", 7, turns), verdict, 0.75, 12))
    assert kept.reward == {"score": 0.75, "acc": 1.0, "format": 0.5, "failure": "none"}
    assert (kept.policy_version, kept.seed, kept.turns[0]) == (12, 7, turns[0])
    assert kept.turns[1].content == "api_key=[redacted] \ud83d Bearer [redacted]"


def test_trajectories_of_older_releases_can_be_read() -> None:
    old = '{"task_id": "t", "seed": 1, "turns": [], "calls": [], "answer": null, "end": null, "state": {}, "user": {}}'
    assert Trajectory.from_json(old) == Trajectory("t", 1)
