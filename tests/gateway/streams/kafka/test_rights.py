"""At a broker that enforces rights, one reader may read a topic, and no other: not even one whose name begins alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from pathline_gateway.kafka.client_config import client_options, intake_access, out_access
from pathline_gateway.settings import Settings
from pathline_gateway.streams.kafka.out_broker import OutBroker
from pathline_gateway.streams.kafka.topic_service import TopicService
from pathline_gateway.web.problem import Problem
from support.brokers.apache_kafka import ApacheKafka
from support.brokers.kafka_download import Installation
from support.brokers.kafka_principals import Principal, Rights
from support.gateways.routes import OPEN_BROKER, GatewayRoutes, subscriber
from support.gateways.topic_workers import TopicReader, TopicRig, run_topic_workers, subscribe_by_topic
from support.gateways.webhook_workers import until
from support.intake.history import step

PROTECTED = replace(OPEN_BROKER, access_control=True)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, kafka_installation: Installation) -> Any:
    with ApacheKafka(tmp_path_factory.mktemp("secured"), secured=True, installation=kafka_installation) as kafka:
        yield kafka


@pytest.fixture
def rights(secured: ApacheKafka) -> Rights:
    assert secured.security is not None
    return secured.security.rights(secured.bootstrap)


def settings_for(kafka: ApacheKafka, user: Principal) -> Settings:
    assert kafka.security is not None
    return Settings(
        kafka_out=kafka.bootstrap,
        kafka_out_security="SASL_SSL",
        kafka_out_user=user.name,
        kafka_out_password=user.password,  # type: ignore[arg-type]
        kafka_out_ca=kafka.security.authority,
    )


@pytest.fixture
async def rig(gateway: GatewayRoutes, secured: ApacheKafka, rights: Rights) -> AsyncIterator[TopicRig]:
    settings = settings_for(secured, rights.topics_out())
    async with run_topic_workers(gateway, settings, auth_disabled=False) as running:
        assert await running.broker.is_protected()
        yield running


async def may_read(secured: ApacheKafka, who: Principal, topic: str, group: str | None = None) -> bool:
    try:
        async with TopicReader(secured.client(who), topic, group) as reader:
            await reader.until(1, 4)
    except (KafkaError, TimeoutError):
        return False
    return True


async def test_one_reader_reads_in_her_group_and_nobody_else_does(
    gateway: GatewayRoutes, rig: TopicRig, secured: ApacheKafka, rights: Rights
) -> None:
    food, bank, app = (rights.reader(name) for name in ("food", "food-bank", "food.app"))
    made = await subscribe_by_topic(gateway, subscriber("food"), "food")
    topic = made["config"]["topic"]
    assert made["config"]["principal"] == "food"
    await gateway.publish(step("food", "f1", 1))
    await gateway.dispatch(everything=False)
    await until(gateway, made["id"], delivered=1)
    assert await may_read(secured, food, topic)
    assert await may_read(secured, food, topic, group=topic)
    for other in (bank, app):
        assert not await may_read(secured, other, topic, group=topic)
    path = f"/v1/subscriptions/{made['id']}"
    wanted = {
        "protocol": "KAFKA",
        "config": {"organisation": "food", "purpose": "care", "principal": "food.app"},
    }
    assert (await gateway.request(subscriber("food"), "PUT", path, json=wanted)).status_code == 200
    async with asyncio.timeout(30):
        while not await may_read(secured, app, topic, group=topic):
            await asyncio.sleep(0.1)
    assert not await may_read(secured, food, topic, group=topic)
    assert (await gateway.request(subscriber("food"), "DELETE", path)).status_code == 204
    async with asyncio.timeout(30):
        while await gateway.pool.fetchval("select count(*) from kafka_topic_removal"):
            await asyncio.sleep(0.1)
    assert rights.granted(topic) == []


async def test_a_gateway_without_the_right_says_so_and_goes_on_once_it_has_it(
    gateway: GatewayRoutes, secured: ApacheKafka, rights: Rights, caplog: pytest.LogCaptureFixture
) -> None:
    weak = rights.known(Principal("weak"))
    async with run_topic_workers(gateway, settings_for(secured, weak), auth_disabled=False):
        made = await subscribe_by_topic(gateway, subscriber("food"), "food")
        async with asyncio.timeout(20):
            while "does not keep a topic" not in caplog.text:
                await asyncio.sleep(0.05)
        await until(gateway, made["id"], state="preparing")
        rights.topics_out(weak)
        await gateway.execute("update kafka_topic set not_before = 'epoch'")
        await until(gateway, made["id"], state="active")
    causes = [line.partition("wanted: ")[2] for line in caplog.text.splitlines() if "does not keep a topic" in line]
    assert len(causes) == len(set(causes))


@pytest.mark.parametrize("name", ["food-bank", "*", "food*", "gateway-out"])
async def test_another_s_name_is_refused(name: str) -> None:
    service = TopicService(OutBroker(Settings(kafka_user="gateway-out"), PROTECTED))
    with pytest.raises(Problem) as refused:
        await service.check("food", name, None, None)
    assert refused.value.reason == "malformed-principal"


async def test_a_broker_that_enforces_nothing_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(Problem) as refused:
        await TopicService(OutBroker(Settings(), OPEN_BROKER)).check("food", None, None, None)
    assert refused.value.reason == "topics-unprotected"
    for allowed in (Settings(kafka_out_open=True), Settings(dev_auth="off")):
        wish = await TopicService(OutBroker(allowed, OPEN_BROKER)).check("food", None, None, None)
        assert wish == ("food", 3, 168)


async def test_a_broker_that_does_not_answer_is_said_to_be_unavailable() -> None:
    service = TopicService(OutBroker(Settings(kafka_out="127.0.0.1:1")))
    with pytest.raises(Problem) as refused:
        await service.check("food", None, None, None)
    assert (refused.value.status, refused.value.reason) == (503, "broker-unavailable")


def test_topics_have_a_broker_of_their_own_where_one_is_named() -> None:
    same, other = Settings(kafka="a:1"), Settings(kafka="a:1", kafka_out="b:2", kafka_out_security="SSL")
    assert out_access(same) == intake_access(same)
    assert client_options(out_access(other))["bootstrap_servers"] == "b:2"
    assert client_options(intake_access(other)) == {"bootstrap_servers": "a:1"}
