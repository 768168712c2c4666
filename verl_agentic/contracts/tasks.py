"""The contract of a task family."""

from __future__ import annotations

import random

from verl_agentic.contracts.base import ContractError, demand, demand_json, judged
from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.synthesis.base import SPLITS, TaskFamily

_STRUCTURES = 12


def check_family(family: TaskFamily, seed: int = 0, structures: int = _STRUCTURES) -> int:
    """Check a family: its splits, and of each split some structures by playing a task of each.

    The expert must get the full reward on every task, on every harder variant, and on the task in plain words where the
    family has any; who says nothing, and the careless policy where there is one, must not. The same generator gives the
    same task.

    Args:
        family: the family.
        seed: of what is generated.
        structures: how many of each split to play, spread over all of them.

    Returns:
        The number of tasks that the expert solved.

    Raises:
        ContractError: naming the structure and what is wrong.
    """
    kind = getattr(family, "kind", None)
    demand(isinstance(kind, str) and kind, f"{type(family).__name__}.kind must be a name, got {kind!r}")
    names = {split: family.structures(split) for split in SPLITS}
    demand(names["train"], f"{kind}: structures('train') is empty; there is nothing to train on")
    where: dict[str, str] = {}
    for split in SPLITS:
        for name in names[split]:
            demand(name not in where, f"{kind}: structure {name!r} stands in {where.get(name)} and in {split}")
            where[name] = split
    kept = {*names["validation"], *names["held_out"]}
    solved = 0
    for split in SPLITS:
        step = max(1, -(-len(names[split]) // structures))
        for name in names[split][::step]:
            task = _generated(family, name, seed)
            _check_task(family, task, f"{kind}: a task of {name!r}")
            solved += 1 + _check_natural(family, task)
            if split == "train":
                solved += _check_harder(family, task, kept, seed)
    return solved


def _generated(family: TaskFamily, structure: str, seed: int) -> Task:
    key = f"{seed}/{structure}"
    task = family.generate(structure, random.Random(key))
    demand(
        family.generate(structure, random.Random(key)) == task,
        f"{family.kind}: generate({structure!r}) gives two tasks for one seed; draw from rng alone",
    )
    demand(task.structure == structure, f"{family.kind}: a task of {structure!r} says structure={task.structure!r}")
    return task


def _check_task(family: TaskFamily, task: Task, what: str) -> None:
    demand(task.kind == family.kind, f"{what} is of kind {task.kind!r}, not {family.kind!r}")
    demand(task.depth >= 1, f"{what}: depth must be at least 1, got {task.depth}")
    for name in ("messages", "tools", "env_args", "ground_truth", "user", "meta"):
        demand_json(getattr(task, name), f"{what}: {name}")
    demand(Task.from_json(task.to_json()) == task, f"{what} comes back from JSON as another")
    verdict = judged(task, family.expert(task), f"{what}, played by the expert,")
    demand(verdict["acc"] >= 1, f"{what}: its expert gets {verdict['acc']:g}: {verdict['reason']}")
    verdict = judged(task, lambda messages, tools: "<answer></answer>", f"{what}, played in silence,")
    demand(verdict["acc"] < 1, f"{what}: who answers nothing gets the full reward")
    careless = family.careless(task)
    if careless is not None:
        verdict = judged(task, careless, f"{what}, played carelessly,")
        demand(verdict["acc"] < 1, f"{what}: the careless policy gets the full reward; return None for such a task")


def _check_natural(family: TaskFamily, task: Task) -> int:
    what = f"{family.kind}: a task of {task.structure!r} in plain words"
    natural = family.natural(task)
    if natural == task:
        return 0
    demand(natural.register == "natural", f'{what} is not marked; give it meta["register"] = "natural"')
    for name in ("kind", "tools", "env", "env_args", "reward", "structure", "depth", "parent", "operator"):
        demand(getattr(natural, name) == getattr(task, name), f"{what} has another {name}")
    demand(natural.id != task.id, f"{what} has the id of the task; leave 'id' empty")
    demand(family.natural(natural) == natural, f"{what} is another when it is told again; draw from the task alone")
    _check_task(family, natural, what)
    return 1


def _check_harder(family: TaskFamily, task: Task, kept: set[str], seed: int) -> int:
    what = f"{family.kind}: the harder variant of a task of {task.structure!r}"
    try:
        harder = family.harder(task, random.Random(seed))
        again = family.harder(task, random.Random(seed))
    except BrokenTaskError as error:
        raise ContractError(f"{what} cannot be made: {error}; return None where there is none") from error
    demand(harder == again, f"{what} is another for the same seed; draw from rng alone")
    if harder is None:
        return 0
    demand(harder.id != task.id, f"{what} is the same task")
    demand(harder.parent == task.id, f"{what} must name its parent: parent=task.id, got {harder.parent!r}")
    demand(harder.operator, f"{what} must name its operator, which yields are counted by")
    demand(harder.structure not in kept, f"{what} has the structure {harder.structure!r}, which is for evaluation")
    _check_task(family, harder, what)
    return 1
