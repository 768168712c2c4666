"""Budgets of hooks: what overruns them is cut or left out, and the round goes on."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import InfrastructureError, Rejection, Task, UserInputError
from verl_agentic.core.chat import (
    BudgetSpentError,
    ChatReply,
    ChatRequest,
    ChatUsage,
    MalformedReplyError,
    make_chat_model,
)
from verl_agentic.flywheel import BudgetedHook, HookBudget, RoundInput, RoundResult, make_hooks, run_round
from verl_agentic.flywheel.budget import HookBudgetSpentError
from verl_agentic.store import RoundRecord, Store, TaskStatus, store_url, total_yields
from verl_agentic.training.pool_metrics import pool_metrics, round_metrics


def make_task(number: int, **fields: Any) -> Task:
    return Task("math", [{"role": "user", "content": f"{number}?"}], [], "replay", {}, "math", number, **fields)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(store_url(tmp_path))
    store.add_tasks([make_task(number) for number in range(3)])
    return store


class Endless:
    """Makes tasks for as long as it is let."""

    def __call__(self, round: RoundInput) -> RoundResult:
        result = RoundResult()
        while not round.out_of_time:
            number = 1000 + len(result.new_tasks)
            result.new_tasks.append(make_task(number, operator="grow", parent=make_task(0).id))
            time.sleep(0.01)
        return result


class Deaf:
    """Never looks at the clock."""

    stopped = threading.Event()

    def __call__(self, round: RoundInput) -> RoundResult:
        try:
            while True:
                time.sleep(0.001)
        finally:
            self.stopped.set()


class Gives:
    def __call__(self, round: RoundInput) -> RoundResult:
        return RoundResult([make_task(number) for number in range(50, 50 + round.wanted)])


class Flaky:
    """Fails at first; its draw shows whether it starts anew."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.drawn: list[float] = []

    def __call__(self, round: RoundInput) -> RoundResult:
        self.drawn.append(round.rng.random())
        if len(self.drawn) <= self.failures:
            raise InfrastructureError("the model is down")
        return RoundResult([make_task(77)])


def run(store: Store, *hooks: Any, verifier: Any = lambda task: None, wanted: int = 2) -> tuple[RoundRecord, list[str]]:
    lines: list[str] = []
    record = run_round(store, 1, hooks, seed=1, wanted=wanted, verifier=verifier, say=lines.append)
    return record, lines


def test_a_hook_that_watches_its_time_keeps_what_it_has(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    hook = BudgetedHook(Endless, HookBudget(seconds=0.1))
    record, lines = run(store, hook)
    added = record.counts["added"]
    assert 0 < added == len(store.tasks(round=1))
    assert record.counts["Endless.overtime"] == 1 and "used up its time" in caplog.text
    assert any("Endless made" in line for line in lines)
    metrics = round_metrics(record, {hook.name: hook.use})
    assert metrics["agentic/flywheel/Endless/overtime"] == 1 and metrics["agentic/flywheel/Endless/seconds"] >= 0.1
    assert metrics["agentic/flywheel/operator/grow/yield"] == 1.0


def test_a_hook_that_does_not_is_left_out_and_the_round_goes_on(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    hook = BudgetedHook(Deaf, HookBudget(seconds=0.05))
    record, _ = run(store, hook, Gives())
    assert (record.counts["Deaf.skipped"], record.counts["Deaf.overtime"], record.counts["added"]) == (1, 1, 2)
    assert "goes on without Deaf" in caplog.text
    assert "budget.seconds=0.05" in store.failures()[0].message
    assert "Deaf skipped 1, Deaf overtime 1" in record.summary
    assert Deaf.stopped.wait(10), "it was ended, and takes no more of the machine"


def test_one_that_is_still_at_work_is_not_begun_again(store: Store) -> None:
    release = threading.Event()

    class Stuck:
        def __call__(self, round: RoundInput) -> RoundResult:
            while not release.wait(1):  # waiting for a lock cannot be interrupted
                pass
            return RoundResult()

    hook = BudgetedHook(Stuck, HookBudget(seconds=0.02))
    assert run(store, hook)[0].counts["Stuck.skipped"] == 1
    with pytest.raises(InfrastructureError, match="still at work for an earlier round"):
        hook(RoundInput(2, (), random.Random(0), 1, frozenset()))
    release.set()


def test_verification_that_takes_too_long_drops_the_rest(store: Store) -> None:
    def slow(task: Task) -> None:
        time.sleep(0.06)

    record, _ = run(store, BudgetedHook(Gives, HookBudget(seconds=0.1)), verifier=slow, wanted=5)
    assert record.counts["added"] + record.counts["Gives.late"] == 5 and record.counts["Gives.late"] >= 2
    assert total_yields([record.yields])["fresh"].rejected == {"late": record.counts["Gives.late"]}
    assert len(store.tasks(round=1)) == record.counts["added"]


def test_a_failed_hook_is_tried_again_from_its_beginning(store: Store) -> None:
    hook = BudgetedHook(lambda: Flaky(1), HookBudget(seconds=60, attempts=2, pause_seconds=0))
    record, lines = run(store, hook)
    assert record.counts["added"] == 1 and any("tried again" in line for line in lines)
    assert hook.hook.drawn[0] == hook.hook.drawn[1]  # type: ignore[attr-defined]
    other = BudgetedHook(lambda: Flaky(2), HookBudget(attempts=2, pause_seconds=0))
    record = run_round(store, 2, [other], seed=1, wanted=2, verifier=lambda task: None)
    assert record.counts["Flaky.skipped"] == 1


class Paid:
    """A model whose replies cost."""

    def __init__(self, options: Any) -> None:
        pass

    async def complete(self, request: ChatRequest) -> ChatReply:
        return ChatReply("yes", usage=ChatUsage(prompt_tokens=60, completion_tokens=40, cost=0.5))

    def metrics(self) -> dict[str, float]:
        return {}


class Asks:
    """Asks as often as it can; its model is made now or when it is called."""

    def __init__(self, llm: dict[str, Any], late: bool = False) -> None:
        self._make = lambda: make_chat_model(llm)
        self._model = None if late else self._make()

    def __call__(self, round: RoundInput) -> RoundResult:
        model = self._model or self._make()
        made: list[Task] = []
        for number in range(9):
            try:
                asyncio.run(model.complete(ChatRequest(({"role": "user", "content": "?"},))))
            except BudgetSpentError:
                continue
            made.append(make_task(500 + number))
        return RoundResult(made)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("budget", "replies"), [({"requests": 4}, 4), ({"tokens": 250}, 3), ({"usd": 1}, 2), ({}, 9)])
def test_models_stop_where_the_budget_ends(store: Store, budget: dict[str, Any], replies: int, late: bool) -> None:
    llm = {"client": f"{__name__}:Paid"}
    config = {"name": f"{__name__}:Asks", "late": late, "budget": budget}
    [hook] = make_hooks([config], llm=llm, budget=HookBudget(seconds=60))
    for epoch in (1, 2):  # every round has its own
        record = run_round(store, epoch, [hook], seed=1, wanted=9, verifier=lambda task: None)
        assert record.counts["Asks.requests"] == replies and record.counts["Asks.tokens"] == 100 * replies
        assert record.counts.get("Asks.over_budget", 0) == 9 - replies
        assert (hook.use.requests, hook.use.usd) == (replies, 0.5 * replies)
    assert "agentic/flywheel/Asks/usd" in round_metrics(record, {hook.name: hook.use})


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"seconds": 0}, r"flywheel.hooks\[0\].budget.seconds must be a number of at least 0.001, or null, got 0"),
        ({"requests": 1.5}, r"flywheel.hooks\[0\].budget.requests must be a whole number"),
        ({"attempts": None}, r"flywheel.hooks\[0\].budget.attempts must be"),
        (
            {"second": 1},
            r"flywheel.hooks\[0\].budget.second is unknown; did you mean seconds\? known keys: ",
        ),
        (3, r"flywheel.hooks\[0\].budget must be a mapping"),
    ],
)
def test_a_bad_budget_is_one_message(budget: Any, said: str) -> None:
    with pytest.raises(UserInputError, match=said):
        make_hooks([{"name": f"{__name__}:Gives", "budget": budget}])


class Rambles(Paid):
    """A model whose replies cannot be used, and cost all the same."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        raise MalformedReplyError("no JSON", usage=ChatUsage(prompt_tokens=60, completion_tokens=40, cost=0.5))


class AsksOn:
    """Asks until its budget ends."""

    def __init__(self, llm: dict[str, Any]) -> None:
        self._model = make_chat_model(llm)

    def __call__(self, round: RoundInput) -> RoundResult:
        result = RoundResult(counts={"may_ask": -1 if round.requests is None else round.requests})
        for _ in range(9):
            try:
                asyncio.run(self._model.complete(ChatRequest(({"role": "user", "content": "?"},))))
            except MalformedReplyError:
                continue
            except HookBudgetSpentError as spent:
                result.warnings.append(str(spent))
                break
        return result


@pytest.mark.parametrize(("budget", "replies"), [({"requests": 4}, 4), ({"tokens": 250}, 3), ({"usd": 1}, 2)])
def test_replies_that_cannot_be_used_count(budget: dict[str, Any], replies: int) -> None:
    config = {"name": f"{__name__}:AsksOn", "budget": budget}
    [hook] = make_hooks([config], llm={"client": f"{__name__}:Rambles"})
    result = hook(RoundInput(1, (), random.Random(1), 1, frozenset()))
    assert (hook.use.requests, hook.use.tokens) == (replies, 100 * replies)
    assert result.counts["may_ask"] == budget.get("requests", -1) and "is spent" in result.warnings[0]


def test_half_of_the_time_is_for_models() -> None:
    seen: list[RoundInput] = []

    def look(round: RoundInput) -> RoundResult:
        seen.append(round)
        return RoundResult()

    for seconds in (40.0, None):
        BudgetedHook(lambda: look, HookBudget(seconds=seconds))(RoundInput(1, (), random.Random(1), 1, frozenset()))
    timed, free = seen
    assert timed.deadline is not None and timed.ask_until == pytest.approx(timed.deadline - 20)
    assert timed.seconds_to_ask is not None and 19 < timed.seconds_to_ask <= 20
    assert (free.deadline, free.seconds_to_ask) == (None, None)


def test_hooks_reject_and_say_so_in_either_way(store: Store) -> None:
    class Rejects:
        def __call__(self, round: RoundInput) -> RoundResult:
            result = RoundResult([make_task(90, operator="c"), make_task(91)], counts={"rejected.c.leak": 3, "seen": 7})
            result.reject("c", Rejection("leak", "holds 3", text="What is 3?"), "math", make_task(0).id)
            result.reject("d", Rejection("barren"), "math")
            assert {name: (one.made, one.accepted) for name, one in result.yields.items()} == {
                "c": (2, 1), "d": (1, 0), "fresh": (1, 1),
            }  # fmt: skip
            # Hooks of others keep texts with a reason in words.
            result.quarantined.append((make_task(95), "just so"))  # type: ignore[arg-type]
            return result

    record, _ = run(store, Rejects())
    assert record.yields["c"].rejected == {"leak": 4} and record.yields["d"].rejected == {"barren": 1}
    assert record.yields["c"].accepted == record.yields["fresh"].accepted == 1
    assert record.counts["Rejects.seen"] == 7 and not [name for name in record.counts if "leak" in name]
    assert sorted(one.reason for one in store.pool() if one.reason) == ["just so", "leak: holds 3"]
    [text] = [task for task in store.tasks() if task.generator == "llm-rejected"]
    assert text.messages[0]["content"] == "What is 3?" and (text.operator, text.parent) == ("c", make_task(0).id)


def test_a_round_keeps_what_became_of_each_operator_s_candidates(store: Store) -> None:
    class Mixed:
        def __call__(self, round: RoundInput) -> RoundResult:
            good, unfit = (make_task(number, operator="a/b") for number in (90, 91))
            again, down = make_task(0), make_task(92, operator="c")
            return RoundResult([good, unfit, again, down], counts={"rejected.c.leak": 3, "rejected.d.barren": 1})

    def verifier(task: Task) -> Rejection | None:
        if task.operator == "c":
            raise InfrastructureError("no solver")
        return Rejection("unsolved") if task.ground_truth == 91 else None

    run(store, Mixed(), verifier=verifier)
    record = store.last_round()
    assert record is not None
    found = total_yields([record.yields, record.yields])
    assert {name: (one.made, one.accepted, dict(one.rejected)) for name, one in found.items()} == {
        "a/b": (4, 2, {"unfit": 2}),
        "c": (8, 0, {"leak": 6, "unverified": 2}),
        "d": (2, 0, {"barren": 2}),
        "fresh": (2, 0, {"duplicates": 2}),
    }
    assert (record.yields["c"].made, record.yields["c"].share) == (4, 0)
    assert record.counts == {"added": 1, "duplicates": 1, "protected": 0, "unfit": 1, "unverified": 1}
    assert record.summary == "1 tasks added of 8 candidates, duplicates 1, unfit 1, unverified 1"
    metrics = {**round_metrics(record, {}), **pool_metrics(store)}
    assert metrics["agentic/flywheel/operator/a/b/yield"] == 0.5
    assert metrics["agentic/flywheel/operator/c/rejected/leak"] == 3
    assert metrics["agentic/pool/active/math"] == metrics["agentic/pool/depth/1"] == 4
    assert metrics["agentic/pool/quarantined/math"] == 1
    assert [one.status for one in store.pool() if one.operator == "a/b"].count(TaskStatus.QUARANTINED) == 1
