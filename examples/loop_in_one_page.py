"""The whole loop on one page, without verl, torch or a GPU: what a run does from its first task to its last epoch.

    python examples/loop_in_one_page.py [--epochs 12] [--seed 0] [--store FOLDER]

A pool of tasks, from which each epoch is drawn; a session for each trajectory, with tools, a world and a user; a
verdict that is computed; outcomes in a database; between epochs a round of the flywheel, which retires what is mastered
and adds harder tasks, each solved by its expert before it may enter. All of that is what training uses. Only the policy
is a toy: for each kind and depth of task it knows how often to act with care, like the task's expert, and how often in
haste. It learns by policy gradient with advantages relative to the group, as GRPO does. Watch it: success rises, harder
tasks come in and it falls, until these are learned, too.
"""

import argparse
import asyncio
import math
import random
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from verl_agentic.core import FailureKind, Outcome, Task
from verl_agentic.flywheel import ExpertVerifier, draw_epoch, make_hooks, protected_splits, run_round
from verl_agentic.reward_fns.registry import judge, success
from verl_agentic.rollout import Dialogue
from verl_agentic.rollout.session import Session, SessionPlan
from verl_agentic.store import RoundRecord, Store, TaskStatus, store_url
from verl_agentic.synthesis.balance import shallow_structures, take_turns
from verl_agentic.synthesis.base import TaskFamily
from verl_agentic.synthesis.families import load_families
from verl_agentic.tool_envs.users.registry import make_user

EPOCH_SIZE = 24  # tasks drawn per epoch
GROUP_SIZE = 6  # trajectories of each: advantages are relative to their mean
LEARNING_RATE = 0.8
FAMILIES = {family.kind: family for family in load_families(["math", "service"])}


class Policy:
    """Acts like the expert or in haste: one number per kind and depth, the logit of acting with care."""

    def __init__(self, rng: random.Random) -> None:
        self.logits: defaultdict[tuple[str, int], float] = defaultdict(lambda: -0.5)
        self._rng = rng

    def care(self, task: Task) -> float:
        """The probability of acting with care."""
        return 1 / (1 + math.exp(-self.logits[task.kind, task.depth]))

    def choose(self, task: Task) -> bool:
        return self._rng.random() < self.care(task)

    def learn(self, task: Task, group: list[tuple[bool, float]]) -> None:
        """One step of policy gradient on what was chosen and the rewards; a group that is all alike teaches nothing."""
        mean = sum(reward for _, reward in group) / len(group)
        spread = math.sqrt(sum((reward - mean) ** 2 for _, reward in group) / len(group)) or 1.0
        care = self.care(task)
        step = sum((reward - mean) / spread * (careful - care) for careful, reward in group) / len(group)
        self.logits[task.kind, task.depth] += LEARNING_RATE * step


def first_pool(families: dict[str, TaskFamily], per_kind: int, rng: random.Random) -> list[Task]:
    """Shallow tasks of the training structures, equally many of each branch."""
    tasks = []
    for family in families.values():
        structure_of = take_turns(list(shallow_structures(family, "train", max_depth=1)), family.branch)
        tasks += [family.generate(structure_of(turn), rng) for turn in range(per_kind)]
    return tasks


async def rollout(task: Task, careful: bool, session: int, step: int, epoch: int) -> Outcome:
    """One trajectory in a world of its own, and its verdict."""
    family = FAMILIES[task.kind]
    act = family.expert(task) if careful else family.careless(task) or (lambda messages, tools: "<answer></answer>")

    async def converse(dialogue: Dialogue) -> Dialogue:
        tools = await dialogue.open()
        while not dialogue.done:
            await dialogue.feed(act(dialogue.messages, tools))
        return dialogue

    dialogue = await Session(task, session, SessionPlan(simulator="scripted")).play(converse)
    verdict = await judge(task, dialogue.trajectory)
    return Outcome(
        task.id,
        session,
        step,
        epoch,
        reward=verdict["score"],
        acc=verdict["acc"],
        failure=FailureKind(verdict["failure"]),
        turns=dialogue.assistant_turns,
        trajectory=dialogue.trajectory.to_json(),
    )


async def train_epoch(store: Store, policy: Policy, epoch: int, seed: int) -> dict[tuple[str, int], list[float]]:
    """Play and learn what the epoch draws; return success by kind and depth, a number for each trajectory."""
    drawn = draw_epoch(store, epoch, EPOCH_SIZE, seed)
    tasks = store.tasks_by_id(drawn)
    found = defaultdict(list)
    for place, task_id in enumerate(drawn):
        task, step = tasks[task_id], epoch * EPOCH_SIZE + place + 1
        chosen = [policy.choose(task) for _ in range(GROUP_SIZE)]
        outcomes = await asyncio.gather(*(rollout(task, careful, n, step, epoch) for n, careful in enumerate(chosen)))
        for outcome in outcomes:
            found[task.kind, task.depth].append(outcome.acc)
        store.record_outcomes(outcomes, uid=f"{step}")
        policy.learn(task, [(careful, one.reward) for careful, one in zip(chosen, outcomes, strict=True)])
    return found


def flywheel(store: Store, epoch: int, seed: int) -> RoundRecord:
    """The round before ``epoch``: what the last one mastered leaves, and harder tasks come in."""
    return run_round(
        store,
        epoch,
        make_hooks([{"name": "frontier", "threshold": 0.9}], families=FAMILIES),
        seed=seed,
        wanted=EPOCH_SIZE // 2,
        verifier=ExpertVerifier(FAMILIES, success, lambda task: make_user("scripted")),
        protected=protected_splits(FAMILIES.values()),
    )


def show(epoch: int, found: dict[tuple[str, int], list[float]], store: Store, record: RoundRecord | None) -> None:
    """One line of the table."""
    cells = []
    for kind in FAMILIES:
        depths = sorted((depth, accs) for (of, depth), accs in found.items() if of == kind)
        by_depth = [f"{depth}: {100 * sum(accs) / len(accs):3.0f}" for depth, accs in depths]
        cells.append(f"{'  '.join(by_depth):38}")
    pool = Counter(entry.status for entry in store.pool())
    added = Counter(entry.operator or "fresh" for entry in store.pool() if record and entry.round == epoch)
    grown = ", ".join(f"{count} {name}" for name, count in added.most_common(3)) or "-"
    print(f"{epoch:5}  {cells[0]}  {cells[1]}  {pool[TaskStatus.ACTIVE]:4} {pool[TaskStatus.MASTERED]:4}  {grown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", type=Path, help="keep the database in this folder")
    arguments = parser.parse_args()
    if arguments.store:
        arguments.store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Store(store_url(arguments.store or folder)) as store:
        store.add_tasks(first_pool(FAMILIES, EPOCH_SIZE, random.Random(arguments.seed)))
        policy = Policy(random.Random(f"{arguments.seed}/policy"))
        heads = [f"{kind}, % success by depth" for kind in FAMILIES]
        print(f"epoch  {heads[0]:38}  {heads[1]:38}  pool done  the round before it added")
        for epoch in range(arguments.epochs):
            record = flywheel(store, epoch, arguments.seed) if epoch else None
            show(epoch, asyncio.run(train_epoch(store, policy, epoch, arguments.seed)), store, record)


if __name__ == "__main__":
    main()
