"""The business policy in words, as the policy model reads it: short, and complete for the whole tree."""

from __future__ import annotations

from collections.abc import Mapping

from verl_agentic.core.behavior_tree import FACT, Action, BehaviorTree, Clarify, Condition, Confirm, Leaf
from verl_agentic.core.business import Value

_VERDICTS = {"allow": "answer", "deny": "refuse", "decline": "stop", "transfer": "transfer"}
_WORDS = {
    "is": ("is", "is not"),
    "is_not": ("is not", "is"),
    "at_most": ("at most", "over"),
    "at_least": ("at least", "under"),
}
ASK_TO_CONFIRM = "Confirm first."


def policy_text(tree: BehaviorTree, bounds: Mapping[str, Value]) -> str:
    """The rules of every branch.

    Args:
        tree: a checked tree.
        bounds: the bound of each condition that has one, by its node.
    """
    return " ".join(_sentences(tree, bounds, tree.root))


def clause(tree: BehaviorTree, bounds: Mapping[str, Value], node: str, holds: bool) -> str:
    """A condition, or its opposite, in words, e.g. ``days over 30``."""
    condition = tree.nodes[node]
    assert isinstance(condition, Condition)
    subject = label(tree, condition.subject)
    bound = label(tree, condition.than) if condition.than else bounds[node]
    if bound == "":
        return f"no {subject}" if holds == (condition.comparison == "is") else subject
    return f"{subject} {_WORDS[condition.comparison][not holds]} {bound}"


def label(tree: BehaviorTree, reference: str) -> str:
    """What a fact or a column is called."""
    name = reference[1:]
    return tree.fact(name).ask[0] if reference.startswith(FACT) else name.replace("_", " ")


def _sentences(tree: BehaviorTree, bounds: Mapping[str, Value], start: str) -> list[str]:
    said: list[str] = []
    at = start
    while True:
        match tree.nodes[at]:
            case Action(call=call, next=following, error=error):
                said.append(f"Call {call.tool}." if error is None else f"Call {call.tool}; if {error}:")
                at = following
            case Clarify(fact=fact, next=following):
                said.append(f"Ask for the {tree.fact(fact).ask[0]}.")
                at = following
            case Confirm(yes=yes, no=no):
                if _verdict(tree, no) == "decline":
                    said.append(ASK_TO_CONFIRM)
                else:
                    said.append(f"Ask to confirm. If no: ({_nested(tree, bounds, no)})")
                at = yes
            case Condition(yes=yes, no=no):
                at, sentence = _fork(tree, bounds, at, yes, no)
                said.append(sentence)
            case Leaf(verdict=verdict):
                return said if verdict == "allow" and said else [*said, _capital(f"{_VERDICTS[verdict]}.")]


def _fork(tree: BehaviorTree, bounds: Mapping[str, Value], at: str, yes: str, no: str) -> tuple[str, str]:
    """Where the text goes on after a condition, and what it says of the branch that ends or is told apart."""
    for end, other, holds in ((no, yes, False), (yes, no, True)):
        if verdict := _verdict(tree, end):
            return other, _capital(f"{clause(tree, bounds, at, holds)}: {_VERDICTS[verdict]}.")
    inner, outer = _nested(tree, bounds, yes), _nested(tree, bounds, no)
    # The shorter branch goes in brackets, so that the long one need not be read to their end.
    if len(inner) <= len(outer):
        return no, f"If {clause(tree, bounds, at, True)}: ({inner}) Else:"
    return yes, f"If {clause(tree, bounds, at, False)}: ({outer}) Else:"


def _nested(tree: BehaviorTree, bounds: Mapping[str, Value], start: str) -> str:
    return " ".join(_sentences(tree, bounds, start))


def _verdict(tree: BehaviorTree, node: str) -> str | None:
    found = tree.nodes[node]
    return found.verdict if isinstance(found, Leaf) else None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
