"""What a run says of its steps and epochs."""

from __future__ import annotations

from verl_agentic.core import FailureKind
from verl_agentic.store import Evaluation
from verl_agentic.training.progress import RunProgress, shown_success


def metrics(reward: float, pool: int = 600, **kinds: float) -> dict[str, float]:
    by_kind = {f"agentic/success/kind/{kind}": value for kind, value in kinds.items()}
    return {"critic/score/mean": reward, "agentic/pool/active": float(pool), **by_kind, "perf/mfu": 0.1}


def test_each_step_has_a_line_and_each_epoch_one_of_its_means() -> None:
    clock = [0.0]
    progress = RunProgress(steps=5, steps_per_epoch=2, now=lambda: clock[0])
    said = []
    for step, of_step in enumerate(
        [metrics(0.2, math=0.5, sql=0), metrics(0.4, 656, math=1), metrics(0.5), metrics(0.5), metrics(0.6)], 1
    ):
        clock[0] += 4.0
        said += progress.lines(step, of_step)
    assert said == [
        "step 1/5: 16.0 s left, epoch 1/3, reward 0.200, success math 50% sql 0%, pool 600, 4.0 s",
        "epoch 1/3: reward 0.300, success math 75% sql 0%, pool 656, 8.0 s, 12.0 s left",
        "step 2/5: 12.0 s left, epoch 1/3, reward 0.400, success math 100%, pool 656, 4.0 s",
        "step 3/5: 8.0 s left, epoch 2/3, reward 0.500, pool 600, 4.0 s",
        "epoch 2/3: reward 0.500, pool 600, 8.0 s, 4.0 s left",
        "step 4/5: 4.0 s left, epoch 2/3, reward 0.500, pool 600, 4.0 s",
        "epoch 3/3: reward 0.600, pool 600, 4.0 s, 0.0 s left",
        "step 5/5: 0.0 s left, epoch 3/3, reward 0.600, pool 600, 4.0 s",
    ]


def test_a_resumed_run_reckons_with_its_own_steps() -> None:
    clock = [100.0]
    progress = RunProgress(steps=10, steps_per_epoch=5, now=lambda: clock[0])
    clock[0] += 3.0
    assert progress.lines(8, {}) == ["step 8/10: 6.0 s left, epoch 2/2, no figures, 3.0 s"]


def test_success_by_kind() -> None:
    evaluations = [
        Evaluation("held_out", 0, f"t{index}", kind, 0, acc, acc, FailureKind.NONE, "{}")
        for index, (kind, acc) in enumerate([("sql", 0.0), ("math", 1.0), ("math", 0.0)])
    ]
    assert shown_success(evaluations) == "math 50%, sql 0%"
