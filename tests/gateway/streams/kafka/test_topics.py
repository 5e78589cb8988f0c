"""A subscription writes to a topic of its own: what is in it, and what its owner can do with it, on both brokers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from opentelemetry.trace import SpanKind

from pathline.vocabulary.notices import Canary, EventAvailable, EventsForgotten, EventWithheld, Notice
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.kafka.broker_capabilities import probe_broker
from pathline_gateway.settings import Settings
from pathline_gateway.streams.kafka.topic_service import TopicService
from pathline_gateway.streams.subscriptions import retention_repository
from support.brokers.apache_kafka import ApacheKafka
from support.brokers.embedded_broker import broker
from support.gateways.routes import GatewayRoutes, subscriber
from support.gateways.subscriptions import CLINIC
from support.gateways.topic_workers import TopicReader, TopicRig, numbers, run_topic_workers, subscribe_by_topic
from support.gateways.webhook_workers import until
from support.intake.history import linked, ref, source, step, subject
from support.intake.life import consent_given, make_event
from support.recorded_spans import record_spans

EVER = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["tansu", "apache"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "apache":
        kafka: ApacheKafka = request.getfixturevalue("kafka")
        yield kafka.bootstrap
    else:
        with broker(tmp_path) as embedded:
            yield embedded


@pytest.fixture
async def rig(gateway: GatewayRoutes, address: str) -> AsyncIterator[TopicRig]:
    settings = Settings(kafka=address, dev_auth="off")
    capabilities = await probe_broker({"bootstrap_servers": address}, volatile_log=await _is_tansu(address))
    async with run_topic_workers(gateway, settings, capabilities=capabilities) as running:
        yield running


async def _is_tansu(address: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    cluster = await admin.describe_cluster()
    await admin.close()
    return "tansu" in str(cluster["cluster_id"])


def reader(rig: TopicRig, made: dict[str, Any], group: str | None = None) -> TopicReader:
    return TopicReader(rig.broker.options, made["config"]["topic"], group)


async def topics(rig: TopicRig) -> list[str]:
    async with rig.broker.admin() as admin:
        return list(await admin.list_topics())


async def test_what_is_given_is_in_the_topic_by_number_each_pathway_in_order(
    gateway: GatewayRoutes, rig: TopicRig
) -> None:
    made = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
    assert made["config"]["topic"] == f"pathline.out.{made['id']}"
    await until(gateway, made["id"], state="active")
    await gateway.publish(*(step("clinic", f"c{n}", n % 4, n, "Zo\u00eb: 1\n2") for n in range(40)))
    await gateway.dispatch()
    async with reader(rig, made) as topic:
        events = await topic.until(40)
        assert sorted(numbers(events)) == list(range(1, 41))
        assert {record.key for record in topic.records} == {event["pathway"].encode() for event in events}
        for pathway in {event["pathway"] for event in events}:
            own = numbers([event for event in events if event["pathway"] == pathway])
            assert own == sorted(own)
    pulled = await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{made['id']}/events")
    by_number = {int(event["number"]): event for event in events}
    for event in pulled.json()["events"]:
        told = by_number[event["number"]]
        assert {name: told[name] for name in ("id", "source", "type", "subject", "time", "pathway")} == {
            name: event[name] for name in ("id", "source", "type", "subject", "time", "pathway")
        }
        assert b"Zo\xc3\xab: 1\\n2" in told["data"]
    await until(gateway, made["id"], state="active", given=40, delivered=40, waiting=0, last_failure=None)


async def test_what_follows_after_a_quiet_time_and_by_another_process_is_written_too(
    gateway: GatewayRoutes, rig: TopicRig
) -> None:
    made = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC, partitions=1)
    async with reader(rig, made) as topic:
        for n in range(3):
            await gateway.publish(step("clinic", f"c{n}", n))
            target = gateway.push_targets.pop() if n == 1 else None  # what another process gave
            await gateway.dispatch()
            if target is not None:
                gateway.push_targets.append(target)
            await topic.until(n + 1)
            await until(gateway, made["id"], delivered=n + 1)
            if n == 1:
                while await gateway.pool.fetchval("select count(*) from kafka_sink where leased_by is not null"):
                    await asyncio.sleep(0.05)
        assert numbers(topic.events) == [1, 2, 3]


async def test_a_pause_holds_back_and_an_end_deletes_the_topic(gateway: GatewayRoutes, rig: TopicRig) -> None:
    made = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
    path = f"/v1/subscriptions/{made['id']}"
    await until(gateway, made["id"], state="active")
    await gateway.request(AUTH_DISABLED_CALLER, "POST", f"{path}/pause")
    await gateway.publish(step("clinic", "c1", 1))
    await gateway.dispatch()
    await until(gateway, made["id"], state="paused", given=1, delivered=0, waiting=1)
    await gateway.request(AUTH_DISABLED_CALLER, "POST", f"{path}/resume")
    await until(gateway, made["id"], state="active", delivered=1)
    assert made["config"]["topic"] in await topics(rig)
    assert (await gateway.request(AUTH_DISABLED_CALLER, "DELETE", path)).status_code == 204
    async with asyncio.timeout(20):
        while await gateway.pool.fetchval("select count(*) from kafka_topic_removal"):
            await asyncio.sleep(0.05)
    assert made["config"]["topic"] not in await topics(rig)


async def test_a_replay_is_written_to_the_same_topic_as_a_series_of_its_own(
    gateway: GatewayRoutes, rig: TopicRig
) -> None:
    made = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
    await gateway.publish(step("clinic", "c1", 1), step("clinic", "c2", 2))
    await gateway.dispatch()
    async with reader(rig, made) as topic:
        await topic.until(2)
        path = f"/v1/subscriptions/{made['id']}"
        answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", f"{path}/replay", json={"from": "n0"})
        assert answer.status_code == 201
        await gateway.dispatch()
        events = (await topic.until(4))[2:]
        assert {event["series"] for event in events} == {"2"}
        assert sorted(numbers(events)) == [1, 2]
        assert {event["id"] for event in events} == {"c1", "c2"}
    status = await until(gateway, made["id"], delivered=2)
    assert [each["series"] for each in status["replays"]] == [2]


async def test_others_events_come_as_they_may_be_seen_and_are_in_the_access_log(
    gateway: GatewayRoutes, address: str
) -> None:
    settings, tansu = Settings(kafka=address, dev_auth="off"), await _is_tansu(address)
    capabilities = await probe_broker({"bootstrap_servers": address}, volatile_log=tansu)
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9))
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    made = await subscribe_by_topic(gateway, subscriber("housing"), "housing", {"exact": {"source": source("clinic")}})
    await gateway.publish(consent_given())
    await gateway.publish(make_event("clinic", "c2", "contact.made", 1, 8, kind="chase", episode="episode-5"))
    await gateway.publish(make_event("clinic", "c3", "contact.made", 1, 9, kind="chase", episode="episode-5"))
    await gateway.dispatch(everything=False)
    await gateway.pool.execute("insert into delivery_marker values ($1, 2)", UUID(made["id"]))
    accesses = "select count(*) from access where action = 'stream'"
    before = await gateway.pool.fetchval(accesses)
    workers = run_topic_workers(gateway, settings, capabilities=capabilities, auth_disabled=False)
    async with workers as rig, reader(rig, made) as topic:
        events = await topic.until(2)
    shown, marker = sorted(events, key=lambda event: int(event["number"]))
    assert shown["id"] not in ("c2", "c3")
    assert "subject" not in shown
    assert subject(1).encode() not in b"".join(str(record).encode() for record in topic.records)
    check(EventWithheld, marker)
    assert await gateway.pool.fetchval(accesses) == before + 1


async def test_thin_events_have_a_reference_and_what_is_too_large_comes_thin_and_says_so(
    gateway: GatewayRoutes, rig: TopicRig
) -> None:
    bare = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC, payload="none")
    whole = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC, partitions=1)
    for made in (bare, whole):
        await until(gateway, made["id"], state="active")
    await gateway.publish(step("clinic", "c1", 1), step("clinic", "c2", 1, text="x" * 150, own="y" * 2_000))
    await gateway.pool.execute(
        "update kafka_topic set max_message_bytes = 1500 where subscription = $1", UUID(whole["id"])
    )
    await gateway.dispatch()
    async with reader(rig, bare) as topic:
        for event in await topic.until(2):
            check(EventAvailable, event)
    async with reader(rig, whole) as topic:
        small, large = await topic.until(2)
        assert small["data"]
        assert "oversized" not in small
        assert (large["oversized"], large["id"], large["data"]) == ("true", "c2", b"")
        answer = await gateway.request(AUTH_DISABLED_CALLER, "GET", large["dataref"])
        assert answer.json()["own"] == "y" * 2_000


async def test_what_was_forgotten_before_it_was_written_is_said(gateway: GatewayRoutes, rig: TopicRig) -> None:
    made = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC, partitions=1)
    path = f"/v1/subscriptions/{made['id']}"
    await gateway.request(AUTH_DISABLED_CALLER, "POST", f"{path}/pause")
    await gateway.publish(*(step("clinic", f"c{n}", n) for n in range(5)))
    await gateway.dispatch()
    async with gateway.pool.acquire() as connection:
        while await retention_repository.delete_expired(connection, EVER, 2, 10**6):
            pass
    await gateway.request(AUTH_DISABLED_CALLER, "POST", f"{path}/resume")
    async with reader(rig, made) as topic:
        forgotten, *rest = sorted(await topic.until(3), key=lambda event: int(event["number"]))
    told = check(EventsForgotten, forgotten)
    assert (told.first, told.number, numbers(rest)) == (1, 3, [4, 5])


async def test_a_canary_is_in_the_topic_and_counts_for_nothing(gateway: GatewayRoutes, rig: TopicRig) -> None:
    made = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
    await until(gateway, made["id"], state="active")
    outcome = await TopicService(rig.broker).send_canary(UUID(made["id"]), gateway.now)
    assert outcome.reason == "delivered"
    async with reader(rig, made) as topic:
        (canary,) = await topic.until(1)
        check(Canary, canary)
    assert (await until(gateway, made["id"]))["given"] == 0


async def test_a_changed_retention_is_the_topic_s(gateway: GatewayRoutes, rig: TopicRig) -> None:
    made = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC, retention_hours=2, partitions=2)
    assert (made["config"]["retention_hours"], made["config"]["partitions"]) == (2, 2)
    await until(gateway, made["id"], state="active")
    path, config = f"/v1/subscriptions/{made['id']}", {"organisation": "reader", "purpose": "care"}
    for hours, more, status in ((5, {}, 200), (5, {"partitions": 3}, 409)):
        wanted = {"protocol": "KAFKA", "config": {**config, "retention_hours": hours, **more}}
        answer = await gateway.request(AUTH_DISABLED_CALLER, "PUT", path, json=wanted)
        assert answer.status_code == status, answer.text
    async with asyncio.timeout(20):
        while await gateway.pool.fetchval("select count(*) from kafka_topic where applied_revision < revision"):
            await asyncio.sleep(0.05)
    if not (await rig.broker.capabilities()).durable_log:
        return  # Tansu does not tell what a topic is configured to
    async with rig.broker.admin() as admin:
        (told,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, made["config"]["topic"])])
    entries = {entry[0]: entry[1] for resource in told.resources for entry in resource[4]}
    assert (entries["retention.ms"], entries["cleanup.policy"]) == (str(5 * 3_600_000), "delete")


def check(kind: type[Notice], event: dict[str, Any]) -> Any:
    """It is such a notice, as its schema says."""
    typed = {name: int(value) if name in ("number", "first", "series") else value for name, value in event.items()}
    return kind.model_validate({name: value for name, value in typed.items() if name != "data"})


async def test_a_record_has_the_trace_of_its_delivery_and_the_span_of_the_write_is_linked_to_the_publishers(
    gateway: GatewayRoutes, rig: TopicRig
) -> None:
    published, call = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with record_spans() as exporter:
        whole = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
        bare = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC, payload="none")
        for made in (whole, bare):
            await until(gateway, made["id"], state="active")
        await gateway.publish(step("clinic", "c1", 1, traceparent=f"00-{published}-{call}-01", tracestate="a=b"))
        await gateway.dispatch()
        told = []
        for made in (whole, bare):
            await until(gateway, made["id"], delivered=1)
            async with reader(rig, made) as topic:
                (event,) = await topic.until(1)
                headers = dict(topic.records[0].headers)
                assert headers["traceparent"].decode() == event["traceparent"]
                assert "ce_tracestate" not in headers
                told.append(event["traceparent"])
        spans = [span for span in exporter.get_finished_spans() if span.name == "send pathline.out.*"]
    ids = [f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01" for span in spans]
    assert (sorted(ids), len({each.split("-")[1] for each in (*ids, f"00-{published}")})) == (sorted(told), 3)
    for span in spans:
        assert (span.kind, span.parent) == (SpanKind.PRODUCER, None)
        assert [f"{link.context.trace_id:032x}-{link.context.span_id:016x}" for link in span.links] == [
            f"{published}-{call}"
        ]
