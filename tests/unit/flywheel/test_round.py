"""Rounds of the flywheel on a real task family: additions in a calculator world."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import (
    BrokenTaskError,
    FailureKind,
    InfrastructureError,
    Message,
    Outcome,
    Task,
    Trajectory,
    UserInputError,
)
from verl_agentic.flywheel import (
    ExpertVerifier,
    FrontierHook,
    Protected,
    RoundInput,
    RoundResult,
    make_hooks,
    protected_splits,
    register_hook,
    run_round,
    verify,
)
from verl_agentic.rollout import Policy
from verl_agentic.store import StatusChange, Store, TaskStatus, store_url
from verl_agentic.synthesis.base import Split, TaskFamily
from verl_agentic.tool_envs import Environment, register_environment


@register_environment("flywheel-test-adder")
class Adder(Environment):
    """A world whose one tool adds two numbers."""

    async def open(self, task: Task, seed: int) -> None:
        await super().open(task, seed)
        if "down" in task.env_args:
            raise ConnectionError("adder is down")
        if "broken" in task.env_args:
            raise BrokenTaskError("no such world")

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        return str(arguments["a"] + arguments["b"])


TOOL = {
    "type": "function",
    "function": {"name": "add", "parameters": {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}},
}
STRUCTURES = {"train": ("sum2", "sum3", "sum4", "sum6"), "validation": ("sum5",), "held_out": ("sum7",)}


class Sums(TaskFamily):
    """Sums of a list of numbers; harder means one more number."""

    kind = "sums"

    def structures(self, split: Split) -> tuple[str, ...]:
        return STRUCTURES[split]

    def generate(self, structure: str, rng: random.Random) -> Task:
        return self.make([rng.randrange(1000) for _ in range(int(structure[3:]))])

    def harder(self, task: Task, rng: random.Random) -> Task | None:
        numbers = [*task.env_args["numbers"], rng.randrange(1000)]
        if len(numbers) == 5:
            numbers.append(rng.randrange(1000))
        if len(numbers) > 6:
            return None
        return replace(self.make(numbers), id="", parent=task.id, operator="one_more")

    def make(self, numbers: list[int]) -> Task:
        return Task(
            kind=self.kind,
            messages=[{"role": "user", "content": "Add up: " + " ".join(map(str, numbers))}],
            tools=[TOOL],
            env="flywheel-test-adder",
            env_args={"numbers": numbers},
            reward="sum",
            ground_truth=sum(numbers),
            structure=f"sum{len(numbers)}",
            depth=len(numbers) - 1,
        )

    def expert(self, task: Task) -> Policy:
        def policy(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
            numbers = [int(word) for word in messages[0]["content"].split(": ")[1].split()]
            results = [int(message["content"]) for message in messages if message["role"] == "tool"]
            if len(results) == len(numbers) - 1:
                return f"<answer>{results[-1]}</answer>"
            total = results[-1] if results else numbers[0]
            call = f'{{"name": "add", "arguments": {{"a": {total}, "b": {numbers[len(results) + 1]}}}}}'
            return f"<tool_call>{call}</tool_call>"

        return policy


def score(task: Task, trajectory: Trajectory) -> float:
    return float(trajectory.answer == str(task.ground_truth))


FAMILY = Sums()
FAMILIES = {"sums": FAMILY}
VERIFIER = ExpertVerifier(FAMILIES, score)
STARTERS = [FAMILY.make([number, number + 1]) for number in range(6)]
MASTERED, HALF, FAILED = STARTERS[:2], STARTERS[2:4], STARTERS[4:]


def make_store(folder: Path) -> Store:
    """A store after one epoch: two tasks mastered, two at the frontier, two failed."""
    folder.mkdir(exist_ok=True)
    store = Store(store_url(folder))
    store.add_tasks(STARTERS)
    train(store, 0, 1, {**counts(MASTERED, 4), **counts(HALF, 2), **counts(FAILED, 0)})
    return store


def counts(tasks: list[Task], successes: int) -> dict[str, int]:
    return {task.id: successes for task in tasks}


def train(store: Store, epoch: int, step: int, successes: dict[str, int]) -> None:
    store.record_outcomes(
        [
            Outcome(task_id, session, step, epoch, 0.0, float(session < good), FailureKind.WRONG_ANSWER, 1)
            for task_id, good in successes.items()
            for session in range(4)
        ],
        f"random-{step}",
    )


def statuses(store: Store) -> dict[str, TaskStatus]:
    return {entry.id: entry.status for entry in store.pool()}


def born(store: Store, epoch: int) -> list[Task]:
    return store.tasks(round=epoch)


def run(store: Store, epoch: int = 1, hooks: Sequence[Any] = (), wanted: int = 8, **options: Any) -> dict[str, int]:
    chosen = hooks or [FrontierHook(FAMILIES)]
    return run_round(store, epoch, chosen, seed=5, wanted=wanted, verifier=VERIFIER, **options).counts


def test_mastered_drop_out_frontier_stays_what_is_nearly_solved_gets_harder_variants(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    report = run(store)
    status = statuses(store)
    assert {status[task.id] for task in MASTERED} == {TaskStatus.MASTERED}
    assert {status[task.id] for task in HALF + FAILED} == {TaskStatus.ACTIVE}
    variants = [task for task in born(store, 1) if task.operator == "one_more"]
    fresh = [task for task in born(store, 1) if task.operator is None]
    assert len(variants) == len(fresh) == 4
    assert {task.parent for task in variants} == {task.id for task in HALF + MASTERED}
    assert {task.structure for task in fresh} == {"sum2"}
    assert report["added"] == 8
    assert report["FrontierHook.mastered"] == 2


@pytest.mark.parametrize(
    ("successes", "expected"),
    [
        ({**counts(HALF, 3), **counts(MASTERED, 4), **counts(FAILED, 0)}, HALF),
        ({**counts(HALF, 1), **counts(MASTERED, 4), **counts(FAILED, 0)}, MASTERED),
        ({**counts(HALF, 1), **counts(FAILED, 0)}, HALF),
        (counts(FAILED, 0), FAILED),
    ],
)
def test_variants_come_from_where_there_is_most_to_learn(
    tmp_path: Path, successes: dict[str, int], expected: list[Task]
) -> None:
    store = Store(store_url(tmp_path))
    store.add_tasks(STARTERS)
    train(store, 0, 1, successes)
    run(store, wanted=4)
    parents = {task.parent for task in born(store, 1) if task.parent}
    assert parents == {task.id for task in expected}


def test_the_pool_does_not_run_dry_when_everything_is_mastered(tmp_path: Path) -> None:
    store = Store(store_url(tmp_path))
    store.add_tasks(STARTERS)
    for epoch in range(1, 6):
        active = [task_id for task_id, status in statuses(store).items() if status is TaskStatus.ACTIVE]
        train(store, epoch - 1, epoch, dict.fromkeys(active, 4))
        assert run(store, epoch)["added"] == 8
    assert max(task.depth for task in born(store, 5)) == 5
    assert not {task.structure for task in store.tasks()} - set(STRUCTURES["train"])


def test_fresh_tasks_follow_the_structures_at_the_frontier(tmp_path: Path) -> None:
    store = Store(store_url(tmp_path))
    rng = random.Random(0)
    easy, medium = [FAMILY.generate("sum2", rng)], [FAMILY.generate("sum3", rng) for _ in range(2)]
    store.add_tasks(easy + medium)
    # sum3 is half known as a structure, though no single group is mixed.
    train(store, 0, 1, {**counts(easy, 4), **counts(medium[:1], 4), **counts(medium[1:], 0)})
    run(store, hooks=[FrontierHook(FAMILIES, variants=0)])
    assert {task.structure for task in born(store, 1)} == {"sum3"}


def test_mastery_may_ask_for_several_steps_and_less_than_all(tmp_path: Path) -> None:
    store = Store(store_url(tmp_path))
    task = STARTERS[0]
    store.add_tasks([task])
    hook = FrontierHook(FAMILIES, threshold=0.75, groups=2)
    train(store, 0, 1, {task.id: 4})
    run(store, 1, [hook])
    assert statuses(store)[task.id] is TaskStatus.ACTIVE
    train(store, 1, 2, {task.id: 2})
    run(store, 2, [hook])
    assert statuses(store)[task.id] is TaskStatus.MASTERED


def test_a_mastered_task_that_fails_in_replay_returns(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    run(store)
    train(store, 1, 2, counts(MASTERED[:1], 1))
    run(store, 2)
    status = statuses(store)
    assert status[MASTERED[0].id] is TaskStatus.ACTIVE
    assert status[MASTERED[1].id] is TaskStatus.MASTERED


def test_a_round_is_deterministic_and_committed_once(tmp_path: Path) -> None:
    one, two = make_store(tmp_path / "a"), make_store(tmp_path / "b")
    first = run_round(one, 1, [FrontierHook(FAMILIES)], seed=5, wanted=8, verifier=VERIFIER)
    run(two)
    assert born(one, 1) == born(two, 1)
    before = one.pool()
    assert run_round(one, 1, [FrontierHook(FAMILIES)], seed=6, wanted=80, verifier=VERIFIER) == first
    assert one.pool() == before
    other = make_store(tmp_path / "c")
    run_round(other, 1, [FrontierHook(FAMILIES)], seed=6, wanted=8, verifier=VERIFIER)
    assert born(other, 1) != born(two, 1)


def test_a_rewound_round_runs_again_the_same(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    run(store)
    before = store.pool()
    train(store, 1, 2, counts(HALF, 1))
    store.rewind(1)
    assert born(store, 1) == []
    run(store)
    assert store.pool() == before


class Gives:
    """A hook that gives fixed tasks."""

    def __init__(self, tasks: list[Task], changes: dict[str, StatusChange] | None = None) -> None:
        self.tasks = tasks
        self.changes = changes or {}

    def __call__(self, round: RoundInput) -> RoundResult:
        self.seen = round
        return RoundResult(list(self.tasks), dict(self.changes))


def test_evaluation_tasks_and_structures_are_refused(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    rng = random.Random(1)
    held_out, validation, named = (FAMILY.generate(name, rng) for name in ("sum7", "sum5", "sum6"))
    disguised = replace(FAMILY.generate("sum7", rng), structure="sum2")
    store.add_tasks([disguised], split="held_out")
    report = run(
        store,
        hooks=[Gives([held_out, validation, disguised, named])],
        protected=protected_splits([FAMILY]) | Protected(ids=frozenset([named.id])),
    )
    assert report["protected"] == 4
    assert born(store, 1) == []


def test_evaluation_tasks_in_the_store_protect_their_structure(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.add_tasks([FAMILY.make([1] * 7)], split="held_out")
    assert run(store, hooks=[Gives([FAMILY.make([2] * 7)])])["protected"] == 1


def test_duplicates_are_dropped_and_later_hooks_see_what_is_left(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    new = FAMILY.make([7, 8, 9])
    second = Gives([new])
    report = run(store, hooks=[Gives([new, STARTERS[0], new]), second], wanted=3)
    assert (report["added"], report["duplicates"]) == (1, 3)
    assert born(store, 1) == [replace(new, generator="gives")]
    assert second.seen.wanted == 2
    assert new.id in second.seen.known_ids


def test_hooks_read_rewards_failures_and_trajectories(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    hook = Gives([])
    run(store, hooks=[hook])
    assert hook.seen.epoch == 1
    assert [result.task.id for result in hook.seen.results] == sorted(task.id for task in STARTERS)
    group = hook.seen.results[0].groups[0]
    assert [outcome.session for outcome in group.outcomes] == [0, 1, 2, 3]
    assert group.outcomes[0].failure is FailureKind.WRONG_ANSWER


def test_unfit_tasks_are_quarantined_with_their_reason(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    good = FAMILY.make([1, 2, 3])
    wrong = replace(good, id="", ground_truth=0)
    broken = replace(good, id="", env_args={"broken": True})
    gibberish = replace(good, id="", messages=[{"role": "user", "content": "?"}])
    foreign = replace(good, id="", kind="poems")
    report = run(store, hooks=[Gives([good, wrong, broken, gibberish, foreign])])
    reasons = {entry.id: entry.reason for entry in store.pool() if entry.status is TaskStatus.QUARANTINED}
    assert reasons[wrong.id] == "expert_failed: the expert scores 0 (ended with answer)"
    assert reasons[broken.id] == "broken: no such world"
    assert reasons[gibberish.id].startswith("expert_failed: IndexError")
    assert "poems" in reasons[foreign.id]
    assert len(reasons) == 4
    assert (report["added"], report["unfit"]) == (1, 4)


def test_an_infrastructure_failure_blames_no_task(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    down = replace(FAMILY.make([1, 2, 3]), id="", env_args={"down": True})
    assert run(store, hooks=[Gives([down])])["unverified"] == 1
    assert down.id not in statuses(store)
    failure = store.failures()[0]
    assert (failure.kind, failure.task_id) == ("verification", down.id)
    assert "adder is down" in failure.message


def test_a_failing_scorer_is_infrastructure_too() -> None:
    def crash(task: Task, trajectory: Trajectory) -> float:
        raise OSError("judge unreachable")

    with pytest.raises(InfrastructureError, match="judge unreachable"):
        verify(STARTERS[0], FAMILY, crash)


async def test_verification_works_inside_a_running_loop() -> None:
    assert verify(STARTERS[0], FAMILY, score) is None


def test_a_status_for_an_unknown_task_is_refused_and_nothing_remains(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    before = store.pool()
    with pytest.raises(UserInputError, match="Gives changes the status of 'ghost'"):
        run(store, hooks=[Gives([FAMILY.make([1, 2, 3])], {"ghost": StatusChange(TaskStatus.MASTERED)})])
    assert store.pool() == before
    assert store.round(1) is None


def test_a_generator_that_repeats_itself_ends_the_round(tmp_path: Path) -> None:
    class Stuck(Sums):
        def generate(self, structure: str, rng: random.Random) -> Task:
            return STARTERS[0]

        def harder(self, task: Task, rng: random.Random) -> Task | None:
            return STARTERS[1]

    store = make_store(tmp_path)
    assert run(store, hooks=[FrontierHook({"sums": Stuck()})])["added"] == 0


def test_hooks_are_made_from_configuration() -> None:
    @register_hook("flywheel-test-gives-nothing")
    def nothing(amount: int) -> Gives:
        return Gives([])

    hooks = make_hooks(
        [
            {"name": "frontier", "threshold": 0.9},
            {"name": "verl_agentic.flywheel.hooks.frontier:FrontierHook"},
            {"name": "flywheel-test-gives-nothing", "amount": 3},
        ],
        families=FAMILIES,
    )
    assert [hook.name for hook in hooks] == ["FrontierHook", "FrontierHook", "Gives"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, r"hooks\[0\] must be a mapping with a 'name'"),
        ({"name": "forntier"}, r"unknown hook 'forntier' \(did you mean 'frontier'\?\); known: .*trees; or give"),
        ({"name": "no.such.module:Hook"}, "cannot be imported"),
        ({"name": "frontier", "treshold": 1}, "takes no 'treshold'; it takes threshold, groups, variants"),
        ({"name": "frontier", "threshold": 0}, "threshold must be above 0"),
        ({"name": "frontier", "groups": 0}, "groups must be at least 1"),
        ({"name": "frontier", "variants": 2}, "variants must lie between"),
        ({"name": "frontier", "threshold": "high"}, "cannot be built"),
    ],
)
def test_a_bad_hook_entry_is_one_clear_message(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        make_hooks([config], families=FAMILIES)


def test_what_a_hook_makes_carries_its_name_whatever_it_grew_from(tmp_path: Path) -> None:
    family = Sums()
    imported = replace(family.make([1, 2]), generator="import:mine.jsonl")

    class CopyingHook:
        def __call__(self, round: RoundInput) -> RoundResult:
            (parent,) = (one.task for one in round.results)
            child = replace(family.make([1, 2, 3]), id="", parent=parent.id, generator=parent.generator)
            own = replace(family.make([4, 5, 6]), id="", generator="my-model")
            written = replace(family.make([7, 8, 9]), id="", parent=parent.id, generator="llm")
            return RoundResult(new_tasks=[child, own, written, family.make([3, 4])])

    with Store(store_url(tmp_path)) as store:
        store.add_tasks([imported])
        store.record_outcomes([Outcome(imported.id, 0, 1, 0, 0.0, 0.0, FailureKind.WRONG_ANSWER, 1)], "u")
        run_round(store, 1, [CopyingHook()], seed=0, wanted=9, verifier=lambda task: None)
        made = {task.structure + task.messages[0]["content"][-1]: task.generator for task in store.tasks()}
    assert made == {
        "sum22": "import:mine.jsonl",
        "sum33": "copying",
        "sum36": "my-model",
        "sum39": "llm",
        "sum24": "copying",
    }


def test_pool_ls_finds_what_the_frontier_hook_made(tmp_path: Path) -> None:
    family = Sums()
    with Store(store_url(tmp_path)) as store:
        first = family.make([1, 2])
        store.add_tasks([first])
        store.record_outcomes([Outcome(first.id, 0, 1, 0, 0.5, 0.0, FailureKind.WRONG_ANSWER, 1)], "u")
        hooks = make_hooks([{"name": "frontier"}], families={"sums": family})
        run_round(store, 1, hooks, seed=0, wanted=4, verifier=lambda task: None)
        assert {task.generator for task in store.tasks() if task.id != first.id} == {"frontier"}
