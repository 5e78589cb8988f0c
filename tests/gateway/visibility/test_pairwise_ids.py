"""Names that one reader is told: each leads back to what it names, whatever was named before."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.visibility.pairwise_ids import ReaderKey

SECRET = b"a secret of sixteen bytes or more"


@given(st.lists(st.tuples(st.booleans(), st.uuids()), max_size=20))
def test_a_name_depends_on_nothing_but_reader_and_birth(asked: list[tuple[bool, UUID]]) -> None:
    key = ReaderKey(SECRET, "organisation:clinic")
    for named, birth in asked:
        fresh = ReaderKey(SECRET, "organisation:clinic")
        if named:
            assert key.handle(birth) == fresh.handle(birth)
        else:
            assert key.anchor_id(birth) == fresh.anchor_id(birth)
        assert key.anchor_id(key.handle(birth)) == birth
        assert ReaderKey(SECRET, "organisation:agency").handle(birth) != key.handle(birth)


def test_names_stay_what_they_were() -> None:
    """Readers keep them: a name that changes breaks what they built on it."""
    named = ReaderKey(SECRET, "organisation:clinic").handle(UUID(int=7))
    assert named == UUID("8ced62c8-9f2d-9b74-727f-68f77f80a313")
