"""What one flywheel hook may take in one round: time, requests to language models, tokens, money.

The only limits and the only clock of a hook; what the language models of a run may cost in all is another matter
(``agentic.llm.budget``).
"""

from __future__ import annotations

import concurrent.futures
import ctypes
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from verl_agentic.core import InfrastructureError
from verl_agentic.core.chat import (
    BudgetSpentError,
    ChatModel,
    ChatReply,
    ChatRequest,
    ChatUsage,
    MalformedReplyError,
    wrapping_models,
)
from verl_agentic.core.checked import Count, Positive, Seconds, Within, check, refuse_unknown, settings_of
from verl_agentic.flywheel.hook import FlywheelHook, RoundInput, RoundResult

_REPORT_SECONDS = 30.0


class HookOvertimeError(InfrastructureError):
    """A hook did not end in time."""


class HookBudgetSpentError(BudgetSpentError):
    """The hook's budget of this round is spent, not the run's: nobody's fault, and no outage."""


@dataclass(frozen=True, slots=True)
class HookBudget:
    """Limits of one hook in one round, ``None`` for none.

    Attributes:
        seconds: wall time after which the hook is asked to end with what it has; after as long again it is left
            behind and the round goes on without it. Verification of what it made may take as long once more. Half of
            it is for language models (``RoundInput.ask_until``).
        requests: replies of language models, those from the cache included, so that a round that is run again ends
            where it did before.
        tokens: tokens of paid replies. Requests under way may overdraw it a little.
        usd: US dollars, likewise.
        attempts: how often the hook is tried when the infrastructure fails.
        pause_seconds: pause before it is tried again.
    """

    seconds: Seconds | None = None
    requests: Count | None = None
    tokens: Count | None = None
    usd: Annotated[float, Within(least=0)] | None = None
    attempts: Positive = 1
    pause_seconds: Annotated[float, Within(least=0)] = 5.0

    def __post_init__(self) -> None:
        check(self, "budget")

    def changed(self, values: Mapping[str, Any]) -> HookBudget:
        """This budget with some limits replaced.

        Raises:
            UserInputError: there is no such limit, or its value is wrong.
        """
        refuse_unknown(values, (one.name for one in settings_of(HookBudget)), "budget")
        return replace(self, **{str(name): value for name, value in values.items()})


class Meter:
    """Counts what the models of a hook take, and stops them where its budget ends. Safe between threads."""

    def __init__(self, budget: HookBudget) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin a round."""
        with self._lock:
            self.requests = 0
            self.usage = ChatUsage()
            self.refused = 0
            self._closed = False

    def close(self) -> None:
        """Let nothing more pass in this round."""
        with self._lock:
            self._closed = True

    @property
    def requests_left(self) -> int | None:
        """Requests that the budget allows in this round, ``None`` for any number."""
        limit = self._budget.requests
        return None if limit is None else max(0, limit - self.requests)

    def begin(self) -> None:
        """Count a request.

        Raises:
            HookBudgetSpentError: the budget does not allow it.
        """
        with self._lock:
            over = self._over()
            if over is None and not self._closed:
                self.requests += 1
                return
            self.refused += 1
        limit = f"budget.{over}={getattr(self._budget, over):g} of this round" if over else "the time of this hook"
        raise HookBudgetSpentError(f"{limit} is spent")

    def _over(self) -> str | None:
        """Name of the limit that is reached."""
        used = {"requests": self.requests, "tokens": self.usage.tokens, "usd": self.usage.cost}
        limits = {name: getattr(self._budget, name) for name in used}
        return next((name for name, limit in limits.items() if limit is not None and used[name] >= limit), None)

    def count(self, usage: ChatUsage) -> None:
        """Count what a reply took."""
        with self._lock:
            self.usage += usage

    def wrap(self, model: ChatModel) -> ChatModel:
        """The model, counted."""
        return _MeteredModel(model, self)


class _MeteredModel:
    """A chat model that counts on a meter."""

    def __init__(self, model: ChatModel, meter: Meter) -> None:
        self._model = model
        self._meter = meter

    async def complete(self, request: ChatRequest) -> ChatReply:
        self._meter.begin()
        try:
            reply = await self._model.complete(request)
        except MalformedReplyError as error:
            self._meter.count(error.usage)  # paid for all the same
            raise
        self._meter.count(reply.usage)
        return reply

    def metrics(self) -> dict[str, float]:
        return self._model.metrics()


@dataclass(frozen=True, slots=True)
class HookUse:
    """What a hook took in its last round.

    Attributes:
        seconds: wall time, without the verification of what it made.
        requests: replies of language models that it asked for.
        tokens: tokens of those that were paid for.
        usd: US dollars.
    """

    seconds: float = 0.0
    requests: int = 0
    tokens: int = 0
    usd: float = 0.0


class BudgetedHook:
    """A hook within a budget. What it does beyond is undone by not taking it: a result comes whole or not at all.

    Its counts have ``requests`` and ``tokens``, ``overtime`` where it used up its time, and ``over_budget`` for
    requests that were refused.

    Args:
        make: makes the hook; models that it makes, now or later, are counted.
        budget: the budget.

    Attributes:
        hook: the hook.
        name: what it is called in counts and messages: its class.
        budget: the budget.
        use: what it took in its last round.
    """

    def __init__(self, make: Callable[[], FlywheelHook], budget: HookBudget) -> None:
        self._meter = Meter(budget)
        with wrapping_models(self._meter.wrap):
            self.hook = make()
        self.name = type(self.hook).__name__
        self.budget = budget
        self.use = HookUse()
        self._left_behind: threading.Thread | None = None

    def __call__(self, round: RoundInput) -> RoundResult:
        """Run the hook.

        Raises:
            HookOvertimeError: it did not end in time.
            InfrastructureError: the infrastructure failed at each attempt.
        """
        if self._left_behind is not None and self._left_behind.is_alive():
            raise HookOvertimeError("it is still at work for an earlier round")
        self._meter.reset()
        started = time.monotonic()
        seconds = self.budget.seconds
        deadline, ask_until = (None, None) if seconds is None else (started + seconds, started + seconds / 2)
        try:
            result = self._attempts(replace(round, deadline=deadline, ask_until=ask_until))
        finally:
            meter = self._meter
            self.use = HookUse(time.monotonic() - started, meter.requests, meter.usage.tokens, meter.usage.cost)
        counts = {"requests": self.use.requests, "tokens": self.use.tokens, "over_budget": self._meter.refused}
        result.counts.update({name: count for name, count in counts.items() if count})
        if deadline is not None and time.monotonic() >= deadline:
            result.counts["overtime"] = 1
        return result

    def _attempts(self, round: RoundInput) -> RoundResult:
        state = round.rng.getstate()
        for attempt in range(1, self.budget.attempts + 1):
            round.rng.setstate(state)
            try:
                return self._in_time(replace(round, requests=self._meter.requests_left))
            except (BudgetSpentError, HookOvertimeError):
                raise
            except InfrastructureError as error:
                pause = self.budget.pause_seconds
                late = round.deadline is not None and time.monotonic() + pause >= round.deadline
                if attempt == self.budget.attempts or late:
                    raise
                round.say(f"{self.name} is tried again in {pause:g} s: {error}")
                time.sleep(pause)
        raise AssertionError("there is at least one attempt")

    def _in_time(self, round: RoundInput) -> RoundResult:
        if self.budget.seconds is None or round.deadline is None:
            with wrapping_models(self._meter.wrap):
                return self.hook(round)
        done: concurrent.futures.Future[RoundResult] = concurrent.futures.Future()

        def work() -> None:
            try:
                with wrapping_models(self._meter.wrap):
                    done.set_result(self.hook(round))
            except BaseException as error:
                done.set_exception(error)

        started = time.monotonic()
        thread = threading.Thread(target=work, name=f"flywheel-{self.name}", daemon=True)
        thread.start()
        ends = round.deadline + self.budget.seconds
        while (left := ends - time.monotonic()) > 0:
            if concurrent.futures.wait([done], min(left, _REPORT_SECONDS)).done:
                return done.result()
            if left > _REPORT_SECONDS:
                seconds, requests = time.monotonic() - started, self._meter.requests
                round.say(f"{self.name} is at work for {seconds:.0f} s, {requests} replies of models")
        self._meter.close()
        self._left_behind = thread
        _stop(thread)
        raise HookOvertimeError(f"it took more than twice its budget.seconds={self.budget.seconds:g}; raise it")


class _StopHook(BaseException):
    """Ends a hook that was left behind; not an ``Exception``, so that it does not pass for one of the hook's."""


def _stop(thread: threading.Thread) -> None:
    """Have ``_StopHook`` raised in a thread. It may be inside a call into C and end only after that, if ever."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_StopHook))
