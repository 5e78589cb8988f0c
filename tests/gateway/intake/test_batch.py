"""A batch, taken apart: both halves come to the same, and nothing is between them."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.records import ConsumedRecord
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.record import Parked

PARTITIONS = [("pathline.in.a", 0), ("pathline.in.a", 1), ("pathline.in.b", 0)]


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Records with gaps between their offsets, as transactions leave them."""
    readings, fetched_from = {}, {}
    for partition in draw(st.lists(st.sampled_from(PARTITIONS), unique=True, min_size=1)):
        at = fetched_from[partition] = draw(st.integers(0, 5))
        offsets = draw(st.lists(st.integers(0, 20), unique=True, min_size=1, max_size=6).map(sorted))
        readings[partition] = [Parked(ConsumedRecord(*partition, offset=at + o), "malformed", "") for o in offsets]
    return Batch(readings, fetched_from, dict.fromkeys(readings, 1))


def _applied(stands: dict[tuple[str, int], int], batch: Batch) -> list[object]:
    assert not batch.leaves_gap(stands)
    fresh = batch.unapplied_records(stands)
    stands.update({p: found[-1].record.offset + 1 for p, found in fresh.items()})
    return list(chain.from_iterable(fresh.values()))


@given(batches().filter(lambda b: len(b) > 1))
def test_halves_come_to_the_same_one_after_the_other(batch: Batch) -> None:
    whole, parts = dict(batch.fetched_from), dict(batch.fetched_from)
    everything = _applied(whole, batch)
    first, second = batch.halves()
    assert _applied(parts, first) + _applied(parts, second) == everything
    assert parts == whole
    assert {len(first), len(second)} <= {len(batch) // 2, -(-len(batch) // 2)}


@given(batches(), st.integers(1, 9))
def test_a_batch_that_leaves_a_gap_is_beyond(batch: Batch, gap: int) -> None:
    partition = next(iter(batch.parsed_records))
    stands = dict(batch.fetched_from)
    assert not batch.leaves_gap(stands)
    batch.fetched_from[partition] += gap  # type: ignore[index]
    assert batch.leaves_gap(stands)


@given(batches(), st.integers(0, 30))
def test_what_lies_below_the_position_is_not_stored_again(batch: Batch, stand: int) -> None:
    fresh = batch.unapplied_records(dict.fromkeys(batch.parsed_records, stand))
    kept = {r.record.offset for found in fresh.values() for r in found}
    assert kept == {
        r.record.offset for found in batch.parsed_records.values() for r in found if r.record.offset >= stand
    }
