"""Whatever stands in a batch: each of its records is read as aiokafka reads it, or told of; and never much is made."""

from __future__ import annotations

import hashlib
import struct
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence

import pytest
from aiokafka.record.legacy_records import LegacyRecordBatch, _LegacyRecordBatchBuilderPy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.kafka.fetch.batches import CODECS, BatchRecord, Codec, batch, chunks, compressed, framed, varint
from pathline_gateway.kafka.fetch import batch as fetch_batch
from pathline_gateway.kafka.fetch import bounds
from pathline_gateway.kafka.fetch.batch import BatchEnd, BatchStart
from pathline_gateway.kafka.fetch.records import CutRecord, UnreadRecords
from support.examples import examples

PARTITION = ("pathline.in.clinic", 3)
MB = 1_000_000
STARTED = 1_700_000_000_000

SIZES = st.sampled_from([0, 1, 200, 255_999, 256 * 1024, 600_000, MB - 100, MB, MB + 1, 1_100_000, 3 * MB])
FIELDS = st.none() | st.binary(max_size=40)
HEADERS = st.lists(st.tuples(st.binary(max_size=12), FIELDS), max_size=4)
RECORDS = st.lists(
    st.builds(
        BatchRecord, FIELDS.map(lambda v: v or b""), HEADERS, FIELDS, SIZES, st.integers(-5, 5), st.integers(0, 2)
    ),
    min_size=1,
    max_size=8,
)


def read(raw: bytes) -> list[object]:
    """What comes of a batch, but the marks between."""
    return [each for each in fetch_batch.read(PARTITION, raw) if not isinstance(each, int | BatchStart | BatchEnd)]


def serialized(record: BatchRecord, offset: int) -> int:
    whole = b"".join(chunks([BatchRecord(record.value, record.headers, record.key, record.zeros, record.time, offset)]))
    return len(whole) - len(varint(len(whole)))


def check(record: BatchRecord, offset: int, found: object) -> None:
    """It was read as it was written, or cut as it should be."""
    value = None if record.value is None else record.value + bytes(record.zeros)
    headers = [(name.decode("utf-8", "surrogateescape"), said) for name, said in record.headers]
    assert (found.topic, found.partition, found.offset) == (*PARTITION, offset)  # type: ignore[attr-defined]
    assert found.timestamp == STARTED + record.time  # type: ignore[attr-defined]
    if not isinstance(found, CutRecord):
        assert (found.key, found.value, list(found.headers)) == (record.key, value, headers)  # type: ignore[attr-defined]
        return
    assert found.value is not None
    assert value is not None
    assert value.startswith(found.value)
    assert len(found.value) == min(len(value), bounds.MAX_KEPT_VALUE_BYTES)
    assert (found.value_size, found.sha256) == (len(value), hashlib.sha256(value).digest())
    assert list(found.headers) == headers[: bounds.MAX_HEADERS]
    assert found.key == record.key
    assert kept(found) <= MB


def kept(found: CutRecord) -> int:
    sizes = [len(found.key or b""), len(found.value or b"")]
    return sum(sizes) + sum(len(name) + len(said or b"") for name, said in found.headers)


@examples(120)
@given(RECORDS, st.sampled_from(CODECS), st.integers(0, 2**40))
def test_every_record_is_read_or_cut(records: list[BatchRecord], codec: Codec, base: int) -> None:
    found = read(batch(records, codec, base))
    offset = base - 1
    assert len(found) == len(records)
    for record, each in zip(records, found, strict=True):
        offset += 1 + record.gap
        check(record, offset, each)
        size = serialized(record, offset - base)
        assert isinstance(each, CutRecord) == (size > MB) or abs(size - MB) < 20


@examples(200)
@given(RECORDS, st.sampled_from(CODECS), st.data())
def test_of_bytes_that_were_changed_nothing_is_lost_and_nothing_is_told_twice(
    records: list[BatchRecord], codec: Codec, data: st.DataObject
) -> None:
    body = bytearray(compressed(codec, chunks(records)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    last = sum(record.gap for record in records) + len(records) - 1
    raw = framed(bytes(body[:cut] if data.draw(st.booleans()) else body), codec, 100, len(records), last)
    accounted(read(raw), 100, 100 + last)


def accounted(found: Sequence[object], first: int, last: int) -> None:
    """Offsets rise, stay within the batch, and those that nobody could read are the last."""
    at = first
    for n, each in enumerate(found):
        if isinstance(each, UnreadRecords):
            assert (each.first_offset, each.offset) == (at, last)
            assert n == len(found) - 1
        else:
            assert at <= each.offset <= last  # type: ignore[attr-defined]
        at = each.offset + 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("count", [-1, 0, 1, 2**31 - 1])
def test_a_wrong_number_of_records_leaves_nothing_out(codec: Codec, count: int) -> None:
    records = [BatchRecord(b"one"), BatchRecord(b"two", zeros=2 * MB), BatchRecord(b"three")]
    accounted(read(batch(records, codec, 7, count=count)), 7, 9)
    found = read(batch(records, codec, 7, count=count))
    assert found[-1].offset == 9  # type: ignore[attr-defined]


BOMBS: list[tuple[Codec, int]] = [("gzip", 300 * MB), ("lz4", 200 * MB), ("zstd", 2_000 * MB)]


@pytest.mark.parametrize(("codec", "size"), BOMBS)
def test_what_becomes_too_much_is_told_by_its_place_and_what_stands_before_it_is_read(codec: Codec, size: int) -> None:
    raw = batch([BatchRecord(b"one"), BatchRecord(b"{", zeros=size), BatchRecord(b"three")], codec, 50)
    with little_memory():
        one, rest = read(raw)
    check(BatchRecord(b"one"), 50, one)
    assert isinstance(rest, UnreadRecords)
    assert (rest.first_offset, rest.offset, rest.reason) == (51, 52, "too-large")
    assert size < rest.size < size + 100
    assert rest.sha256 == hashlib.sha256(raw).digest()


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd", "xerial", "none"])
def test_what_follows_a_large_record_is_read(codec: Codec) -> None:
    raw = batch([BatchRecord(b"one"), BatchRecord(b"{", zeros=40 * MB), BatchRecord(b"three")], codec, 50)
    with little_memory(12 * MB + 2 * len(raw)):
        one, two, three = read(raw)
    check(BatchRecord(b"one"), 50, one)
    assert isinstance(two, CutRecord)
    assert two.sha256 == hashlib.sha256(b"{" + bytes(40 * MB)).digest()
    check(BatchRecord(b"three"), 52, three)


def test_a_block_of_snappy_that_claims_what_it_cannot_hold_is_not_made() -> None:
    """Claims of 4 GB and of 64 MB: the latter may be made, so it must not cost the memory."""
    for claimed in (bytes([0xFF, 0xFF, 0xFF, 0xFF, 0x0F]), bytes([0x80, 0x80, 0x80, 0x20])):
        with little_memory():
            (rest,) = read(framed(claimed + b"\0" * 20, "snappy", 0, 3, 2))
        assert isinstance(rest, UnreadRecords)
        assert (rest.first_offset, rest.offset, rest.reason) == (0, 2, "unreadable-batch")


def test_one_block_of_snappy_that_is_too_large_is_not_made_and_says_what_to_do() -> None:
    raw = batch([BatchRecord(b"one"), BatchRecord(b"{", zeros=70 * MB)], "snappy")
    assert len(raw) > 3 * MB
    with little_memory():
        (rest,) = read(raw)
    assert isinstance(rest, UnreadRecords)
    assert (rest.first_offset, rest.offset, rest.reason) == (0, 1, "too-large")
    assert "becomes more than 67,108,864 bytes" in rest.detail
    assert "compress with zstd, lz4 or gzip" in rest.detail


@pytest.mark.parametrize("codec", CODECS)
def test_no_codec_is_taken_for_a_broken_one_where_it_makes_most_of_its_bytes(codec: Codec) -> None:
    records = [BatchRecord(b"{", zeros=each) for each in (0, 60, 64, 900_000, 20 * MB)]
    found = read(batch(records, codec))
    assert [type(each) for each in found[-1:]] == [CutRecord]
    assert len(found) == len(records)


@pytest.mark.parametrize("records", [1, 5])
def test_many_headers_are_not_kept(records: int) -> None:
    many = [BatchRecord(b"{}", [(b"", None)] * 100_000) for _ in range(records)]
    with little_memory(20 * MB):
        for n, each in enumerate(read(batch(many, "zstd"))):
            check(many[0], n, each)
            assert isinstance(each, CutRecord)


def test_an_endless_number_of_headers_of_a_large_record_is_passed_over() -> None:
    raw = batch([BatchRecord(b"{}", [(b"", None)] * 600_000), BatchRecord(b"two")], "zstd")
    with little_memory():
        one, two = read(raw)
    assert isinstance(one, CutRecord)
    assert len(one.headers) == bounds.MAX_HEADERS
    check(BatchRecord(b"two"), 1, two)


def test_a_ratio_that_text_has_is_never_too_much() -> None:
    """Ten megabytes that were sent may become a thousand: work grows with what was sent."""
    assert bounds.max_decompressed_bytes(10 * MB) == 1_000 * MB
    assert bounds.max_decompressed_bytes(10) == 64 * 1024 * 1024


def test_bytes_behind_the_last_record_are_nobodys() -> None:
    raw = framed(b"".join(chunks([BatchRecord(b"one")])) + b"junk", "none", 5, 1, 0)
    (one,) = read(raw)
    check(BatchRecord(b"one"), 5, one)


class little_memory:
    """What is made inside is never much at once."""

    def __init__(self, most: int = 12 * MB) -> None:
        self._most = most

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, *_: object) -> None:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < self._most


OLD = st.lists(st.tuples(FIELDS, FIELDS), min_size=1, max_size=6)


def old(version: int, codec: int, said: Sequence[tuple[bytes | None, bytes | None]]) -> bytes:
    builder = _LegacyRecordBatchBuilderPy(version, codec, 1 << 30)
    for n, (key, value) in enumerate(said):
        builder.append(n, STARTED + n, key, value)
    built = bytes(builder.build())
    # As the broker has it: in front stands the offset of the last.
    return struct.pack(">q", len(said) - 1) + built[8:]


@given(OLD, st.sampled_from([(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3)]))
def test_old_formats_are_read_as_aiokafka_reads_them(said: list, how: tuple[int, int]) -> None:  # type: ignore[type-arg]
    version, codec = how
    raw = old(version, codec, said if codec else said[:1])
    expected = [(r.offset, r.key, r.value) for r in LegacyRecordBatch(raw, version)]
    found = read(raw)
    assert [(r.offset, r.key, r.value) for r in found] == expected  # type: ignore[attr-defined]
    if version:
        assert found[0].timestamp == STARTED  # type: ignore[attr-defined]


@settings(deadline=None)
@given(OLD, st.sampled_from([(0, 1), (0, 3), (1, 1), (1, 2), (1, 3)]), st.data())
@example([(None, b"x")], (0, 3), None)
def test_old_formats_that_are_broken_end(
    said: list,  # type: ignore[type-arg]
    how: tuple[int, int],
    data: st.DataObject | None,
) -> None:
    version, codec = how
    raw = bytearray(old(version, 1 if how == (0, 3) else codec, said))
    if how == (0, 3):
        raw[17] = 3
    if data is not None:
        for at in data.draw(st.lists(st.integers(17, len(raw) - 1), max_size=4)):
            raw[at] = data.draw(st.integers(0, 255))
    last = struct.unpack_from(">q", raw)[0]
    found = read(bytes(raw))
    assert found
    assert found[-1].offset == last  # type: ignore[attr-defined]


def test_an_old_message_that_holds_too_much_is_told_by_its_place() -> None:
    raw = _wrapped(b"".join(_messages(60 * MB)))
    with little_memory(25 * MB):
        (rest,) = read(raw)
    assert isinstance(rest, UnreadRecords)
    assert rest.reason == "too-large"


def test_lengths_that_go_backwards_end() -> None:
    backwards = struct.pack(">qiIbbq", 0, -12, 0, 1, 0, 0) * 3
    (rest,) = read(_wrapped(backwards))
    assert isinstance(rest, UnreadRecords)
    assert rest.reason == "unreadable-batch"


def _messages(size: int) -> Iterator[bytes]:
    yield struct.pack(">qiIbbqii", 0, size + 22, 0, 1, 0, 0, -1, size)
    yield bytes(size)


def _wrapped(inner: bytes) -> bytes:
    body = zlib.compressobj(9, wbits=31)
    value = body.compress(inner) + body.flush()
    rest = struct.pack(">bbqii", 1, 1, STARTED, -1, len(value)) + value
    return struct.pack(">qiI", 0, len(rest) + 4, zlib.crc32(rest)) + rest
