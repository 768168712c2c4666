"""Expressions: what they come to, what they refuse, and what they note."""

from __future__ import annotations

import pytest

from verl_agentic.domains.expressions import Either, Expression, ExpressionError, Seen, expression

ORDER = {
    "order_id": "W1",
    "status": "delivered",
    "delivered_on": "2026-03-01",
    "total": 80.0,
    "items": [{"sku": "a", "price": 20.0, "quantity": 2}, {"sku": "b", "price": 40.0, "quantity": 1}],
}
SCOPE = {"order": ORDER, "today": "2026-03-15", "limit": 14, "fact": {"reason": "broken"}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("days(order.delivered_on, today)", 14),
        ("days(order.delivered_on, today) <= limit", True),
        ("0 < order.total <= 80", True),
        ("order.total * 1.5 if fact.reason == 'broken' else 0", 120.0),
        ("sum(i.price * i.quantity for i in order['items'])", 80.0),
        ("first(i for i in order['items'] if i.price > 30).sku", "b"),
        ("first(i for i in order['items'] if i.price > 300)", None),
        ("count(i for i in order['items'] if i.quantity == 1)", 1),
        ("any(i.sku == 'c' for i in order['items'])", False),
        ("order.status in ['shipped', 'delivered'] and not order.total > 100", True),
        ("plus_days(today, 20)", "2026-04-04"),
        ("months('2025-12-31', today)", 2),
        ("plus_months('2026-01-31', 1)", "2026-02-28"),
        ("plus_months(today, -3)", "2025-12-15"),
        ("ceil(10 / 3)", 4),
        ("hours('2026-03-14 22:00', '2026-03-15 07:30')", 9.5),
        ("weekday(today)", "Sunday"),
        ("money(10 / 3)", 3.33),
        ("money(0.125) + money(-0.125)", 0.0),
        ("order['items'][0].sku", "a"),
    ],
)
def test_values(text: str, value: object) -> None:
    assert expression(text).value(SCOPE) == value


def test_what_is_missing_is_neither_before_nor_after() -> None:
    scope = {"order": {"delivered_on": None}, "today": "2026-03-15"}
    assert not expression("order.delivered_on < today").value(scope)
    assert not expression("order.delivered_on >= today").value(scope)
    assert expression("order.delivered_on == None").value(scope)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "__import__('os')",
        "order.status.__class__.mro()",
        "open('x')",
        "lambda: 1",
        "(x := 1)",
        "[a for b in c for a in b]",
        "f'{order}'",
        "2 ** 1000",
        "1 << 99",
        "b'x'",
        "max(*order)",
        "round(1, ndigits=2)",
        "x" * 401,
        "(" * 300,
    ],
)
def test_anything_else_is_no_expression(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nothing.here", "there is no 'nothing'"),
        ("order.colour", "no field 'colour'; there are order_id, status"),
        ("order.status.length", "'delivered' has no field"),
        ("order.status * 1000000000", "takes numbers"),
        ("days(order.status, today)", "ValueError"),
        ("order.total / 0", "ZeroDivisionError"),
        ("order['items'][7]", "IndexError"),
        ("any(i for i in order.status)", "goes over a list"),
    ],
)
def test_what_cannot_be_evaluated_says_why(text: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=r"^['\"]") as caught:
        expression(text).value(SCOPE)
    assert says in str(caught.value)


def test_it_knows_its_names_and_what_it_reads() -> None:
    read = expression("days(order.delivered_on, today) <= limit and any(i.price > x for i in order['items'])")
    assert read.names == ("order", "today", "limit", "x")
    assert read.fields == (("order", "delivered_on"),)
    seen: Seen = []
    expression("order.total > 100 and order.status == 'x'").value(SCOPE, seen)
    (either,) = seen
    assert isinstance(either, Either) and [[field for _, field in one] for one in either.readings] == [
        ["total"],
        ["status"],
    ], "each of them decides it alone"
    assert either.readings[0][0][0] is ORDER
    seen = []
    expression("order.total > 50 and order.status == 'x' and order.nothing.at_all").value(SCOPE, seen)
    assert [field for _, field in seen] == ["total", "status"], "what cannot be read decides nothing"


def test_margins() -> None:
    assert expression("days(order.delivered_on, today) <= limit").margin(SCOPE) == 0
    assert expression("order.total < 40 or order.total > 81").margin(SCOPE) == pytest.approx(1 / 82)
    assert expression("order.delivered_on < today").margin(SCOPE) == pytest.approx(14 / 31)
    assert expression("order.status == 'x'").margin(SCOPE) is None
