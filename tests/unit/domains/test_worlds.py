"""Editions: the same number is the same world, and its records hang together."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest

from verl_agentic.domains import DomainError, edition_of, read_domain
from verl_agentic.domains.editions import make_edition
from verl_agentic.domains.people import draw_person, locales
from verl_agentic.domains.worlds import make_world


def test_an_edition_follows_from_its_number(folder: Path) -> None:
    domain = read_domain(folder)
    first, again, other = (make_world(make_edition(domain, number)) for number in (3, 3, 4))
    assert first.digest == again.digest != other.digest
    assert make_edition(domain, 3).terms != make_edition(domain, 4).terms
    assert sum(len(rows) for rows in first.rows.values()) > 200


def test_records_hang_together() -> None:
    edition = edition_of("electronics_shop", 1)
    customers = {row["customer_id"] for row in edition.rows["customers"]}
    products = {row["product_id"]: row for row in edition.rows["products"]}
    items = edition.rows["order_items"]
    assert len(customers) == len(edition.rows["customers"])
    for order in edition.rows["orders"]:
        own = [item for item in items if item["order_id"] == order["order_id"]]
        assert order["customer_id"] in customers and 1 <= len(own) <= 3
        assert order["total"] == pytest.approx(sum(item["price"] * item["quantity"] for item in own))
        assert len({item["product_id"] for item in own}) == len(own), "no product twice in an order"
        assert (order["delivered_on"] is not None) == (order["status"] == "delivered")
        if order["delivered_on"]:
            assert 2 <= (date.fromisoformat(order["delivered_on"]) - date.fromisoformat(order["ordered_on"])).days <= 9
    for item in items:
        assert item["title"] == products[item["product_id"]]["title"]


def test_a_row_drawn_anew_keeps_what_others_refer_to() -> None:
    edition = edition_of("electronics_shop", 1)
    old = edition.rows["orders"][0]
    new = edition.draw(random.Random(1)).again("orders", old, edition.rows, {"status": "shipped"})
    assert new["status"] == "shipped" and new["delivered_on"] is None
    kept = ("order_id", "customer_id", "total", "shipping_postcode")
    assert {key: new[key] for key in kept} == {key: old[key] for key in kept}
    person = edition.draw(random.Random(1)).again("customers", edition.rows["customers"][0], edition.rows, {})
    assert person["name"] == edition.rows["customers"][0]["name"]


def test_too_few_ids_are_an_error(folder: Path) -> None:
    file = folder / "tables.yaml"
    file.write_text(file.read_text().replace('id: "C{5}"', 'id: "C{1}"'))
    with pytest.raises(DomainError, match=r"tables\.yaml:\d+: customers\..*no value is left"):
        make_edition(read_domain(folder), 0)


@pytest.mark.parametrize("locale", locales())
def test_people(locale: str) -> None:
    rng = random.Random(locale)
    people = [draw_person(rng, locale, date(2026, 5, 1)) for _ in range(300)]
    assert len({person["name"] for person in people}) > 280
    for person in people:
        assert all(value.isascii() and value.strip() == value and value for value in person.values())
        assert 18 < (date(2026, 5, 1) - date.fromisoformat(person["birthday"])).days / 365.25 < 85
