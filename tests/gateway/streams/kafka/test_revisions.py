"""Who was shown an event of others on her topic is told when it is corrected, or no longer hers to see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pathline.delivery import read_delivery
from pathline.vocabulary import InteractionCorrected
from pathline.vocabulary.notices import EventRevised
from pathline_gateway.kafka.broker_capabilities import probe_broker
from pathline_gateway.settings import Settings
from pathline_gateway.streams.kafka.revision import digest_of, find_change
from pathline_gateway.streams.kafka.revision_worker import RevisionWorker
from support.brokers.embedded_broker import broker
from support.gateways.routes import SECRET, GatewayRoutes, subscriber
from support.gateways.topic_workers import TopicReader, TopicRig, run_topic_workers, subscribe_by_topic
from support.gateways.webhook_workers import until
from support.intake.history import Event, linked, ref, source, step, subject, voided
from support.intake.life import consent_given, make_event

EVENT = st.fixed_dictionaries({"id": st.text(), "data": st.dictionaries(st.text(), st.integers(-9, 9))})


@given(EVENT, EVENT, st.integers(1, 99), st.text())
def test_a_change_is_what_changed_the_content_and_not_a_name_or_a_number(
    shown: dict[str, Any], later: dict[str, Any], number: int, pathway: str
) -> None:
    digest = digest_of({**shown, "number": 1, "pathway": "p"})
    assert find_change(digest, {**shown, "number": number, "pathway": pathway}) is None
    assert find_change(digest, later) == (None if later == shown else "corrected")
    assert find_change(digest, None) == find_change(digest, {"number": 1, "withheld": True}) == "withheld"


@asynccontextmanager
async def topics(gateway: GatewayRoutes, tmp_path: Path) -> AsyncIterator[tuple[TopicRig, RevisionWorker]]:
    with broker(tmp_path) as address:
        found = await probe_broker({"bootstrap_servers": address}, volatile_log=True)
        settings = Settings(kafka=address, dev_auth="off")
        async with run_topic_workers(gateway, settings, capabilities=found, auth_disabled=False) as rig:
            worker = RevisionWorker(
                gateway.pool, SECRET, lambda: gateway.now, rig.broker, auth_disabled=False, interval=timedelta()
            )
            yield rig, worker


async def look_again(gateway: GatewayRoutes, worker: RevisionWorker) -> None:
    """Each shown event is looked at once."""
    worker.interval = timedelta(seconds=1)
    await gateway.execute("update kafka_shown set checked_at = 'epoch'")
    while await worker.check_some():
        pass


def revised(topic: TopicReader) -> list[EventRevised]:
    told = [read_delivery(record.headers, record.value).content for record in topic.records]
    return [each for each in told if isinstance(each, EventRevised)]


async def test_a_correction_and_a_void_are_told_once_by_the_names_that_the_reader_knows(
    gateway: GatewayRoutes, tmp_path: Path
) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9))
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    await gateway.publish(consent_given())
    async with topics(gateway, tmp_path) as (rig, worker):
        made = await subscribe_by_topic(gateway, subscriber("housing"), "housing", partitions=1)
        shown = [make_event("clinic", f"c{n}", "contact.made", 1, n, kind="chase", episode="e-5") for n in (2, 3, 4)]
        await gateway.publish(*shown, step("housing", "h1", 2, 5))
        await gateway.dispatch(everything=False)
        await until(gateway, made["id"], delivered=4)
        async with TopicReader(rig.broker.options, made["config"]["topic"]) as topic:
            await topic.until(4)
            by_number = {int(event["number"]): event for event in topic.events}
            await look_again(gateway, worker)
            await gateway.publish(voided("clinic", "v1", "c3"), voided("housing", "v2", "h1"))
            await look_again(gateway, worker)
            await look_again(gateway, worker)
            await topic.drain()
            (notice,) = revised(topic)
            told = by_number[notice.regarding]
            assert (notice.because, notice.eventid, notice.eventsource, notice.pathway) == (
                "withheld", told["id"], told["source"], told["pathway"],
            )  # fmt: skip
            assert topic.records[-1].key == told["pathway"].encode()
            answer = await gateway.request(subscriber("housing"), "GET", notice.dataref)
            assert answer.json() == {"number": notice.regarding, "withheld": True}
            # Whoever may see nothing more is told of the rest, too.
            await gateway.publish(make_event("citizen", "k2", "consent.withdrawn", 9, 9, consent="c1"))
            await look_again(gateway, worker)
            await topic.drain()
            assert {each.regarding for each in revised(topic)} == {1, 2, 3}


async def test_corrected_content_is_told_and_what_was_withheld_when_it_was_written_is_not(
    gateway: GatewayRoutes, tmp_path: Path
) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9))
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    await gateway.publish(consent_given())
    made = await subscribe_by_topic(gateway, subscriber("housing"), "housing", partitions=1)
    await gateway.publish(
        make_event("clinic", "c2", "contact.made", 1, 2, kind="chase", episode="e-5"),
        make_event("clinic", "c3", "contact.made", 1, 3, kind="chase", episode="e-5"),
    )
    await gateway.dispatch(everything=False)
    await gateway.publish(voided("clinic", "v1", "c3"))
    async with topics(gateway, tmp_path) as (rig, worker):
        await until(gateway, made["id"], delivered=2)
        assert await gateway.pool.fetchval("select count(*) from kafka_shown") == 1
        replacement = {"data": {"kind": "enquiry", "episode": "e-5"}}
        target = {"source": source("clinic"), "id": "c2", "reason": "wrong-content", "replacement": replacement}
        correction = InteractionCorrected.model_validate(target)
        await gateway.publish(Event("clinic", "k9", subject(1), correction, 9))
        await look_again(gateway, worker)
        await look_again(gateway, worker)
        async with TopicReader(rig.broker.options, made["config"]["topic"]) as topic:
            await topic.drain()
            (notice,) = revised(topic)
            assert (notice.because, notice.regarding) == ("corrected", 1)
            answer = await gateway.request(subscriber("housing"), "GET", notice.dataref)
            assert answer.json()["data"]["kind"] == "enquiry"
