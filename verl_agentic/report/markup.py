"""Small pieces of HTML. Everything that is text is escaped here, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


def heading(text: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, css: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{css}">{escape(text)}</p>' if css else f"<p>{escape(text)}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], last_is_total: bool = False, text_from: int = 99) -> str:
    """A table of plain text; columns from ``text_from`` on hold prose."""
    body = [list(row) for row in rows]
    parts = ['<div class="scroll"><table><thead><tr>']
    parts += [
        f'<th class="text">{escape(name)}</th>' if at >= text_from else f"<th>{escape(name)}</th>"
        for at, name in enumerate(head)
    ]
    parts.append("</tr></thead><tbody>")
    for number, row in enumerate(body):
        parts.append('<tr class="total">' if last_is_total and number == len(body) - 1 else "<tr>")
        for at, cell in enumerate(row):
            css = ' class="text"' if at >= text_from else ""
            parts.append(f"<td{css}>{escape(str(cell))}</td>")
        parts.append("</tr>")
    parts.append("</tbody></table></div>")
    return "".join(parts)


def card(value: str, label: str) -> str:
    """A number with its name."""
    return f'<div class="card"><b>{escape(value)}</b><span>{escape(label)}</span></div>'


def message(role: str, content: str) -> str:
    """One chat message. Role and content may come from a model."""
    css = role if role in ("system", "user", "assistant", "tool", "note") else "note"
    return f'<div class="message {css}"><i>{escape(role)}</i><pre>{escape(content)}</pre></div>'
