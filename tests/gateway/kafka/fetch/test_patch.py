"""aiokafka's consumers really use our fetcher, and what we override is as we know it. No broker."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import aiokafka
import pytest
from aiokafka.consumer import consumer, fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder, _DefaultRecordBatchPy
from aiokafka.structs import TopicPartition

from pathline_gateway.kafka.fetch.aiokafka_patch import REPLACEMENTS, patch_aiokafka
from pathline_gateway.kafka.fetch.fetcher import (
    BoundedBatches,
    BoundedFetcher,
    BoundedFetchResult,
    BoundedPartitionRecords,
)
from pathline_gateway.kafka.fetch.lenient_headers import LenientBatch

TP = TopicPartition("pathline.in.food-bank", 0)
SIGNATURES = {
    fetcher.Fetcher.fetched_records: "(self, partitions, timeout=0, max_records=None)",
    fetcher.Fetcher._create_fetch_waiter: "(self)",
    fetcher.Fetcher._notify: "(self, future)",
    BoundedFetchResult.__base__.__init__: "(self, tp, *, assignment, partition_records, backoff)",
    BoundedFetchResult.__base__.getone: "(self)",
    BoundedFetchResult.__base__.getall: "(self, max_records=None)",
    BoundedFetchResult.__base__.check_assignment: "(self, tp)",
    BoundedFetchResult.__base__.has_more: "(self)",
    BoundedFetchResult.__base__._update_position: "(self)",
    BoundedPartitionRecords.__base__.__init__: "(self, tp, records, aborted_transactions, fetch_offset,"
    " key_deserializer, value_deserializer, check_crcs, isolation_level)",
    BoundedPartitionRecords.__base__._unpack_records: "(self)",
    BoundedPartitionRecords.__base__._consume_aborted_up_to: "(self, batch_offset)",
    BoundedPartitionRecords.__base__._contains_abort_marker: "(self, next_batch)",
    _DefaultRecordBatchPy._maybe_uncompress: "(self) -> None",
}
"""What we override of aiokafka, and what ours calls."""
SOURCES = {
    fetcher.Fetcher._proc_fetch_request: "59bf948fff47eed5",
    fetcher.Fetcher.fetched_records: "be4348896b9b66af",
    BoundedFetchResult.__base__: "d7db13f06de8248c",
    BoundedPartitionRecords.__base__: "94aa0da0dbec8d1b",
    _DefaultRecordBatchPy: "f63fbb5a8a247d54",
}
"""Digests of aiokafka's own, as ours was written against. Changed: read what is new, then write the digest here."""


@pytest.fixture(autouse=True)
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, _ in REPLACEMENTS:
        monkeypatch.setattr(module, name, getattr(module, name))  # put back as it was
    patch_aiokafka()


async def _started(monkeypatch: pytest.MonkeyPatch, **options: Any) -> consumer.AIOKafkaConsumer:
    """A consumer that has started, beside a client that reaches nobody."""

    async def nothing(*_: object) -> None:
        """No broker is asked."""

    made = aiokafka.AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", **options)
    monkeypatch.setattr(made._client, "bootstrap", nothing)
    await made.start()
    return made


async def _stop(made: consumer.AIOKafkaConsumer) -> None:
    with suppress(asyncio.CancelledError):  # aiokafka ends a coordinator without a group so
        await made.stop()
    await made._client.close()


async def test_a_consumer_fetches_with_our_fetcher_and_reads_with_our_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = await _started(monkeypatch)
    try:
        assert type(made._fetcher) is BoundedFetcher
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
        builder.append(0, 0, b"key", b"value", [])
        answer = SimpleNamespace(
            API_VERSION=4, topics=[(TP.topic, [(TP.partition, 0, 1, 1, None, bytes(builder.build()))])]
        )

        async def send(*_: object) -> SimpleNamespace:
            return answer

        monkeypatch.setattr(made._client, "send", send)
        subscription = SubscriptionState()
        subscription.assign_from_user([TP])
        assignment = subscription.subscription.assignment
        assignment.state_value(TP).reset_to(0)
        request = SimpleNamespace(topics=[(TP.topic, [(TP.partition, 0, 1 << 20)])])
        await made._fetcher._proc_fetch_request(assignment, 0, request)
        result = made._fetcher._records[TP]
        assert type(result) is BoundedFetchResult
        assert type(result._partition_records) is BoundedPartitionRecords
        assert type(result._partition_records._records) is BoundedBatches
        assert [record.value for record in result.getall()] == [b"value"]
    finally:
        await _stop(made)


async def test_a_patch_that_misses_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if aiokafka had moved the name: it uses its own."""
    own = BoundedFetcher.__base__
    monkeypatch.setattr(consumer, "Fetcher", own)
    made = await _started(monkeypatch)
    try:
        assert type(made._fetcher) is own
    finally:
        await _stop(made)


@pytest.mark.parametrize("overridden", SIGNATURES, ids=lambda each: each.__qualname__)
def test_what_we_override_has_the_signature_that_we_know(overridden: Callable[..., Any]) -> None:
    assert str(inspect.signature(overridden)) == SIGNATURES[overridden]


@pytest.mark.parametrize("known", SOURCES, ids=lambda each: each.__qualname__)
def test_what_we_replace_reads_as_it_did_when_ours_was_written(known: Any) -> None:
    digest = hashlib.sha256(inspect.getsource(known).encode()).hexdigest()[:16]
    assert digest == SOURCES[known], "read what aiokafka changed, and mend kafka/fetch/fetcher.py by it"


def test_our_methods_take_what_aiokafka_calls_them_with() -> None:
    for ours in (BoundedFetcher, BoundedFetchResult, BoundedPartitionRecords):
        for name, method in vars(ours).items():
            base = getattr(ours.__base__, name, None)
            if name.startswith("__") or not inspect.isfunction(base):
                continue
            known = list(inspect.signature(base).parameters)
            assert list(inspect.signature(method).parameters)[: len(known)] == known, f"{ours.__name__}.{name}"


def test_a_header_name_that_is_no_text_is_read_and_aiokafka_does_not_read_it_yet() -> None:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
    builder.append(0, 0, b"key", b"value", [("name", b"1")])
    raw = bytes(builder.build()).replace(b"name", b"n\xffme")
    with pytest.raises(CorruptRecordException, match="UnicodeDecodeError"):
        list(_DefaultRecordBatchPy(bytearray(raw)))
    (record,) = LenientBatch(bytearray(raw))
    assert record.headers == [("n\udcffme", b"1")]
