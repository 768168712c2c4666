"""What verl's tracking makes of our metrics, with a backend that is not the console."""

from __future__ import annotations

from pathlib import Path

import pytest

from verl_agentic.core import FailureKind, Outcome, Task, Trajectory
from verl_agentic.flywheel import HookUse, RoundInput, RoundResult, run_round
from verl_agentic.store import Cell, Store, store_url
from verl_agentic.training.pool_metrics import pool_metrics, round_metrics
from verl_agentic.training.step_metrics import Judged, step_metrics

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("verl_installed")]


def test_tensorboard_shows_every_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard", reason="pip install tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from verl.utils.tracking import Tracking

    def grow(round: RoundInput) -> RoundResult:
        task = Task("math", [{"role": "user", "content": "?"}], [], "replay", {}, "math", 1, operator="deepen", depth=2)
        return RoundResult([task], counts={"rejected.deepen.leak": 2})

    with Store(store_url(tmp_path)) as store:
        record = run_round(store, 1, [grow], seed=0, wanted=1, verifier=lambda task: None)
        outcome = Outcome("t", 0, 1, 0, 1.0, 1.0, FailureKind.NONE, 1)
        metrics = {
            **step_metrics([Judged("u", outcome, Trajectory("t"), {}, Cell("math", 2))]),
            **pool_metrics(store),
            **round_metrics(record, {"ReasoningHook": HookUse(1.5, 3, 200, 0.25)}),
        }
    monkeypatch.setenv("TENSORBOARD_DIR", str(tmp_path / "board"))
    tracking = Tracking("agenticqwen", "run", ["tensorboard"])
    tracking.log(metrics, step=7)
    tracking.finish()
    shown = EventAccumulator(str(tmp_path / "board"))
    shown.Reload()
    assert set(shown.Tags()["scalars"]) == set(metrics)
    [point] = shown.Scalars("agentic/flywheel/operator/deepen/yield")
    assert (point.step, point.value) == (7, pytest.approx(1 / 3))
    assert shown.Scalars("agentic/success/depth/2")[0].value == 1.0
    assert shown.Scalars("agentic/flywheel/ReasoningHook/usd")[0].value == 0.25
