"""The people of a world: name, address, telephone, e-mail, birthday."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

FIELDS = ("first_name", "last_name", "name", "email", "phone", "street", "city", "postcode", "birthday")
"""What a person has; a column may take any of them."""
# Most bear a name of their country, others one of elsewhere.
_NATIVE_SHARE = 0.6
_MAIL = ("mailbox", "postline", "inbox", "lettera", "sendmail", "webpost")


@cache
def _bank() -> dict[str, Any]:
    text = (resources.files("verl_agentic.domains.data") / "people.json").read_text(encoding="utf-8")
    bank: dict[str, Any] = json.loads(text)
    return bank


def locales() -> tuple[str, ...]:
    """Locales of which there are addresses."""
    return tuple(_bank()["addresses"])


def draw_person(rng: random.Random, locale: str, today: date) -> dict[str, str]:
    """One person, of age 19 to 84, by :data:`FIELDS`."""
    names = _bank()["names"]
    bearer = names[locale] if rng.random() < _NATIVE_SHARE else names[rng.choice(sorted(names))]
    first, last = rng.choice(bearer["first"]), rng.choice(bearer["last"])
    street, city, postcode = rng.choice(_bank()["addresses"][locale])
    birthday = today - timedelta(days=rng.randint(19 * 365, 84 * 365))
    mail = f"{first}.{last}{rng.randint(1, 99)}@{rng.choice(_MAIL)}.example".lower().replace(" ", "").replace("'", "")
    phone = f"{rng.randint(200, 989)}-555-{rng.randint(0, 9999):04d}"
    return {
        "first_name": first,
        "last_name": last,
        "name": f"{first} {last}",
        "email": mail,
        "phone": phone,
        "street": street,
        "city": city,
        "postcode": postcode,
        "birthday": birthday.isoformat(),
    }
