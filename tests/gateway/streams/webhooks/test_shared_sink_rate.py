"""Two organisations use a sink that allows so many requests a minute: much traffic of one leaves the other a share."""

from __future__ import annotations

from collections import Counter

from support.gateways.routes import GatewayRoutes
from support.gateways.webhook_workers import run_webhook_workers, subscribe_by_webhook
from support.intake.history import step
from support.servers.webhook_receiver import Reply, Sink, listening

RATE = 1_200
EVENTS = 30


async def test_one_with_many_subscriptions_leaves_its_share_of_a_sinks_rate_to_another(gateway: GatewayRoutes) -> None:
    async with listening() as sink:
        sink.handshake = Reply(200, {"webhook-allowed-origin": "*", "webhook-allowed-rate": str(RATE)})
        many = {(await subscribe_by_webhook(gateway, sink, org="clinic"))[0] for _ in range(20)}
        one, _ = await subscribe_by_webhook(gateway, sink, org="housing")
        await gateway.publish(*(step("clinic", f"c{n}", n) for n in range(EVENTS)))
        await gateway.dispatch()
        async with run_webhook_workers(gateway), run_webhook_workers(gateway):  # two processes
            await sink.until(lambda s: sent(s)[one] == EVENTS, seconds=60)
            until_then = sent(sink)
    others = sum(until_then[each] for each in many)
    print(f"{EVENTS} of one beside {others} of another")
    # As many; and what one sends before the other has asked for the first time, and while it was late.
    assert others <= 2 * EVENTS


def sent(sink: Sink) -> Counter[str]:
    """How many requests of each subscription."""
    return Counter(each.id[:36] for each in sink.posted)
