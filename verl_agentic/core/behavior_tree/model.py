"""A behavior tree: what a business desk does about one kind of request, branch by branch, as plain data.

Nodes are conditions, actions (tool calls) and outcomes. A linear workflow is a tree without conditions. References in
arguments and conditions are texts: ``$fact`` is what the user says, ``@column`` what a tool's reply shows; anything
else stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from verl_agentic.core.business import Column, Comparison, Table, Tool, Value
from verl_agentic.core.errors import BrokenTaskError

Verdict = Literal["allow", "deny", "decline", "transfer"]
VERDICTS: tuple[Verdict, ...] = ("allow", "deny", "decline", "transfer")

FACT, FIELD = "$", "@"
"""What a reference begins with."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the user knows and says.

    Attributes:
        name: its name; ``$name`` refers to it.
        ask: words that ask for it, the first of which names it.
        say: the sentence that tells it, with ``{value}``.
        values: what it may be, words or numbers; an empty word is not said at all.
        record: the table of which it is a key; ``values`` is empty then.
    """

    name: str
    ask: tuple[str, ...]
    say: str
    values: Sequence[Value] = ()
    record: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call.

    Attributes:
        tool: name of the tool.
        arguments: a reference or a value by argument name.
    """

    tool: str
    arguments: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Action:
    """A call that the desk makes.

    Attributes:
        call: the call.
        next: node that follows.
        error: text of the tool's refusal where this call is refused at first; ``None`` for one that works.
    """

    call: Call
    next: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A question whose answer the desk knows by now.

    Attributes:
        subject: reference to what is compared.
        comparison: how.
        yes: node that follows where it holds.
        no: node that follows where it does not.
        bounds: bounds that tasks choose from; empty where ``than`` is given.
        than: reference to what the subject is compared with instead of a bound.
        stated: what the user says of the subject in the first message, truly, with ``{value}``. Empty for a hidden
            condition, which only a tool's reply shows.
        claim: what an insisting user says of it, with ``{value}`` for a value that would do.
    """

    subject: str
    comparison: Comparison
    yes: str
    no: str
    bounds: Sequence[Value] = ()
    than: str | None = None
    stated: str = ""
    claim: str = ""

    @property
    def hidden(self) -> bool:
        """Whether only the data tell."""
        return self.subject.startswith(FIELD) and not self.stated


@dataclass(frozen=True, slots=True)
class Clarify:
    """An outcome of asking: the user did not say a fact and must be asked for it.

    Attributes:
        fact: name of the fact.
        next: node that follows.
    """

    fact: str
    next: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """An outcome of asking: nothing is changed before the user says yes.

    Attributes:
        yes: node that follows a yes.
        no: node that follows a no.
    """

    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """An outcome that ends the dialogue.

    Attributes:
        verdict: ``allow`` (what was asked is done), ``deny``, ``decline`` (the user thought better of it) or
            ``transfer`` (to a human).
        pushes: times the user insists after a denial.
        lure: the call that is wrong here, where it is not what the nearest allowed branch does.
    """

    verdict: Verdict
    pushes: int = 0
    lure: Call | None = None


N = TypeVar("N", Tool, Fact, Table)

Node = Action | Condition | Clarify | Confirm | Leaf


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: a node, and the name of the branch taken (``next``, ``yes``, ``no``; empty at the leaf)."""

    node: str
    branch: str = ""


@dataclass(frozen=True, slots=True)
class BehaviorTree:
    """One kind of request to one business.

    Attributes:
        name: its name.
        tables: the world's data.
        tools: what the desk can call.
        facts: what the user knows.
        wants: how the user puts the request, without the facts; one is chosen.
        root: id of the first node.
        nodes: nodes by id.
        grown: operators that it was grown by, in order, e.g. ``confirmation:refund``.
    """

    name: str
    tables: tuple[Table, ...]
    tools: tuple[Tool, ...]
    facts: tuple[Fact, ...]
    wants: tuple[str, ...]
    root: str
    nodes: Mapping[str, Node]
    grown: tuple[str, ...] = ()

    def tool(self, name: str) -> Tool:
        """The tool of that name; :class:`BrokenTaskError` where there is none."""
        return _named(self.tools, name, "tools")

    def fact(self, name: str) -> Fact:
        """The fact of that name; :class:`BrokenTaskError` where there is none."""
        return _named(self.facts, name, "facts")

    def table(self, name: str) -> Table:
        """The table of that name; :class:`BrokenTaskError` where there is none."""
        return _named(self.tables, name, "tables")

    def column(self, name: str) -> tuple[Table, Column]:
        """The table and column behind ``@name``; :class:`BrokenTaskError` where there is none."""
        for table in self.tables:
            for column in table.columns:
                if column.name == name:
                    return table, column
        raise BrokenTaskError(f"no table has a column {name!r}")

    def values(self, reference: str) -> Sequence[Value]:
        """What a referenced fact or column may be.

        Raises:
            BrokenTaskError: there is no such fact or column.
        """
        name = reference[1:]
        return self.fact(name).values if reference.startswith(FACT) else self.column(name)[1].values

    def paths(self) -> dict[str, tuple[Step, ...]]:
        """The path from the root to each leaf, by the leaf's id, yes before no.

        Raises:
            BrokenTaskError: this is no tree: a branch leads nowhere or back, two meet, or a node is never reached.
        """
        found: dict[str, tuple[Step, ...]] = {}
        seen: set[str] = set()
        open_paths: list[tuple[str, tuple[Step, ...], str]] = [(self.root, (), "root")]
        while open_paths:
            node_id, before, came_from = open_paths.pop()
            if node_id not in self.nodes:
                raise BrokenTaskError(f"{came_from} leads to {node_id!r}, which is not among the nodes")
            if any(step.node == node_id for step in before):
                raise BrokenTaskError(f"{came_from} leads back to {node_id!r}: the tree has a cycle")
            if node_id in seen:
                raise BrokenTaskError(f"{came_from} leads to {node_id!r}, to which another branch leads, too")
            seen.add(node_id)
            following = list(branches(self.nodes[node_id]))
            if not following:
                found[node_id] = (*before, Step(node_id))
            for branch, child in reversed(following):
                open_paths.append((child, (*before, Step(node_id, branch)), f"nodes.{node_id}.{branch}"))
        if unreached := sorted(set(self.nodes) - seen):
            raise BrokenTaskError(f"nodes.{unreached[0]} is unreachable from the root {self.root!r}")
        return found

    def verdict(self, leaf: str) -> Verdict:
        """How a dialogue that ends at this leaf ends.

        Raises:
            BrokenTaskError: it is no leaf.
        """
        node = self.nodes.get(leaf)
        if not isinstance(node, Leaf):
            raise BrokenTaskError(f"{leaf!r} is no leaf of tree {self.name!r}")
        return node.verdict


def branches(node: Node) -> Iterator[tuple[str, str]]:
    """Name and target of each branch that leaves a node."""
    match node:
        case Action(next=following) | Clarify(next=following):
            yield "next", following
        case Condition(yes=yes, no=no) | Confirm(yes=yes, no=no):
            yield "yes", yes
            yield "no", no


def is_reference(value: Value) -> bool:
    """Whether a value of an argument refers to a fact or a column."""
    return isinstance(value, str) and value.startswith((FACT, FIELD))


def _named(items: Sequence[N], name: str, what: str) -> N:
    for item in items:
        if item.name == name:
            return item
    raise BrokenTaskError(f"{what} has no {name!r}")
