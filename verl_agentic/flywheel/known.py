"""The ids of all tasks that exist, without holding them in memory."""

from __future__ import annotations

from collections.abc import Iterator, Set

from verl_agentic.store import Store


class KnownIds(Set[str]):
    """The store's task ids, of every split, and those on their way there. Membership asks the store.

    Args:
        store: the store.
        entering: ids that a round is about to add.
    """

    def __init__(self, store: Store, entering: frozenset[str]) -> None:
        self._store = store
        self._entering = entering

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._entering or (isinstance(task_id, str) and bool(self._store.splits([task_id])))

    def __iter__(self) -> Iterator[str]:
        yield from self._store.task_ids()
        yield from self._entering

    def __len__(self) -> int:
        return self._store.task_count() + len(self._entering)
