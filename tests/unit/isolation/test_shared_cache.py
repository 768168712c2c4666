"""What sessions share by content."""

from __future__ import annotations

from verl_agentic.isolation.shared_cache import SharedCache


def test_what_is_dropped_is_built_again_and_weighs_nothing() -> None:
    cache: SharedCache[list[int]] = SharedCache(4, len)
    held = cache.get("a", lambda: [1, 2, 3])
    assert cache.get("a", list) is held and "a" in cache and "b" not in cache
    cache.clear()
    assert len(cache) == 0 and held == [1, 2, 3]
    assert cache.get("a", lambda: [4]) == [4]
    # Were the weight of what was dropped still counted, there would be no room for two.
    cache.get("b", lambda: [5, 6])
    assert len(cache) == 2
