"""A behavior tree as SVG that takes its ink from the page: the root on the left, one row per leaf."""

from __future__ import annotations

from html import escape
from textwrap import wrap

from verl_agentic.core.behavior_tree import (
    Action,
    BehaviorTree,
    Clarify,
    Condition,
    Confirm,
    Leaf,
    Node,
    branches,
)

_WIDTH, _HEIGHT = 150, 44  # of a box
_GAP_X, _GAP_Y, _MARGIN = 46, 14, 12
_LINE_CHARS, _LINES, _LINE_HEIGHT = 24, 3, 12
_COLOURS = {"allow": "#54a24b", "deny": "#e45756", "decline": "#9d755d", "transfer": "#f58518"}
_READ, _WRITE, _ASK = "#4c78a8", "#b279a2", "#72b7b2"


def tree_svg(tree: BehaviorTree) -> str:
    """One SVG document.

    Raises:
        BrokenTaskError: it is no tree.
    """
    places = _places(tree)
    width = 2 * _MARGIN + max(column for column, _ in places.values()) * (_WIDTH + _GAP_X) + _WIDTH
    height = 2 * _MARGIN + max(row for _, row in places.values()) * (_HEIGHT + _GAP_Y) + _HEIGHT
    edges = [
        _edge(_corner(*places[name]), _corner(*places[child]), branch)
        for name in places
        for branch, child in branches(tree.nodes[name])
    ]
    boxes = [_box(tree, name, *_corner(*place)) for name, place in places.items()]
    title = escape(
        f"{tree.name}: {len(tree.nodes)} nodes" + (f", grown by {', '.join(tree.grown)}" if tree.grown else "")
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" class="tree" role="img" color="#656d76" font-family="system-ui, sans-serif" '
        f'font-size="10">'
    )
    return "\n".join([head, f"<title>{title}</title>", *edges, *boxes, "</svg>", ""])


def _places(tree: BehaviorTree) -> dict[str, tuple[int, float]]:
    """Column and row of each node: a leaf has a row of its own, any other node the middle of its children's."""
    places: dict[str, tuple[int, float]] = {}
    paths = list(tree.paths().values())
    for row, path in enumerate(paths):
        places[path[-1].node] = (len(path) - 1, float(row))
    for path in sorted(paths, key=len, reverse=True):
        for column in range(len(path) - 2, -1, -1):
            name = path[column].node
            rows = [places[child][1] for _, child in branches(tree.nodes[name]) if child in places]
            places[name] = (column, sum(rows) / len(rows))
    return places


def _corner(column: int, row: float) -> tuple[float, float]:
    return _MARGIN + column * (_WIDTH + _GAP_X), _MARGIN + row * (_HEIGHT + _GAP_Y)


def _edge(start: tuple[float, float], end: tuple[float, float], branch: str) -> str:
    x1, y1 = start[0] + _WIDTH, start[1] + _HEIGHT / 2
    x2, y2 = end[0], end[1] + _HEIGHT / 2
    middle = (x1 + x2) / 2
    line = (
        f'<path d="M{x1:g} {y1:g} C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}" fill="none" '
        'stroke="currentColor" stroke-width="1.2"/>'
    )
    if branch == "next":
        return line
    return f'{line}<text x="{x2 - 4:g}" y="{y2 - 4:g}" text-anchor="end" fill="currentColor">{branch}</text>'


def _box(tree: BehaviorTree, name: str, x: float, y: float) -> str:
    node = tree.nodes[name]
    colour, text = _colour(tree, node), _text(node)
    lines = wrap(text, _LINE_CHARS) or [""]
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], f"{lines[_LINES - 1][: _LINE_CHARS - 1]}\u2026"]
    dashes = ' stroke-dasharray="4 3"' if isinstance(node, Condition) and node.hidden else ""
    top = y + _HEIGHT / 2 - _LINE_HEIGHT * (len(lines) - 1) / 2 + 3.5
    texts = "".join(
        f'<text x="{x + _WIDTH / 2:g}" y="{top + _LINE_HEIGHT * at:g}" text-anchor="middle" fill="currentColor">'
        f"{escape(line)}</text>"
        for at, line in enumerate(lines)
    )
    return (
        f'<g id="{escape(name)}"><title>{escape(f"{name}: {text}")}</title><rect x="{x:g}" y="{y:g}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" rx="6" fill="{colour}" fill-opacity="0.14" stroke="{colour}"{dashes}/>{texts}</g>'
    )


def _colour(tree: BehaviorTree, node: Node) -> str:
    match node:
        case Action(call=call):
            return _WRITE if tree.tool(call.tool).writes else _READ
        case Clarify() | Confirm():
            return _ASK
        case Leaf(verdict=verdict):
            return _COLOURS[verdict]
    return "currentColor"


def _text(node: Node) -> str:
    match node:
        case Action(call=call, error=error):
            arguments = ", ".join(str(value) for value in call.arguments.values())
            return f"{call.tool}({arguments})" + (f" fails: {error}" if error is not None else "")
        case Condition(subject=subject, comparison=comparison, bounds=bounds, than=than):
            span = f"{bounds[0]} to {bounds[-1]}" if isinstance(bounds, range) else " / ".join(map(str, bounds))
            return f"{subject} {comparison.replace('_', ' ')} {than or span or 'nothing'}"
        case Clarify(fact=fact):
            return f"clarify {fact}"
        case Confirm():
            return "confirm"
        case Leaf(verdict=verdict, pushes=pushes):
            return verdict + (f", user insists {pushes}x" if pushes else "")
