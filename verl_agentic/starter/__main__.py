"""Build the starter policy and print its folder."""

from __future__ import annotations

import argparse
import sys

from verl_agentic.core import UserInputError
from verl_agentic.starter.cache import ensure_starter
from verl_agentic.starter.settings import StarterSettings


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    defaults = StarterSettings()
    parser = argparse.ArgumentParser(prog="python -m verl_agentic.starter", description=__doc__)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--target", type=float, default=defaults.target, help="mean probe success at which to stop")
    parser.add_argument("--max-steps", type=int, default=defaults.max_steps, help="optimizer steps at most")
    parser.add_argument("--families", nargs="+", default=list(defaults.families), help="names or package.module:Class")
    parser.add_argument("--cache-dir", default=None, help="where to keep it")
    given = parser.parse_args(arguments)
    try:
        settings = StarterSettings(
            families=tuple(given.families), seed=given.seed, target=given.target, max_steps=given.max_steps
        )
        print(ensure_starter(settings, given.cache_dir))
    except UserInputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
