"""Faults on demand: what the mock cluster is told happens, and a producer bears it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest_asyncio

from support.brokers.mock_cluster import MockCluster
from support.brokers.topics import Sent, Topics, as_sent, numbered

PRODUCE = 0
NOT_LEADER, TIMED_OUT, NOT_ENOUGH_REPLICAS = 6, 7, 19


@pytest_asyncio.fixture
async def cluster() -> AsyncIterator[MockCluster]:
    async with MockCluster() as cluster:
        yield cluster


async def test_refusals_on_demand_are_tried_again_and_every_record_is_there_once(cluster: MockCluster) -> None:
    topics = Topics("faults", cluster)
    topic = await topics.topic()
    cluster.fail_next(PRODUCE, NOT_LEADER, TIMED_OUT, NOT_ENOUGH_REPLICAS)
    began = time.monotonic()
    await topics.send(topic, numbered(20), enable_idempotence=True, retry_backoff_ms=100)
    assert time.monotonic() - began >= 0.3, "three refusals, each with its pause"
    assert [as_sent(record) for record in await topics.read(topic, 20)] == numbered(20)


async def test_a_partition_is_led_by_another_while_its_node_is_down(cluster: MockCluster) -> None:
    topics = Topics("faults", cluster)
    topic = await topics.topic()
    cluster.lead(topic, 0, 1)
    await topics.send(topic, [Sent(b"before")])
    with cluster.down(1):
        cluster.lead(topic, 0, 2)
        await topics.send(topic, [Sent(b"while it is down")])
    assert [record.value for record in await topics.read(topic, 2)] == [b"before", b"while it is down"]


async def test_a_slow_node_is_as_slow_as_it_was_told(cluster: MockCluster) -> None:
    topics = Topics("faults", cluster)
    topic = await topics.topic()
    async with topics.producer() as producer:
        await producer.send_and_wait(topic, b"quick")
        for node in (1, 2, 3):
            cluster.slow(node, 400)
        began = time.monotonic()
        await producer.send_and_wait(topic, b"slow")
        assert time.monotonic() - began >= 0.4
        for node in (1, 2, 3):
            cluster.slow(node, 0)
