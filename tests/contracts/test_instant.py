"""Instants: one reading in all of the project, and sums that stay among what is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pathline import instant
from pathline.vocabulary import Instant
from support.generators.payloads import instants

MODEL: TypeAdapter[datetime] = TypeAdapter(Instant)
waits = st.timedeltas() | st.sampled_from([timedelta.max, timedelta.min, timedelta(), timedelta(microseconds=1)])

ENDS = [
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999999Z",
    "9999-12-31t23:59:59.9999999z",
    "9999-12-31T23:59:59+14:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00-12:00",
]
BEYOND = [
    "9999-12-31T23:59:59-00:01",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+00:01",
    "0000-12-31T23:59:59Z",
    "10000-01-01T00:00:00Z",
]


def model(text: str) -> datetime | None:
    try:
        return MODEL.validate_json(f'"{text}"')
    except ValidationError:
        return None


def parsed(text: str) -> datetime | None:
    try:
        return instant.parse(text)
    except ValueError:
        return None


@pytest.mark.parametrize("text", ENDS)
def test_no_end_and_no_beginning_are_taken(text: str) -> None:
    assert parsed(text) == model(text)
    assert instant.EARLIEST <= instant.parse(text) <= instant.LATEST


@pytest.mark.parametrize("text", BEYOND)
def test_what_utc_has_no_date_for_is_refused(text: str) -> None:
    assert parsed(text) is None
    assert model(text) is None


@given(instants | st.from_regex(instant.RFC3339_PATTERN.strip("^$"), fullmatch=True))
def test_a_payload_and_an_envelope_take_the_same_instants(text: str) -> None:
    read = parsed(text)
    assert read == model(text)
    if read is not None:
        assert read.astimezone(UTC) == instant.parse(instant.to_text(read))


def counted(wait: timedelta) -> int:
    return (wait.days * 86_400 + wait.seconds) * 1_000_000 + wait.microseconds


@given(instants, waits)
def test_a_sum_is_exact_or_the_end_that_it_goes_beyond(text: str, wait: timedelta) -> None:
    at = instant.parse(text)
    since, last = counted(at - instant.EARLIEST), counted(instant.LATEST - instant.EARLIEST)

    later, earlier = instant.add(at, wait), instant.subtract(at, wait)

    assert counted(later - instant.EARLIEST) == min(max(since + counted(wait), 0), last)
    assert counted(earlier - instant.EARLIEST) == min(max(since - counted(wait), 0), last)
    assert instant.parse(instant.to_text(later)) == later


@given(instants, st.integers(-1439, 1439))
def test_beside_the_ends_a_zone_without_a_date_leaves_the_instant_as_it_is(text: str, minutes: int) -> None:
    at = instant.parse(text)
    assert instant.in_zone(at, timezone(timedelta(minutes=minutes))) == at
