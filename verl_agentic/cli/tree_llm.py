"""``verl-agentic tree invent`` and ``grow --operator llm``: trees by a language model."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from verl_agentic.cli.settings_given import read_settings_given
from verl_agentic.core import RejectedError, Rejection, UserInputError
from verl_agentic.core.behavior_tree import BehaviorTree, write_json, write_yaml
from verl_agentic.core.chat import ChatUsage, make_chat_model
from verl_agentic.core.files.whole_file import replacing
from verl_agentic.flywheel.hooks.novelty import TreeIndex
from verl_agentic.flywheel.hooks.settings import WrittenSettings
from verl_agentic.synthesis.reasoning.personas import load_personas
from verl_agentic.synthesis.trees.catalog import seed_trees
from verl_agentic.synthesis.trees.edit import affected
from verl_agentic.synthesis.trees.family import TreeFamily
from verl_agentic.synthesis.trees.files import read_policies, read_tree
from verl_agentic.synthesis.trees.shape import OPERATOR, leaf_shapes
from verl_agentic.synthesis.trees.writer import TreeWriter, Writing

_AT_ONCE = 4
_REQUESTS_PER_TREE = 8
_DEFAULTS = WrittenSettings()


def add_llm_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what says which model to ask, and how."""
    parser.add_argument(
        "--llm",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a key of agentic.llm (base_url, model, api_key_env, budget, cache, ...), the value as YAML; may be "
        "repeated. OPENAI_BASE_URL and OPENAI_MODEL stand in for the first two",
    )
    parser.add_argument(
        "--repairs",
        type=int,
        default=_DEFAULTS.repairs,
        metavar="N",
        help=f"how often the model may mend a tree that a check rejects (default: {_DEFAULTS.repairs})",
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=_DEFAULTS.max_tokens,
        metavar="N",
        help=f"longest reply (default: {_DEFAULTS.max_tokens})",
    )
    parser.add_argument(
        "--rejected", type=Path, metavar="FILE", help="a .jsonl file to which rejected texts are added, with the reason"
    )


def add_invent_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``invent``."""
    add_llm_arguments(parser)
    parser.add_argument("--count", type=int, default=1, metavar="N", help="trees to make (default: 1)")
    parser.add_argument("--personas", metavar="FILE", help="one persona a line (default: those that come along)")
    parser.add_argument("--policies", metavar="PATH", help="a .txt or .md file, or a folder of them, to go by")
    parser.add_argument(
        "--requests", type=int, metavar="N", help=f"most requests (default: {_REQUESTS_PER_TREE} for each tree)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="chooses personas and policies")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for a .yaml file each, and for rejected.jsonl"
    )


def invent(arguments: argparse.Namespace) -> int:
    """Write invented trees; return the exit status, 1 where there are fewer than wanted.

    Raises:
        UserInputError: naming the argument.
        InfrastructureError: the model cannot be asked; trees that were made before are written.
    """
    if arguments.count < 1:
        raise UserInputError(f"--count must be at least 1, got {arguments.count}")
    left = arguments.count * _REQUESTS_PER_TREE if arguments.requests is None else arguments.requests
    writer = _writer(arguments)
    personas = load_personas(arguments.personas)
    policies = read_policies(arguments.policies) if arguments.policies else ("",)
    there = sorted(arguments.out.glob("*.yaml")) if arguments.out.is_dir() else []
    index = TreeIndex([*seed_trees(), *map(read_tree, there)], _DEFAULTS.similarity)
    rejected = arguments.rejected or arguments.out / "rejected.jsonl"
    # Called again for the same folder it asks for others.
    rng = random.Random(f"{arguments.seed}/{len(there)}")
    kept = TreeFamily().kept_shapes
    made = 0
    spent = ChatUsage()

    def accept(tree: BehaviorTree) -> None:
        index.check_domain(tree)
        _check_free(tree, tree.paths(), kept)

    while made < arguments.count and left >= writer.most_requests:
        number = min(arguments.count - made, _AT_ONCE, left // writer.most_requests)
        asked = [
            writer.invent(rng.choice(personas), rng.choice(policies), rng.getrandbits(31), accept, index.names)
            for _ in range(number)
        ]
        writings = asyncio.run(_all(asked))
        for writing in writings:
            left -= writing.requests
            spent += writing.usage
            tree = writing.tree
            _keep_rejected(rejected, writing.rejections)
            if tree is None:
                continue
            try:
                accept(tree)  # another one of these may be the same
            except RejectedError as error:
                _keep_rejected(rejected, [replace(error.rejection, text=write_json(tree))])
                continue
            index.add(tree)
            path = arguments.out / f"{tree.name}.yaml"
            _write(path, write_yaml(tree))
            print(path)
            made += 1
        print(
            f"{made} of {arguments.count} trees, {left} requests left, {spent.tokens} tokens, ${spent.cost:.4f}",
            file=sys.stderr,
        )
        _raise_outage(writings)
    return 0 if made == arguments.count else 1


def grow(arguments: argparse.Namespace, tree: BehaviorTree) -> BehaviorTree | None:
    """The tree with further branches, ``None`` where the model wrote none that is fit; the reasons are printed.

    Args:
        arguments: those of the command.
        tree: a tree that passes every check.

    Raises:
        UserInputError: naming the argument.
        InfrastructureError: the model cannot be asked.
    """
    kept = TreeFamily().kept_shapes

    def accept(after: BehaviorTree) -> None:
        _check_free(after, affected(tree, after), kept)

    writing = asyncio.run(_writer(arguments).grow(tree, random.Random(arguments.seed).getrandbits(31), accept))
    if arguments.rejected:
        _keep_rejected(arguments.rejected, writing.rejections)
    _raise_outage([writing])
    if writing.tree is None:
        for rejection in writing.rejections:
            print(f"{arguments.file}: {OPERATOR}: {rejection}")
    return writing.tree


def _writer(arguments: argparse.Namespace) -> TreeWriter:
    if arguments.repairs < 0 or arguments.max_tokens < 1:
        raise UserInputError("--repairs must be at least 0, and --max-tokens at least 1")
    usual = {"base_url": os.environ.get("OPENAI_BASE_URL"), "model": os.environ.get("OPENAI_MODEL")}
    try:
        model = make_chat_model({**usual, **read_settings_given("--llm", arguments.llm, "model=gpt-4.1-mini")})
    except UserInputError as error:
        raise UserInputError(f"--llm: {error}") from error
    return TreeWriter(model, arguments.repairs, _DEFAULTS.temperature, arguments.max_tokens)


async def _all(asked: Sequence[Coroutine[Any, Any, Writing]]) -> list[Writing]:
    return list(await asyncio.gather(*asked))


def _raise_outage(writings: Sequence[Writing]) -> None:
    for writing in writings:
        if writing.outage is not None:
            raise writing.outage


def _check_free(tree: BehaviorTree, leaves: Iterable[str], kept: frozenset[str]) -> None:
    if all(not kept.isdisjoint(leaf_shapes(tree, leaf)) for leaf in leaves):
        raise RejectedError("held_out", "all its new leaves are known; add other branches")


def _keep_rejected(path: Path, rejections: Sequence[Rejection]) -> None:
    rows = [{"check": one.reason, "reason": one.detail, "text": one.text} for one in rejections]
    if not rows:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.writelines(f"{json.dumps(row)}\n" for row in rows)
    except OSError as error:
        raise UserInputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _write(path: Path, text: str) -> None:
    try:
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise UserInputError(f"--out {path}: cannot be written: {error.strerror or error}") from error
