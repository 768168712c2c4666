"""What a run tells its user, whichever of its processes speaks."""

from __future__ import annotations

import sys

MARK = "verl-agentic: "
"""What each line begins with."""

PHASE_END = " ..."
"""What a line ends with that says what goes on now."""


def tell(line: str, error: bool = False) -> None:
    """Print a line at once, as one of ours.

    Args:
        line: the text. With `` ...`` at its end it says what goes on now, and on a quiet console only a live terminal
            shows it; so it is with ``NAME 3/40: ...``, of which other terminals see a few.
        error: whether it goes to the standard error.
    """
    print(f"{MARK}{line}", file=sys.stderr if error else sys.stdout, flush=True)
