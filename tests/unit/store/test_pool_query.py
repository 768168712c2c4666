"""The epoch draw: deterministic, balanced, stored, and where the policy learns most."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from verl_agentic.core import FailureKind, Outcome, Task, UserInputError
from verl_agentic.flywheel import CurriculumSettings, Shares, draw_epoch
from verl_agentic.store import StatusChange, Store, TaskStatus, store_url


def make_task(number: int, kind: str) -> Task:
    return Task(kind, [{"role": "user", "content": f"{number}?"}], [], "replay", {}, "math", number, structure="s")


def make_store(folder: Path, sizes: dict[str, int]) -> Store:
    folder.mkdir(exist_ok=True)
    store = Store(store_url(folder))
    store.add_tasks([make_task(number, kind) for kind, size in sizes.items() for number in range(size)])
    return store


def train(store: Store, epoch: int, success: dict[str, float], step: int = 1) -> None:
    """One group of four per task with the given success."""
    store.record_outcomes(
        [
            Outcome(task_id, session, step, epoch, 0.0, float(session < 4 * share), FailureKind.NONE, 1)
            for task_id, share in success.items()
            for session in range(4)
        ],
        "u",
    )


def ids(store: Store, kind: str) -> list[str]:
    return [entry.id for entry in store.pool() if entry.kind == kind]


def kinds_of(store: Store, drawn: list[str]) -> Counter[str]:
    kind = {entry.id: entry.kind for entry in store.pool()}
    return Counter(kind[task_id] for task_id in drawn)


def test_the_draw_depends_on_seed_epoch_and_pool_alone(tmp_path: Path) -> None:
    stores = [make_store(tmp_path / name, {"math": 40, "sql": 40}) for name in ("a", "b", "c")]
    first = draw_epoch(stores[0], 0, 32, seed=1)
    assert draw_epoch(stores[1], 0, 32, seed=1) == first
    assert draw_epoch(stores[2], 0, 32, seed=2) != first
    assert draw_epoch(stores[0], 1, 32, seed=1) != first


def test_a_draw_is_kept_and_its_size_with_it(tmp_path: Path) -> None:
    store = make_store(tmp_path, {"math": 40})
    drawn = draw_epoch(store, 0, 8, seed=1)
    train(store, 0, dict.fromkeys(drawn, 0.5))
    assert draw_epoch(store, 0, 8, seed=99) == drawn == store.draw(0)
    with pytest.raises(UserInputError, match="epoch 0 was drawn with 8 tasks"):
        draw_epoch(store, 0, 16, seed=1)


def test_outcomes_of_the_epoch_itself_do_not_matter(tmp_path: Path) -> None:
    fresh, trained = (make_store(tmp_path / name, {"math": 40}) for name in ("a", "b"))
    train(trained, 0, dict.fromkeys(ids(trained, "math")[:20], 0.5))
    assert draw_epoch(fresh, 0, 16, seed=1) == draw_epoch(trained, 0, 16, seed=1)


def test_kinds_are_balanced_as_far_as_they_reach(tmp_path: Path) -> None:
    store = make_store(tmp_path, {"math": 100, "sql": 30, "service": 4})
    assert kinds_of(store, draw_epoch(store, 0, 44, seed=0)) == {"math": 20, "sql": 20, "service": 4}
    counts = kinds_of(store, draw_epoch(store, 1, 11, seed=0))
    assert counts["service"] in (3, 4)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_nothing_comes_twice_before_everything_came_once(tmp_path: Path) -> None:
    store = make_store(tmp_path, {"math": 20, "sql": 5})
    drawn = draw_epoch(store, 0, 60, seed=0)
    assert len(set(drawn[:25])) == 25
    assert len(set(drawn[25:50])) == 25
    assert len(drawn) == 60


def test_shares_are_kept_where_tasks_allow(tmp_path: Path) -> None:
    store = make_store(tmp_path, {"math": 400})
    names = ids(store, "math")
    frontier, failed, mastered = set(names[:100]), set(names[100:200]), set(names[200:300])
    train(store, 0, {**dict.fromkeys(frontier, 0.5), **dict.fromkeys(failed, 0.0), **dict.fromkeys(mastered, 1.0)})
    store.commit_round(1, [], dict.fromkeys(mastered, StatusChange(TaskStatus.MASTERED)), {})
    drawn = set(draw_epoch(store, 1, 100, seed=0))
    assert len(drawn) == 100
    assert len(drawn & frontier) == 40
    # The flywheel made none, so new ones take its share.
    assert len(drawn & set(names[300:])) == 45
    assert len(drawn & failed) == 10
    assert len(drawn & mastered) == 5
    other = set(
        draw_epoch(store, 2, 100, 0, CurriculumSettings(Shares(frontier=0, grown=0, new=0, failed=1, replay=0)))
    )
    assert other == failed


@pytest.mark.slow
def test_what_the_flywheel_made_has_a_share_of_its_own_the_latest_first(tmp_path: Path) -> None:
    store = make_store(tmp_path, {"math": 400})
    rounds = {epoch: [make_task(1000 * epoch + number, "math") for number in range(30)] for epoch in (1, 2)}
    for epoch, tasks in rounds.items():
        store.commit_round(epoch, tasks, {}, {})
    first, second = ({task.id for task in tasks} for tasks in rounds.values())
    drawn = set(
        draw_epoch(store, 2, 100, 0, CurriculumSettings(Shares(frontier=0, grown=1, new=1, failed=0, replay=0)))
    )
    assert second <= drawn
    assert len(drawn & first) == 20
    assert len(drawn & set(ids(store, "math")) - first - second) == 50
    train(store, 2, dict.fromkeys(second, 0.5))
    again = set(draw_epoch(store, 3, 60, 0, CurriculumSettings(Shares(frontier=1, grown=1, new=0, failed=0, replay=0))))
    assert again == first | second


def test_the_frontier_prefers_even_odds(tmp_path: Path) -> None:
    store = make_store(tmp_path, {"math": 400})
    names = ids(store, "math")
    even, odd = set(names[:200]), set(names[200:])
    store.record_outcomes(
        [
            Outcome(name, session, 1, 0, 0.0, float(session < (8 if name in even else 1)), FailureKind.NONE, 1)
            for name in names
            for session in range(16)
        ],
        "u",
    )
    drawn = set(draw_epoch(store, 1, 100, seed=0))
    assert len(drawn & even) > 2 * len(drawn & odd) > 0


def test_mastered_tasks_only_replay_and_quarantined_ones_never_return(tmp_path: Path) -> None:
    store = make_store(tmp_path, {"math": 30})
    names = ids(store, "math")
    active, mastered, broken = names[:4], names[4:20], names[20:]
    changes = {
        **dict.fromkeys(mastered, StatusChange(TaskStatus.MASTERED)),
        **dict.fromkeys(broken, StatusChange(TaskStatus.QUARANTINED, "broken")),
    }
    store.commit_round(1, [], changes, {})
    drawn = Counter(draw_epoch(store, 1, 40, seed=0))
    assert not set(drawn) & set(broken)
    assert sum(drawn[name] for name in mastered) == 2
    assert all(drawn[name] >= 9 for name in active)


def test_a_wholly_mastered_pool_is_still_drawn_from(tmp_path: Path) -> None:
    store = make_store(tmp_path, {"math": 6})
    store.commit_round(1, [], dict.fromkeys(ids(store, "math"), StatusChange(TaskStatus.MASTERED)), {})
    assert set(Counter(draw_epoch(store, 1, 12, seed=0)).values()) == {2}


def test_tasks_born_later_are_not_drawn_earlier(tmp_path: Path) -> None:
    store = make_store(tmp_path, {"math": 4})
    old = set(ids(store, "math"))
    store.commit_round(1, [make_task(100, "math")], {}, {})
    assert set(draw_epoch(store, 0, 20, seed=0)) == old
    assert set(draw_epoch(store, 1, 20, seed=0)) == old | {make_task(100, "math").id}


def test_bad_settings_name_their_key(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match=r"agentic\.curriculum\.shares\.new must be a number of at least 0"):
        Shares(new=-1)
    with pytest.raises(UserInputError, match=r"agentic\.curriculum\.shares: all are 0"):
        Shares(0, 0, 0, 0, 0)
    with pytest.raises(UserInputError, match="epoch_size"):
        draw_epoch(make_store(tmp_path, {"math": 1}), 0, 0, seed=0)
    with pytest.raises(UserInputError, match="no task that can be drawn"):
        draw_epoch(make_store(tmp_path / "empty", {}), 0, 1, seed=0)
