"""Domains are read whole, and what is wrong with one is said with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from verl_agentic.core import UserInputError
from verl_agentic.domains import DomainError, domain_folders, load_domain, read_domain
from verl_agentic.domains.library import FOLDERS


def spoil(file: Path, old: str, new: str) -> int:
    """Replace the first ``old``; return its line."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_a_domain_has_all_its_parts(folder: Path) -> None:
    domain = read_domain(folder)
    assert domain.name == "shop" and domain.sector == "retail"
    assert list(domain.tables) == ["customers", "products", "orders", "order_items", "returns", "warranties"]
    assert domain.tools["get_order"].schema["function"]["parameters"]["required"] == ["order_id"]
    assert not domain.tools["get_order"].writes and domain.tools["cancel_order"].writes
    assert "return_item/returned-plus" in domain.structures(), "leaves of a part that is used twice have two names"
    flow = domain.workflows["return_item"]
    assert {"name", "postcode", "order_id"} <= flow.facts.keys(), "facts of users.yaml come in where they are named"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("domain.yaml", "sector: retail", "sektor: retail", "sektor: unknown key; known here: "),
        ("domain.yaml", "en_US", "xx_XX", "no addresses for 'xx_XX'; there are en_US"),
        ("domain.yaml", "of {company}, an online", "of a shop, an online", "does not name the {company}"),
        ("tables.yaml", "ref: customers", "ref: clients", "refers to 'clients'; tables before this one: customers"),
        ("tables.yaml", 'id: "C{5}"', 'id: "C"', "needs a slot for digits"),
        ("tables.yaml", "rows: 36", "rows: many", "must be a whole number of at least 1"),
        ("tables.yaml", "person: email", "person: e-mail", "must be one of first_name"),
        ("tables.yaml", "{person: phone}", "{person: phone, choice: [a]}", "needs exactly one of"),
        ("tools.yaml", "type: string, description", "type: text, description", "must be one of string, integer"),
        ("tools.yaml", "    sql: >-", "    sql: ''\n    sqls: >-", "unknown key; known here: "),
        ("policy.yaml", "  return_fee: [4.5", "  fee: [4.5", "{return_fee} is no term; there are return_days"),
        ("policy.yaml", "up to {return_days} days after", "up to 30 days after", "does not say {return_days}"),
        ("policy.yaml", "section: warranty", "section: guarantee", "no section 'guarantee'; there are identity"),
        ("policy.yaml", "test: order.status ==", "test: order.status = =", "cannot read"),
        ("policy.yaml", "    otherwise: deny\n", "", "'test' and 'otherwise' go together"),
        ("policy.yaml", "test: order.status == ", "test: return_days == ", "so that it holds always or never"),
        ("users.yaml", 'say: ["My name is {value}."', 'say: ["My name."', "must hold {value} once"),
        ("users.yaml", "    ask: [name, who", "    asks: [name, who", "unknown key"),
        ("workflows/cancel_order.yaml", "check: cancel-gift", "check: gift", "no rule 'gift' in policy.yaml"),
        ("workflows/cancel_order.yaml", "check: cancel-gift", "check: confirm", "rule 'confirm' decides nothing"),
        (
            "workflows/cancel_order.yaml",
            "transfer: gift-card",
            "deny: gift-card",
            "where the policy's rule 'cancel-gift'",
        ),
        ("workflows/cancel_order.yaml", "order.payment_method:", "order.method:", "must be ROW.COLUMN of the case"),
        ("workflows/cancel_order.yaml", "call: get_order", "call: read_order", "no tool 'read_order' in tools.yaml"),
        ("workflows/cancel_order.yaml", "with: {order_id: fact", "with: {id: fact", "get_order has no argument 'id'"),
        ("workflows/cancel_order.yaml", "reason: fact.reason}", "reason: fact.why}", "no fact 'why'; there are"),
        ("workflows/cancel_order.yaml", "tell: [order.total]", "tell: [refund]", "nothing is called 'refund' here"),
        (
            "workflows/cancel_order.yaml",
            "  - {allow: cancelled, tell: [order.total]",
            "  - {stop: cancelled",
            "a step has exactly one of",
        ),
        (
            "workflows/cancel_order.yaml",
            "transfer: too-large",
            "transfer: gift-card",
            "there are two leaves 'gift-card'",
        ),
        ("workflows/cancel_order.yaml", "key: order.customer_id", "key: order.client", "orders has no column 'client'"),
        ("workflows/cancel_order.yaml", "my order {order_id}.", "my order {order}.", "{order} is no fact; there are"),
        ("workflows/cancel_order.yaml", "title: Canc", "title: [Canc", "no YAML"),
        ("workflows/cancel_order.yaml", "  order: {table", "  pass: {table", "'pass' cannot be used in expressions"),
        ("workflows/return_item.yaml", "then: {use: finish}", "then: {use: end}", "no part 'end'; there are finish"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(folder: Path, file: str, old: str, new: str, says: str) -> None:
    spoil(folder / file, old, new)
    with pytest.raises(DomainError) as caught:
        read_domain(folder)
    message = str(caught.value)
    assert says in message
    assert re.match(rf"{re.escape(str(folder))}/[\w/]+\.yaml:\d+: ", message), message


def test_the_line_is_the_one(folder: Path) -> None:
    line = spoil(folder / "workflows/cancel_order.yaml", "check: cancel-limit", "check: limit")
    with pytest.raises(DomainError, match=rf"cancel_order\.yaml:{line}: "):
        read_domain(folder)


def test_a_key_that_stands_twice_is_seen(folder: Path) -> None:
    spoil(folder / "policy.yaml", "  claims: [1, 2]", "  claims: [1, 2]\n  fee: [1, 2]\n  fee: [2, 3]")
    with pytest.raises(DomainError, match=r"policy\.yaml:\d+: terms\.fee: stands there twice"):
        read_domain(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "policy.yaml").unlink()
    with pytest.raises(DomainError, match=r"policy\.yaml:1: is missing; a domain has domain\.yaml"):
        read_domain(folder)


def test_own_folders_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(folder.parent))
    assert domain_folders()["shop"] == folder
    assert load_domain("shop").folder == folder
    monkeypatch.setenv(FOLDERS, str(folder.parent / "nothing"))
    with pytest.raises(UserInputError, match=f"{FOLDERS}: no folder"):
        domain_folders()
    monkeypatch.delenv(FOLDERS)
    with pytest.raises(UserInputError, match=r"no domain 'shop'; there are .*electronics_shop"):
        load_domain("shop")
