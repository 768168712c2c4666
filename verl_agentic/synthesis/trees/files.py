"""Trees, workflows and policies from files of the user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.core.behavior_tree import MAX_TREE_BYTES, BehaviorTree, read_json, read_yaml
from verl_agentic.core.untrusted.fence import clipped
from verl_agentic.synthesis.imported.agenticqwen import read_records
from verl_agentic.synthesis.trees.check import check_tree
from verl_agentic.synthesis.trees.workflow import workflow_tree

MAX_POLICY_CHARS = 8000
_MAX_POLICY_BYTES = 1_000_000
_YAML = (".yaml", ".yml")
_TREES = (*_YAML, ".json")
_POLICIES = (".txt", ".md")


def read_tree(path: Path) -> BehaviorTree:
    """The tree in a ``.yaml``, ``.yml`` or JSON file.

    Raises:
        UserInputError: there is none, or it is malformed.
    """
    text = _text(path, MAX_TREE_BYTES)
    try:
        return read_yaml(text) if path.suffix in _YAML else read_json(text)
    except BrokenTaskError as error:
        raise UserInputError(f"{path}: {error}") from error


def read_workflows(path: str) -> tuple[BehaviorTree, ...]:
    """Checked trees: of one file, of all files of a folder, or of a file of AgenticQwen's records.

    A file holds records where it ends in ``.jsonl``, or is a JSON list. Records that make no tree are left out.

    Raises:
        UserInputError: a file cannot be read or is unfit, or there is no tree at all.
    """
    found = [tree for file in _files(path, "workflows", (*_TREES, ".jsonl")) for tree in _trees(file)]
    if not found:
        raise UserInputError(f"workflows={path!r}: no tree can be made of it")
    return tuple(found)


def read_policies(path: str) -> tuple[str, ...]:
    """Texts of policies: a ``.txt`` or ``.md`` file, or all of a folder; of each the first and last of
    ``MAX_POLICY_CHARS`` characters.

    Raises:
        UserInputError: one cannot be read, or there is none.
    """
    texts = (_text(file, _MAX_POLICY_BYTES).strip() for file in _files(path, "policies", _POLICIES))
    found = tuple(clipped(text, MAX_POLICY_CHARS) for text in texts if text)
    if not found:
        raise UserInputError(f"policies={path!r}: holds no text; write a policy into a .txt or .md file")
    return found


def _trees(file: Path) -> Iterator[BehaviorTree]:
    if file.suffix != ".jsonl" and not (file.suffix == ".json" and _holds_list(file)):
        tree = read_tree(file)
        try:
            check_tree(tree)
        except BrokenTaskError as error:
            raise UserInputError(f"{file}: {error}") from error
        yield tree
        return
    for number, (record, _) in enumerate(read_records(file)):
        try:
            tree = workflow_tree(record, f"workflow-{number}")
            check_tree(tree)
        except BrokenTaskError:
            continue
        yield tree


def _holds_list(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(64).lstrip().startswith(b"[")
    except OSError as error:
        raise UserInputError(f"{file}: cannot be read: {error}") from error


def _files(path: str, key: str, suffixes: tuple[str, ...]) -> list[Path]:
    place = Path(path).expanduser()
    if not place.is_dir():
        return [place]
    found = sorted(file for file in place.iterdir() if file.suffix in suffixes)
    if not found:
        raise UserInputError(f"{key}={path!r}: the folder holds no file that ends in {', '.join(suffixes)}")
    return found


def _text(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
        # One that is too long may be cut within a character; its reader says so.
        return data.decode("utf-8", "strict" if len(data) <= most else "replace")
    except (OSError, UnicodeDecodeError) as error:
        raise UserInputError(f"{path}: cannot be read: {error}") from error
