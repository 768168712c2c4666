"""The console of a run: a few lines on the terminal and everything else in ``RUN_DIR/train.log``, or all of it."""

from verl_agentic.integration.console.console import LOG_FILE, Console, open_console
from verl_agentic.integration.console.tell import tell

__all__ = ["LOG_FILE", "Console", "open_console", "tell"]
