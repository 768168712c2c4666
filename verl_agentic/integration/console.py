"""What a run tells the user on the console, beside what verl prints there."""

from __future__ import annotations

import sys


def tell(line: str, error: bool = False) -> None:
    """Print a line at once, as one of ours.

    Args:
        line: the text.
        error: whether it goes to the standard error.
    """
    print(f"verl-agentic: {line}", file=sys.stderr if error else sys.stdout, flush=True)
