"""What became of an operator's candidates is data to everybody but the store's table, old rounds included."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import sqlalchemy as sa

from verl_agentic.store import RoundRecord, Store, Yield, schema, store_url, total_yields

YIELDS = {
    "a/b": Yield(2, Counter(unfit=1)),
    "deepen": Yield(0, Counter({"leak/age": 3})),
    "fresh": Yield(1),
}


def test_a_round_is_read_as_it_was_committed(tmp_path: Path) -> None:
    with Store(store_url(tmp_path)) as store:
        record = store.commit_round(1, [], {}, {"added": 3, "MyHook.skipped": 1}, YIELDS)
        assert record == store.round(1) == store.last_round() == store.rounds()[0]
        assert (record.counts, record.yields) == ({"added": 3, "MyHook.skipped": 1}, YIELDS)
        assert record.summary == "3 tasks added of 7 candidates, MyHook skipped 1"
        assert total_yields([record.yields, record.yields])["a/b"] == Yield(4, Counter(unfit=2))
        # Whoever reads the table, of this release or of an earlier one, finds the names it knows.
        with store.reading() as connection:
            stored = connection.scalar(sa.select(schema.rounds.c.counts))
        assert stored["operator/deepen/rejected/leak/age"] == stored["operator/deepen/made"] == 3
        assert stored["operator/fresh/accepted"] == 1


def test_rounds_of_earlier_releases_are_read(tmp_path: Path) -> None:
    told = {
        "added": 2,
        "ReasoningHook.errors/loop": 9,
        "ReasoningHook.deepen/tried": 5,
        "ReasoningHook.deepen/kept": 2,
        "ReasoningHook.rejected.deepen.barren": 3,
        "TreesHook.grown.hidden": 1,
    }
    yielded = {"operator/deepen/made": 5, "operator/deepen/accepted": 2, "operator/deepen/rejected/barren": 3}
    with Store(store_url(tmp_path)) as store:
        with store.writing() as connection:
            for epoch, counts in ((1, {**told, **yielded}), (2, told)):
                row = {"epoch": epoch, "status": "committed", "counts": counts, "created": 0.0}
                connection.execute(schema.rounds.insert().values(row))
        with_yields, without = store.rounds()
    assert with_yields.yields == {"deepen": Yield(2, Counter(barren=3))}
    assert with_yields.counts == {"added": 2, "ReasoningHook.errors/loop": 9}
    # Where nothing else tells of the candidates, what the hooks told stays.
    assert without == RoundRecord(2, "committed", told, {})
