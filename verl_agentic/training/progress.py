"""How a run tells its user where it is: a line for each step and epoch."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from verl_agentic.report.numbers import duration
from verl_agentic.store import Evaluation

_KIND = "agentic/success/kind/"
# verl's names; the second is that of a run whose rewards are not scored by tokens.
_REWARDS = ("critic/score/mean", "critic/rewards/mean")
_RECENT_STEPS = 20


class RunProgress:
    """Turns the metrics of steps into lines.

    Args:
        steps: of the whole run.
        steps_per_epoch: of each epoch.
        now: a clock in seconds.
    """

    def __init__(self, steps: int, steps_per_epoch: int, now: Callable[[], float] = time.monotonic) -> None:
        self._steps = steps
        self._per_epoch = steps_per_epoch
        self._now = now
        self._ends = [now()]
        self._epoch: list[Mapping[str, float]] = []
        self._epoch_started = now()

    def lines(self, step: int, metrics: Mapping[str, float]) -> list[str]:
        """What to say after a step: where the run is, and what the epoch brought when it was its last step.

        Args:
            step: the step that is done, from 1.
            metrics: all that verl's tracking is told of it.
        """
        self._ends = [*self._ends, self._now()][-_RECENT_STEPS - 1 :]
        taken = (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
        self._epoch.append(metrics)
        epochs, epoch = -(-self._steps // self._per_epoch), (step - 1) // self._per_epoch + 1
        left = f"{duration((self._steps - step) * taken)} left"
        said = []
        if step % self._per_epoch == 0 or step == self._steps:
            seconds, self._epoch_started = self._ends[-1] - self._epoch_started, self._ends[-1]
            said.append(f"epoch {epoch}/{epochs}: {_shown(_mean(self._epoch))}, {duration(seconds)}, {left}")
            self._epoch = []
        seconds = self._ends[-1] - self._ends[-2]
        return [
            *said,
            f"step {step}/{self._steps}: {left}, epoch {epoch}/{epochs}, {_shown(metrics)}, {duration(seconds)}",
        ]


def shown_success(evaluations: Iterable[Evaluation]) -> str:
    """Success on an evaluation, e.g. ``math 41 %, sql 30 %``."""
    accs: defaultdict[str, list[float]] = defaultdict(list)
    for one in evaluations:
        accs[one.kind].append(one.acc)
    return ", ".join(f"{kind} {sum(values) / len(values):.0%}" for kind, values in sorted(accs.items())) or "no task"


def _shown(metrics: Mapping[str, float]) -> str:
    reward = next((metrics[name] for name in _REWARDS if name in metrics), None)
    kinds = {name.removeprefix(_KIND): value for name, value in metrics.items() if name.startswith(_KIND)}
    parts = [] if reward is None else [f"reward {reward:.3f}"]
    if kinds:
        parts.append("success " + " ".join(f"{kind} {value:.0%}" for kind, value in sorted(kinds.items())))
    if "agentic/pool/active" in metrics:
        parts.append(f"pool {metrics['agentic/pool/active']:.0f}")
    return ", ".join(parts) or "no figures"


def _mean(steps: list[Mapping[str, float]]) -> dict[str, float]:
    """Means over the steps; the pool's size is that at the end."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for metrics in steps:
        for name in (*_REWARDS, *(key for key in metrics if key.startswith(_KIND))):
            if name in metrics:
                values[name].append(float(metrics[name]))
    means = {name: sum(of_name) / len(of_name) for name, of_name in values.items()}
    pool = steps[-1].get("agentic/pool/active") if steps else None
    return means if pool is None else {**means, "agentic/pool/active": pool}
