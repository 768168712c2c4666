"""The built-in businesses."""

from __future__ import annotations

from verl_agentic.synthesis.service.domain import Column, Domain, Intent, Rule, Table, Tool

_ID = {"id": "string"}
_TENS = range(20, 90, 10)

ORDERS = Domain(
    name="orders",
    noun="order",
    tables=(
        Table(
            "orders",
            (
                Column("status", ("pending", "shipped", "delivered", "returned")),
                Column("days", range(1, 100)),
                Column("price", range(1, 100)),
            ),
            keys=range(100, 1000),
            size=3,
        ),
    ),
    lookup=Tool("get", "Read an order.", "SELECT status, days, price FROM orders WHERE id = :id", _ID),
    intents=(
        Intent(
            tool=Tool("refund", "Refund an order.", "UPDATE orders SET status = 'refunded' WHERE id = :id", _ID),
            policy="Refund only {status} orders, at most {days} days old. Over {price} dollars: transfer.",
            rules=(
                Rule("status", "is", ("delivered", "returned"), "deny", claim="It is {value}."),
                Rule("days", "at_most", _TENS, "deny", claim="It is only {value} days old."),
                Rule("price", "at_most", _TENS, "transfer"),
            ),
            want=("I want a refund", "Please refund me"),
        ),
        Intent(
            tool=Tool("cancel", "Cancel an order.", "UPDATE orders SET status = 'cancelled' WHERE id = :id", _ID),
            policy="Cancel only {status} orders, at most {days} days old. Over {price} dollars: transfer.",
            rules=(
                Rule("status", "is", ("pending", "shipped"), "deny", claim="It is {value}."),
                Rule("days", "at_most", _TENS, "deny", claim="It is only {value} days old."),
                Rule("price", "at_most", _TENS, "transfer"),
            ),
            want=("I want to cancel", "Please cancel it"),
        ),
    ),
)

_LOAN = (
    "SELECT loans.renewals, loans.late, members.years, members.fines"
    " FROM loans JOIN members ON members.id = loans.member WHERE loans.id = :id"
)

LOANS = Domain(
    name="loans",
    noun="loan",
    tables=(
        Table(
            "loans",
            (
                Column("member", references="members"),
                Column("renewals", range(0, 10)),
                Column("late", range(1, 100)),
            ),
            keys=range(100, 1000),
            size=3,
        ),
        Table("members", (Column("years", range(0, 10)), Column("fines", range(1, 10))), keys=range(10, 100), size=2),
    ),
    lookup=Tool("get", "Read a loan.", _LOAN, _ID),
    intents=(
        Intent(
            tool=Tool(
                "renew",
                "Renew a loan.",
                "UPDATE loans SET renewals = renewals + 1, late = 0 WHERE id = :id",
                _ID,
            ),
            policy="Renew only loans renewed at most {renewals} times, with fines of at most {fines} dollars."
            " Over {late} days late: transfer.",
            rules=(
                Rule("renewals", "at_most", range(1, 8), "deny", claim="I renewed only {value} times."),
                Rule("fines", "at_most", range(1, 8), "deny", claim="My fines are only {value} dollars."),
                Rule("late", "at_most", _TENS, "transfer"),
            ),
            want=("I want to renew", "Please renew it"),
        ),
        Intent(
            tool=Tool(
                "waive",
                "Waive the fines of a loan.",
                "UPDATE members SET fines = 0 WHERE id = (SELECT member FROM loans WHERE id = :id)",
                _ID,
            ),
            policy="Waive only fines of at most {fines} dollars, for members of at least {years} years."
            " Over {late} days late: transfer.",
            rules=(
                Rule("fines", "at_most", range(2, 8), "deny", claim="My fines are only {value} dollars."),
                Rule("years", "at_least", range(2, 8), "deny", claim="I joined {value} years ago."),
                Rule("late", "at_most", _TENS, "transfer"),
            ),
            want=("I want no fines", "Please waive my fines"),
        ),
    ),
)

BOOKINGS = Domain(
    name="bookings",
    noun="booking",
    tables=(
        Table(
            "bookings",
            (
                Column("status", ("open", "paid", "cancelled")),
                Column("days", range(1, 100)),
                Column("nights", range(1, 10)),
                Column("guests", range(1, 10)),
            ),
            keys=range(100, 1000),
            size=3,
        ),
    ),
    lookup=Tool("get", "Read a booking.", "SELECT status, days, nights, guests FROM bookings WHERE id = :id", _ID),
    intents=(
        Intent(
            tool=Tool("cancel", "Cancel a booking.", "UPDATE bookings SET status = 'cancelled' WHERE id = :id", _ID),
            policy="Cancel only {status} bookings, at least {days} days ahead. Over {guests} guests: transfer.",
            rules=(
                Rule("status", "is", ("open", "paid"), "deny", claim="It is {value}."),
                Rule("days", "at_least", _TENS, "deny", claim="It is {value} days ahead."),
                Rule("guests", "at_most", range(2, 8), "transfer"),
            ),
            want=("I want to cancel", "Please cancel it"),
        ),
        Intent(
            tool=Tool(
                "extend",
                "Add nights to a booking.",
                "UPDATE bookings SET nights = nights + :nights WHERE id = :id",
                {"id": "string", "nights": "integer"},
            ),
            policy="Extend only {status} bookings of at most {nights} nights. Over {guests} guests: transfer.",
            rules=(
                Rule("status", "is", ("open", "paid"), "deny", claim="It is {value}."),
                Rule("nights", "at_most", range(2, 8), "deny", claim="It is only {value} nights."),
                Rule("guests", "at_most", range(2, 8), "transfer"),
            ),
            want=("I want {amount} more nights", "Please add {amount} nights"),
            amount="nights",
            amounts=range(2, 10),
        ),
    ),
)

DOMAINS = (ORDERS, LOANS, BOOKINGS)
