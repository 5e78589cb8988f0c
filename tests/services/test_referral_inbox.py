"""The example of a reader: it is told who is sent to it, on the topic of its subscription, by names of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from faststream.kafka import KafkaBroker

from pathline.delivery import Names
from pathline.topic import SubscriptionTopic
from pathline.vocabulary import HandoffOffered
from pathline_gateway.kafka.broker_capabilities import probe_broker
from pathline_gateway.settings import Settings
from pathline_services import referral_inbox
from pathline_services.referral_inbox import ReferralInbox
from support.brokers.embedded_broker import broker
from support.gateways.routes import GatewayRoutes, subscriber
from support.gateways.topic_workers import run_topic_workers, subscribe_by_topic
from support.intake.history import accepted, offered, step


async def until(holds: Callable[[], bool], seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.05)


async def test_an_office_is_told_who_is_sent_to_it_until_it_answers(gateway: GatewayRoutes, tmp_path: Path) -> None:
    with broker(tmp_path) as address:
        found = await probe_broker({"bootstrap_servers": address}, volatile_log=True)
        settings = Settings(kafka=address, dev_auth="off")
        async with run_topic_workers(gateway, settings, capabilities=found, auth_disabled=False):
            made = await subscribe_by_topic(gateway, subscriber("housing"), "housing", *referral_inbox.FILTERS)
            inbox = ReferralInbox()
            reader = referral_inbox.app(address, made["config"]["topic"], inbox)
            await reader.start()
            try:
                await gateway.publish(step("food-bank", "f0", 1))
                await gateway.publish(offered("food-bank", "o1", 1, "housing", "food-bank:1"))
                await gateway.dispatch(everything=False)
                await until(lambda: bool(inbox.waiting))
                (referral,) = inbox.waiting.values()
                assert (referral.handoff, referral.pathway) == ("food-bank:1", None)
                await gateway.publish(accepted("housing", "a1", 5, "food-bank:1", 9))
                await gateway.dispatch(everything=False)
                await until(lambda: not inbox.waiting)
            finally:
                await reader.stop()


async def test_a_handler_that_fails_is_given_the_delivery_again_and_junk_is_passed_over(
    gateway: GatewayRoutes, tmp_path: Path
) -> None:
    with broker(tmp_path) as address:
        found = await probe_broker({"bootstrap_servers": address}, volatile_log=True)
        settings = Settings(kafka=address, dev_auth="off")
        async with run_topic_workers(gateway, settings, capabilities=found):
            made = await subscribe_by_topic(gateway, subscriber("food-bank"), "food-bank", partitions=1)
            kafka = KafkaBroker(address)
            topic = SubscriptionTopic(kafka, made["config"]["topic"], session_timeout_ms=6_000)
            seen: list[tuple[int, str | None]] = []
            others: list[int] = []

            @topic.on(HandoffOffered)
            async def on_offer(handoff: HandoffOffered, names: Names) -> None:
                seen.append((names.number, handoff.handoff))
                if len(seen) == 1:
                    raise RuntimeError("not now")

            @topic.otherwise
            async def on_other(told: object) -> None:
                others.append(1)

            await kafka.start()
            try:
                await kafka.publish(b"junk", made["config"]["topic"])
                await gateway.publish(step("food-bank", "f0", 1))
                await gateway.publish(offered("food-bank", "o1", 1, "housing", "food-bank:1"))
                await gateway.dispatch(everything=False)
                await until(lambda: len(seen) == 2 and len(others) == 1)
            finally:
                await kafka.stop()
            assert seen == [(2, "food-bank:1")] * 2
