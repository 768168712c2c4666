"""The console script ``verl-agentic``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from verl_agentic import __version__
from verl_agentic.core import InfrastructureError, UserInputError

FAILED_STATUS = 1
BAD_INPUT_STATUS = 2

# Each module offers add_arguments(parser) and run(arguments), and is imported when its command is given.
_COMMANDS = {
    "doctor": ("verl_agentic.cli.doctor", "say whether this machine can train, and what to do where it cannot"),
    "domain": ("verl_agentic.cli.domain", "list, show, check and begin domains of natural-language tasks"),
    "play": ("verl_agentic.cli.play", "take the policy's place in a task, with exactly what the policy sees"),
    "pool": ("verl_agentic.cli.pool", "look into the pool of a run, take tasks out of it and put tasks in"),
    "report": ("verl_agentic.cli.report", "write the report of a run, finished or not"),
    "replay": ("verl_agentic.cli.replay", "play a stored trajectory again and show where its world differs"),
    "rollout": ("verl_agentic.cli.rollout.command", "let a model play tasks without training, and measure it"),
    "score": ("verl_agentic.cli.score", "judge responses in a file with any reward function"),
    "starter": ("verl_agentic.cli.main", "make the starter policy, unless it is cached, and print its folder"),
    "tasks": ("verl_agentic.cli.tasks", "generate, import and check tasks"),
    "trajectories": ("verl_agentic.cli.trajectories", "list the trajectories of a run, and write them as messages"),
    "tree": ("verl_agentic.cli.tree", "show, check, grow and invent behavior trees, and make tasks of them"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point.

    Returns:
        The exit status: 0, 1 where something failed, 2 for bad input.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    parsed = _parser(given).parse_args(given)
    try:
        return int(parsed.run(parsed))
    except UserInputError as error:
        print(f"verl-agentic: {error}", file=sys.stderr)
        return BAD_INPUT_STATUS
    except InfrastructureError as error:
        print(f"verl-agentic: {error}", file=sys.stderr)
        return FAILED_STATUS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``verl-agentic starter``."""
    parser.add_argument("--seed", type=int, default=0, help="seed of the run it is for (agentic.seed; default: 0)")
    parser.add_argument("--kinds", nargs="+", default=[], help="kinds of the run it is for (agentic.kinds)")


def run(arguments: argparse.Namespace) -> int:
    """Make the starter policy of a seed and print its folder; return the exit status.

    Raises:
        UserInputError: the cache cannot be written to, or torch is not installed.
    """
    from verl_agentic.starter import StarterSettings, ensure_starter

    print(ensure_starter(StarterSettings.for_run(arguments.seed, arguments.kinds)))
    return 0


def _parser(given: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="verl-agentic",
        description="Agentic RL for verl. Training: python -m verl.trainer.main_ppo +recipe=agenticqwen",
    )
    parser.add_argument("--version", action="version", version=f"verl-agentic {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    chosen = next((argument for argument in given if not argument.startswith("-")), None)
    for name, (module_name, summary) in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == chosen:
            module = importlib.import_module(module_name)
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
