"""What tasks, policies and tools say, on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

_NO_CONTROLS = {code: "?" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}


def plain_text(text: str, style: str = "") -> Text:
    """Text as it is: what a task says is neither markup nor an order to the terminal."""
    return Text(text.translate(_NO_CONTROLS), style=style)


def wide_console() -> Console:
    """The terminal; a file or pipe has no width to keep to."""
    console = Console()
    return console if console.is_terminal else Console(width=200)
