"""A broker that is away: events wait, the status says why, the log has one line, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.kafka.broker_capabilities import probe_broker
from pathline_gateway.settings import Settings
from support.brokers.embedded_broker import broker, freeze, thaw
from support.gateways.routes import GatewayRoutes
from support.gateways.subscriptions import CLINIC
from support.gateways.topic_workers import TopicReader, numbers, run_topic_workers, subscribe_by_topic
from support.gateways.webhook_workers import until
from support.intake.history import step


@pytest.mark.long
async def test_events_wait_for_a_broker_that_is_away_and_come_once_it_is_back(
    gateway: GatewayRoutes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with broker(tmp_path) as address:
        found = await probe_broker({"bootstrap_servers": address}, volatile_log=True)
        async with run_topic_workers(gateway, Settings(kafka=address, dev_auth="off"), capabilities=found) as rig:
            one = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
            two = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
            for made in (one, two):
                await until(gateway, made["id"], state="active")
            freeze(address)
            try:
                await gateway.publish(*(step("clinic", f"c{n}", n) for n in range(5)))
                await gateway.dispatch()
                for made in (one, two):
                    stands = await until(gateway, made["id"], seconds=90, state="failing", waiting=5)
                    assert stands["last_failure"]["reason"] == "broker-unavailable"
                    assert stands["next_attempt"]
            finally:
                thaw(address)
            for made in (one, two):
                await until(gateway, made["id"], seconds=90, state="active", delivered=5)
                async with TopicReader(rig.broker.options, made["config"]["topic"]) as topic:
                    assert set(numbers(await topic.drain())) == {1, 2, 3, 4, 5}
    assert caplog.text.count("The broker does not answer") == 1
