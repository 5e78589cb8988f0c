"""A process remembers within bounds who says much of hand-offs; others who say little do not wash that away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.postgres import registry_cache
from pathline_gateway.postgres.registry_cache import RegistryCache

_CHECKED_ABOVE = 3


@pytest.fixture(autouse=True, scope="module")
def _few() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_cache, "_MAX_REMEMBERED", 10)
        yield


def test_whoever_is_checked_stays_checked_however_many_others_come() -> None:
    registry = RegistryCache()
    for n in range(_CHECKED_ABOVE + 1):
        assert registry.count_handoff_event("flood", _CHECKED_ABOVE) == n + 1
    for n in range(1_000):
        registry.count_handoff_event(n, _CHECKED_ABOVE)
    assert registry.count_handoff_event("flood", _CHECKED_ABOVE) == _CHECKED_ABOVE + 2


@given(st.lists(st.integers(0, 40), max_size=400))
def test_it_is_bounded_whoever_comes_how_often(refs: list[int]) -> None:
    registry = RegistryCache()
    for ref in refs:
        assert 1 <= registry.count_ref_event(ref, _CHECKED_ABOVE) <= refs.count(ref)
        assert len(registry.ref_event_counts) <= 11
