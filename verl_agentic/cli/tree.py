"""``verl-agentic tree``: show, check, grow and invent behavior trees, make tasks of them, and read workflows in."""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from verl_agentic.cli import tree_llm
from verl_agentic.core import BrokenTaskError, RejectedError, UserInputError
from verl_agentic.core.behavior_tree import BehaviorTree, write_json, write_yaml
from verl_agentic.synthesis.imported.agenticqwen import read_records
from verl_agentic.synthesis.trees.catalog import seed_trees
from verl_agentic.synthesis.trees.chart import tree_svg
from verl_agentic.synthesis.trees.check import check_form, check_leaf, check_tree
from verl_agentic.synthesis.trees.compile import compile_task
from verl_agentic.synthesis.trees.files import read_tree
from verl_agentic.synthesis.trees.operators import OPERATORS, operator_named
from verl_agentic.synthesis.trees.shape import OPERATOR as LLM
from verl_agentic.synthesis.trees.workflow import workflow_tree

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    known = ", ".join(tree.name for tree in seed_trees())
    source: dict[str, Any] = {
        "metavar": "FILE",
        "help": f"a .yaml or .json file, or the name of a tree that comes along: {known}",
    }

    show = actions.add_parser("show", help="draw a tree")
    show.add_argument("file", **source)
    show.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .svg file")
    show.set_defaults(action=_show)

    check = actions.add_parser("check", help="check a tree's form, and play every leaf")
    check.add_argument("file", **source)
    check.add_argument("--seed", type=int, default=0, metavar="N", help="of the cases that are played")
    check.set_defaults(action=_check)

    grow = actions.add_parser("grow", help="grow a tree by one operator")
    grow.add_argument("file", **source)
    names = ", ".join(OPERATORS)
    grow.add_argument(
        "--operator", required=True, metavar="NAME", help=f"one of {names}, {LLM} (a language model), or file.py:Class"
    )
    grow.add_argument("--seed", type=int, default=0, metavar="N", help="chooses where it grows")
    grow.add_argument("--out", type=Path, metavar="FILE", help="a .yaml or .json file (default: YAML, printed)")
    tree_llm.add_llm_arguments(grow)
    grow.set_defaults(action=_grow)

    invent = actions.add_parser("invent", help="have a language model invent trees of new domains")
    tree_llm.add_invent_arguments(invent)
    invent.set_defaults(action=tree_llm.invent)

    tasks = actions.add_parser("tasks", help="write a task of every leaf")
    tasks.add_argument("file", **source)
    tasks.add_argument("--count", type=int, default=1, metavar="N", help="tasks of each leaf (default: 1)")
    tasks.add_argument("--seed", type=int, default=0, metavar="N", help="of the cases")
    tasks.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .jsonl file")
    tasks.set_defaults(action=_tasks)

    imported = actions.add_parser("import-agenticqwen", help="make linear trees of AgenticQwen's workflows")
    imported.add_argument("file", metavar="FILE", help="a JSON list of records, or one record a line")
    imported.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for one .yaml file each")
    imported.set_defaults(action=_import)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; return the exit status, 1 where a tree is unfit.

    Raises:
        UserInputError: naming the argument, or the file and the place in it.
        InfrastructureError: a world or the reward failed.
    """
    return int(arguments.action(arguments))


def load_tree(source: str) -> BehaviorTree:
    """The tree in a file, or the one of this package that goes by the name.

    Raises:
        UserInputError: there is none, or it is malformed.
    """
    shipped = {tree.name: tree for tree in seed_trees()}
    if source in shipped:
        return shipped[source]
    return read_tree(Path(source))


def _show(arguments: argparse.Namespace) -> int:
    tree = load_tree(arguments.file)
    if arguments.out.suffix != ".svg":
        raise UserInputError(f"--out {arguments.out}: must end in .svg")
    _write(arguments.out, _fit(arguments.file, lambda: tree_svg(tree)))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    tree = load_tree(arguments.file)
    try:
        paths = check_form(tree)
    except RejectedError as error:
        print(f"{arguments.file}: {error.rejection.detail}")
        return 1
    unfit = 0
    for leaf, path in paths.items():
        try:
            check_leaf(tree, leaf, arguments.seed)
            said = "expert 1, hack path 0"
        except RejectedError as error:
            unfit += 1
            said = f"UNFIT ({error.rejection.reason}): {error.rejection.detail}"
        print(f"{leaf} ({tree.verdict(leaf)}, {len(path)} nodes): {said}")
    return 1 if unfit else 0


def _grow(arguments: argparse.Namespace) -> int:
    tree = load_tree(arguments.file)
    if arguments.operator == LLM:
        _fit(arguments.file, lambda: check_tree(tree, arguments.seed))
        written = tree_llm.grow(arguments, tree)
        if written is not None:
            _give(arguments.out, written)
        return 1 if written is None else 0
    operator = operator_named(arguments.operator)
    rng = random.Random(arguments.seed)
    sites = list(_fit(arguments.file, lambda: (check_form(tree), operator.sites(tree))[1]))
    if not sites:
        raise UserInputError(f"{arguments.file}: operator {operator.name!r} applies nowhere in this tree")
    rng.shuffle(sites)
    reasons = []
    for site in sites:
        grown = operator.grow(tree, site)
        try:
            check_tree(grown, arguments.seed)
        except RejectedError as error:
            reasons.append(f"{site}: {error.rejection.detail}")
            continue
        _give(arguments.out, grown)
        return 0
    for reason in reasons:
        print(f"{arguments.file}: {operator.name}: {reason}")
    return 1


def _give(path: Path | None, tree: BehaviorTree) -> None:
    """Write a tree to a file, or print it."""
    if path is None:
        print(write_yaml(tree), end="")
    else:
        _write(path, write_json(tree) if path.suffix == ".json" else write_yaml(tree))


def _tasks(arguments: argparse.Namespace) -> int:
    if arguments.count < 1:
        raise UserInputError(f"--count must be at least 1, got {arguments.count}")
    if arguments.out.suffix != ".jsonl":
        raise UserInputError(f"--out {arguments.out}: must end in .jsonl")
    tree = load_tree(arguments.file)
    _fit(arguments.file, lambda: check_tree(tree, arguments.seed))
    tasks = [
        compile_task(tree, leaf, random.Random(f"{arguments.seed}/{leaf}/{number}"))
        for number in range(arguments.count)
        for leaf in tree.paths()
    ]
    _write(arguments.out, "".join(f"{task.to_json()}\n" for task in {task.id: task for task in tasks}.values()))
    return 0


def _import(arguments: argparse.Namespace) -> int:
    made = 0
    for number, (record, where) in enumerate(read_records(Path(arguments.file))):
        try:
            tree = workflow_tree(record, f"workflow-{number}")
            check_tree(tree)
        except BrokenTaskError as error:
            print(f"{where}: {error}")
            continue
        _write(arguments.out / f"{tree.name}.yaml", write_yaml(tree))
        made += 1
    if not made:
        raise UserInputError(f"{arguments.file}: no workflow can be made a tree")
    return 0


def _fit(source: str, work: Callable[[], T]) -> T:
    """The result of ``work``; what makes a tree unfit is the user's input here."""
    try:
        return work()
    except BrokenTaskError as error:
        raise UserInputError(f"{source}: {error}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserInputError(f"--out {path}: cannot be written: {error.strerror or error}") from error
    print(path)
