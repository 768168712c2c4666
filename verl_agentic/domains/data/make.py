"""Makes ``people.json`` with Faker (``pip install faker``): ``python -m verl_agentic.domains.data.make``.

Every world that was generated before changes with it, so run it only to add locales.
"""

from __future__ import annotations

import importlib
import json
import unicodedata
from pathlib import Path
from typing import Any

ADDRESSES = (
    "en_US",
    "en_GB",
    "en_IE",
    "en_CA",
    "en_AU",
    "en_NZ",
    "de_DE",
    "fr_FR",
    "nl_NL",
    "es_ES",
    "it_IT",
    "sv_SE",
    "pl_PL",
)
NAMES = (*ADDRESSES, "en_IN", "pt_BR", "tr_TR", "da_DK", "fi_FI", "cs_CZ", "hr_HR", "ro_RO", "id_ID", "en_NG", "es_MX")
PER_LOCALE = 160
SEED = 20604
# What has no accent that could be taken off.
_LETTERS = {
    "\u00df": "ss", "\u00f8": "o", "\u00d8": "O", "\u0142": "l", "\u0141": "L", "\u0131": "i",
    "\u0111": "d", "\u0110": "D", "\u00e6": "ae", "\u00c6": "Ae",
}  # fmt: skip


def _latin(text: str) -> str:
    text = (
        text.replace("ß", "ss")
        .replace("ø", "o")
        .replace("Ø", "O")
        .replace("ł", "l")
        .replace("Ł", "L")
        .replace("\u0131", "i")
    )
    text = text.replace("đ", "d").replace("Đ", "D").replace("æ", "ae").replace("Æ", "Ae")
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _several(make: Any, count: int) -> list[str]:
    found: dict[str, None] = {}
    for _ in range(30 * count):
        text = " ".join(_latin(make()).split())
        if text.replace("-", "").replace(" ", "").replace("'", "").isalpha() and 2 < len(text) < 16:
            found[text] = None
        if len(found) == count:
            break
    return list(found)


def main() -> None:
    """Write the file beside this one."""
    faker = importlib.import_module("faker").Faker
    people: dict[str, Any] = {"names": {}, "addresses": {}}
    for locale in NAMES:
        try:
            fake = faker(locale)
        except AttributeError:
            continue
        fake.seed_instance(f"{SEED}/{locale}")
        women, men = _several(fake.first_name_female, 60), _several(fake.first_name_male, 60)
        last = [name for name in _several(fake.last_name, 120) if " " not in name]
        people["names"][locale] = {"first": sorted({*women, *men} - {""}), "last": sorted(last)}
    for locale in ADDRESSES:
        fake = faker(locale)
        fake.seed_instance(f"{SEED}/{locale}/addresses")
        found = []
        for _ in range(PER_LOCALE):
            street = " ".join(_latin(fake.street_address()).replace(",", " ").split())
            found.append([street, _latin(fake.city()), _latin(fake.postcode())])
        people["addresses"][locale] = found
    text = json.dumps(people, indent=0, ensure_ascii=True)
    Path(__file__).with_name("people.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
