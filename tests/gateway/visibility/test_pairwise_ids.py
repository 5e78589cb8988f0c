"""Names that one reader is told: each leads back to what it names, whatever was named before, for her alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pathline.personal_numbers import classify_number
from pathline.vocabulary import HandoffId
from pathline.vocabulary.shapes import EventRef, Ref
from pathline_gateway.visibility.name_identities import NAMED_EPOCHS, EventIdentity, join_pseudonym, name_digest
from pathline_gateway.visibility.pairwise_ids import ReaderKey

SECRET = b"a secret of sixteen bytes or more"
CLINIC, AGENCY = ReaderKey(SECRET, "organisation:clinic"), ReaderKey(SECRET, "organisation:agency")
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
orgs = st.sampled_from(["a", "clinic", "o" * 64])
times = st.integers(0, (LAST - FIRST) // timedelta(microseconds=1)).map(lambda n: FIRST + timedelta(microseconds=n))
events = st.builds(EventIdentity.of, st.uuids(), times, texts, texts)
subjects = st.builds(join_pseudonym, st.integers(1, len(NAMED_EPOCHS)), st.binary(min_size=16, max_size=16))


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


@given(events, events)
def test_the_name_of_an_event_is_read_by_whoever_was_told_it(event: EventIdentity, other: EventIdentity) -> None:
    name = CLINIC.event_name(event)
    assert len(name) == 81
    EventRef(source="urn:pathline:clinic:desk", id=name)
    assert classify_number(name) is None
    assert CLINIC.read_event_name(name) == event
    assert (CLINIC.event_name(other) == name) is (other == event)
    assert ReaderKey(SECRET, "organisation:clinic").event_name(event) == name
    assert AGENCY.read_event_name(name) is None
    assert CLINIC.read_handoff_name(name) is None


@given(texts, texts)
def test_the_name_of_a_handoff_is_read_by_whoever_was_told_it(handoff: str, other: str) -> None:
    name = CLINIC.handoff_name(handoff)
    assert len(name) == 49
    assert TypeAdapter(HandoffId).validate_python(name) == name
    assert CLINIC.read_handoff_name(name) == name_digest(handoff)
    assert (CLINIC.handoff_name(other) == name) is (other == handoff)
    assert ReaderKey(SECRET, "organisation:clinic").handoff_name(handoff) == name
    assert AGENCY.read_handoff_name(name) is None
    assert CLINIC.read_event_name(name) is None


@given(orgs, orgs, subjects, subjects)
def test_the_name_of_a_person_is_read_by_whoever_was_told_it(
    org: str, elsewhere: str, subject: str, other: str
) -> None:
    name = CLINIC.subject_name(org, subject)
    assert len(name) == 28
    Ref(org=org, subject=name)
    assert CLINIC.read_subject_name(org, name) == subject
    assert (CLINIC.subject_name(org, other) == name) is (other == subject)
    assert (CLINIC.subject_name(elsewhere, subject) == name) is (elsewhere == org)
    assert ReaderKey(SECRET, "organisation:clinic").subject_name(org, subject) == name
    assert AGENCY.read_subject_name(org, name) != subject
    assert CLINIC.read_subject_name(org, "v1.AAAAAAAAAAAAAAAAAAAAAA") is None


@given(events, st.data())
def test_what_was_never_told_is_no_name(event: EventIdentity, data: st.DataObject) -> None:
    name = CLINIC.event_name(event)
    place = data.draw(st.integers(0, len(name) - 1))
    changed = name[:place] + data.draw(st.characters(exclude_categories=["Cs"])) + name[place + 1 :]
    if changed != name:
        assert CLINIC.read_event_name(changed) is None
    assert CLINIC.read_event_name(name + "A") is None


@given(texts)
def test_any_text_may_be_tried(text: str) -> None:
    for each in (text, f"keyed:{text}"):
        assert CLINIC.read_event_name(each) is None
        assert CLINIC.read_handoff_name(each) is None


@pytest.mark.parametrize("value", ["", "a", "a" * 200])
def test_what_nobody_says_back_is_as_long_whatever_it_stands_for(value: str) -> None:
    assert len(CLINIC.identifier("agency", value)) == 22


def test_names_stay_what_they_were() -> None:
    """Readers keep them: a name that changes breaks what they built on it."""
    assert CLINIC.handle(UUID(int=7)) == UUID("8ced62c8-9f2d-9b74-727f-68f77f80a313")
    event = EventIdentity.of(UUID(int=7), datetime(2026, 3, 1, 9, tzinfo=UTC), "urn:pathline:agency:desk", "7")
    assert CLINIC.event_name(event) == (
        "keyed:056PLuCNRAF535Q9ZdktSAvAyI1apwPkE9fmYWJdqU93OSqf90mW6guVtaV4yLy_etxG0SaZNRY"
    )
    assert CLINIC.handoff_name("agency:7") == "keyed:WDZiO0vAOKbVcXVPt3w9fDw0AElkuvvQJ5BhRbmLQvY"
    assert CLINIC.subject_name("agency", f"v1.{'A' * 22}") == "v5476.tk2k4x7Qan-QFpSkPUWFyQ"
