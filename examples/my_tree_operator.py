"""An operator of one's own for behavior trees: whatever is changed must be written into a log. Run it to check it."""

from dataclasses import replace

from verl_agentic.core import FailureKind
from verl_agentic.core.behavior_tree import Action, Call
from verl_agentic.core.business import Column, Tool
from verl_agentic.synthesis.trees.edit import fresh, insert_before
from verl_agentic.synthesis.trees.operators import Operator


class Logged(Operator):
    """After a change, one more call that is easily forgotten. A site is the tool of the change."""

    name = "logged"
    aims_at = frozenset({FailureKind.MISSING_CALL, FailureKind.WRONG_STATE})

    def sites(self, tree):
        if any(tool.name == "log" for tool in tree.tools):
            return ()
        return tuple(dict.fromkeys(node.call.tool for node in changes(tree).values()))

    def change(self, tree, site):
        changed = {name: node for name, node in changes(tree).items() if node.call.tool == site}
        argument, fact = next(iter(next(iter(changed.values())).call.arguments.items()))
        table = tree.fact(fact.removeprefix("$")).record
        log = Tool("log", "Log a change.", f"UPDATE {table} SET logged = 1 WHERE id = :id", {"id": "string"})
        logged = Column("logged", (0,))
        tables = [replace(one, columns=(*one.columns, logged)) if one.name == table else one for one in tree.tables]
        tree = replace(tree, tables=tuple(tables), tools=(*tree.tools, log))
        for node in changed.values():
            call = Call("log", {"id": node.call.arguments[argument]})
            after = fresh(tree, f"log-{site}")
            tree = insert_before(tree, node.next, after, lambda rest, call=call: Action(call, rest))
        return tree


def changes(tree):
    """Actions that change a record which the user names, by node."""
    return {
        name: node
        for name, node in tree.nodes.items()
        if isinstance(node, Action) and tree.tool(node.call.tool).writes and node.error is None
        if any(str(value).startswith("$") and tree.fact(value[1:]).record for value in node.call.arguments.values())
    }


if __name__ == "__main__":
    from verl_agentic.contracts import check_tree_operator

    grown = check_tree_operator(Logged())
    print(f"contract kept: {len(grown)} trees, with {sorted(set(grown[0].nodes))}")
