"""Behavior trees as text: both ways, strictly, whatever somebody feeds them."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, RejectedError
from verl_agentic.core.behavior_tree import (
    Action,
    Condition,
    Leaf,
    from_data,
    read_json,
    read_yaml,
    to_data,
    write_json,
    write_yaml,
)
from verl_agentic.core.business import Tool, holds
from verl_agentic.synthesis.trees.catalog import seed_trees
from verl_agentic.synthesis.trees.check import check_form, check_tree

LOANS: dict[str, Any] = {
    "name": "loans",
    "wants": ["I want to renew"],
    "tables": {"loans": {"keys": [100, 999], "size": 3, "columns": {"late": {"from": 0, "to": 30}}}},
    "tools": {
        "get": {
            "description": "Read a loan.",
            "arguments": {"id": "string"},
            "sql": "SELECT late FROM loans WHERE id = :id",
            "shows": ["late"],
        },
        "renew": {
            "description": "Renew a loan.",
            "arguments": {"id": "string"},
            "sql": "UPDATE loans SET late = 0 WHERE id = :id",
        },
    },
    "facts": {"loan": {"ask": ["loan", "id"], "say": "Loan {value}.", "record": "loans"}},
    "root": "look",
    "nodes": {
        "look": {"type": "action", "tool": "get", "arguments": {"id": "$loan"}, "next": "late"},
        "late": {
            "type": "condition",
            "subject": "@late",
            "comparison": "at_most",
            "bounds": [5, 10, 15],
            "stated": "It is {value} days late.",
            "yes": "renew",
            "no": "denied",
        },
        "renew": {"type": "action", "tool": "renew", "arguments": {"id": "$loan"}, "next": "renewed"},
        "renewed": {"type": "allow"},
        "denied": {"type": "deny", "pushes": 1},
    },
}
SURE = {
    "sure": {"type": "confirm", "yes": "fine", "no": "kept"},
    "fine": {"type": "allow"},
    "kept": {"type": "decline"},
}


def loans(**changes: Any) -> dict[str, Any]:
    """The data of a small tree, with the fields at dotted paths changed; ``None`` drops one."""
    data = copy.deepcopy(LOANS)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = data
        for key in parents:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return data


def test_a_tree_reads_as_it_is_written() -> None:
    for tree in [*seed_trees(), from_data(LOANS)]:
        assert read_json(write_json(tree)) == tree
        assert read_yaml(write_yaml(tree)) == tree
    tree = from_data(LOANS)
    assert to_data(tree) == LOANS
    assert isinstance(tree.nodes["look"], Action)
    assert tree.nodes["denied"] == Leaf("deny", 1)
    late = tree.nodes["late"]
    assert isinstance(late, Condition) and not late.hidden
    assert {leaf: [step.node for step in path] for leaf, path in tree.paths().items()} == {
        "renewed": ["look", "late", "renew", "renewed"],
        "denied": ["look", "late", "denied"],
    }


def test_yaml_words_stay_words() -> None:
    text = write_yaml(from_data(loans())).replace("yes: renew", '"yes": renew')
    assert read_yaml(text) == from_data(LOANS)
    words = loans(tables__loans__columns={"late": {"from": 0, "to": 30}, "paid": ["yes", "no", "on", "007", "1:30"]})
    assert read_yaml(write_yaml(from_data(words))) == from_data(words)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"root": None}, "'root' is a required property"),
        ({"nodes__late__yess": "x"}, "nodes.late: .*'yess' was unexpected"),
        ({"nodes__late__type": "loop"}, "nodes.late.type: 'loop' is not one of"),
        ({"nodes__look__tool": 7}, "nodes.look.tool: 7 is not of type 'string'"),
        ({"nodes__late__bounds": [5, "x"]}, "nodes.late.bounds"),
        ({"nodes__late__bounds": [5, 5]}, "nodes.late.bounds: a value stands twice"),
        ({"nodes__late__than": "@late"}, "nodes.late"),
        ({"nodes__renewed__pushes": 1}, "nodes.renewed: .*'pushes' was unexpected"),
        ({"facts__loan__say": "Loan."}, "facts.loan.say"),
        ({"facts__loan__say": "{value} {value}"}, "facts.loan.say"),
        ({"facts__loan__values": [1]}, "facts.loan"),
        ({"tables__loans__keys": [1, 3]}, "tables.loans.keys: 1 to 3 must leave a key free"),
        ({"tables__loans__columns__late": {"from": 1, "to": 9999}}, "columns.late: 1 to 9999 must be 1 to 200 values"),
        ({"tables": {"loans; DROP": {}}}, "tables: 'loans; DROP' does not match"),
        ({"nodes": {f"n{i}": {"type": "allow"} for i in range(200)}}, "nodes: "),
    ],
)
def test_a_malformed_field_is_named(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BrokenTaskError, match=reason):
        read_json(json.dumps(loans(**changes)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"root": "nowhere"}, "root leads to 'nowhere', which is not among the nodes"),
        ({"nodes__renewed": None}, "nodes.renew.next leads to 'renewed'"),
        ({"nodes__renew__next": "look"}, "cycle"),
        ({"nodes__late__no": "late"}, "leads back to 'late': the tree has a cycle"),
        ({"nodes__late__no": "renewed"}, "to which another branch leads, too"),
        ({"nodes__lost": {"type": "allow"}}, "nodes.lost is unreachable"),
        ({"tools__get__arguments": {}}, "tools.get.arguments: a tool needs at least one argument"),
        ({"nodes__look__arguments": {}}, "nodes.look: get takes the arguments id"),
        ({"nodes__look__arguments": {"id": "$nobody"}}, "facts has no 'nobody'"),
        ({"nodes__look__arguments": {"id": "@late"}}, "nodes.look: @late is used before a tool shows it"),
        ({"nodes__look__tool": "fetch"}, "tools has no 'fetch'"),
        ({"nodes__late__bounds": ["soon"]}, "must both be numbers, or words"),
        ({"tables__loans__columns__id": ["a"]}, "a column 'id' of its own"),
        ({"tools__get__shows": ["late", "fines"]}, "no table has a column 'fines'"),
        ({"facts__loan__record": "members"}, "tables has no 'members'"),
    ],
)
def test_an_unfit_form_has_a_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(RejectedError, match=reason) as caught:
        check_form(from_data(loans(**changes)))
    assert caught.value.rejection.reason == "form"


@pytest.mark.parametrize(
    ("changes", "check", "reason"),
    [
        # 40 days late is what nobody is, so that nobody is denied.
        ({"nodes__late__bounds": [40]}, "case", "leaf 'denied': .*contradictory"),
        ({"tools__get__sql": "SELECT late FROM nothing WHERE id = :id"}, "case", "does not fit the world"),
        ({"tools__renew__sql": "DROP TABLE loans"}, "case", "does not fit the world"),
        ({"nodes__look__error": "locked"}, "case", "nodes.look: get says None instead of 'locked'"),
        ({"tools__get__sql": "SELECT id FROM loans WHERE id = :id"}, "expert", "@late is needed before it is known"),
        # Whoever answers at once cannot be told from who was told yes.
        ({"root": "sure", "nodes": SURE}, "hack", "leaf 'fine': the hack path passes, too"),
    ],
)
def test_an_unplayable_leaf_has_a_reason(changes: dict[str, Any], check: str, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason) as caught:
        check_tree(from_data(loans(**changes)))
    assert caught.value.rejection.reason == check


def test_contradictory_conditions_on_one_path_are_found() -> None:
    again = {"type": "condition", "subject": "@late", "comparison": "at_least", "bounds": [20], "no": "poor"}
    data = loans(nodes__late__yes="again", nodes__again={**again, "yes": "renew"}, nodes__poor={"type": "deny"})
    with pytest.raises(RejectedError, match=r"leaf 'renewed': nodes\.again: no value of @late .* contradictory"):
        check_tree(from_data(data))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        json.dumps(LOANS)[:300],
        '{"name": "a", "name": "b"}',
        "[" * 5000,
        '{"a":' * 5000,
        "NaN",
        "1" * 9000,
        '"\\ud800"',
        "null",
        "[]",
        json.dumps(LOANS) + " " * 10_000_000,
        json.dumps({**LOANS, "name": "x" * 10_000_000}),
        json.dumps({**LOANS, "nodes": {"look": {"type": ["action"]}}}),
        json.dumps({**LOANS, "nodes": {"look": None}}),
        json.dumps({**LOANS, "wants": [1, "a"] * 7000}),
        "a: &x [1]\nb: *x",
        "a: 1\na: 2",
        "!!python/object/apply:os.system ['true']",
        "? [1, 2]\n: 3",
        "a: \t- b",
        "{1: 2, [3]: 4}",
    ],
)
@pytest.mark.slow
def test_hostile_text_is_refused_with_a_reason_and_soon(text: str) -> None:
    started = time.process_time()
    for read in (read_json, read_yaml):
        with pytest.raises(BrokenTaskError) as caught:
            read(text)
        assert 0 < len(str(caught.value)) < 400
    assert time.process_time() - started < 5


def test_a_write_is_told_from_a_read() -> None:
    writes = {
        "SELECT replace(name, 'a', 'b') FROM t": False,
        "WITH old AS (SELECT 1) UPDATE t SET a = 1": True,
        "insert or ignore into t VALUES (1)": True,
        "DELETE FROM t WHERE id = :id": True,
        "SELECT updated FROM t": False,
    }
    assert {sql: Tool("t", "T.", sql, {"id": "string"}).writes for sql in writes} == writes


def test_comparisons() -> None:
    assert [holds(5, "at_most", bound) for bound in (4, 5, 6)] == [False, True, True]
    assert [holds(5, "at_least", bound) for bound in (4, 5, 6)] == [True, True, False]
    assert holds("a", "is", "a") and not holds("a", "is_not", "a")
