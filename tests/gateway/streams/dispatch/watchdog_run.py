"""A watchdog that looks when a test says so, and an offer that it may find silent."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pathline import instant
from pathline.vocabulary import Payload
from pathline.vocabulary.handoffs import HandoffOffered
from pathline_gateway.handoffs.silence import SOURCE
from pathline_gateway.handoffs.watchdog import Watchdog
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.streams.dispatch import handoff_notices
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from support.gateways.routes import SECRET, GatewayRoutes
from support.intake.history import Event, subject
from support.notice_schema import check_notice

BEGIN = datetime.now(UTC).replace(microsecond=0)
"""Events are received now, whatever else the clock of a gateway says: what is due must be so later."""


DOOR = ("pathline.in.door-1", 0)
TOKEN = "a-token-of-22-characters"
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()


def due(**minutes: int) -> dict[str, str]:
    return {stage: instant.to_text(BEGIN + timedelta(minutes=m)) for stage, m in minutes.items()}


def offered(id: str = "o", handoff: str = "clinic:h", **minutes: int) -> Event:
    said: dict[str, Any] = {"handoff": handoff, "to": {"org": "housing"}, "token_sha256": HASH, "due": due(**minutes)}
    return handoff_event("clinic", id, HandoffOffered.model_validate({**said, "context_released": False}), 1)


def handoff_event(org: str, id: str, payload: Payload, n: int) -> Event:
    return Event(org, id, subject(n), payload)


class WatchdogRun:
    """A watchdog of a gateway, whose log is as a test says."""

    def __init__(self, gateway: GatewayRoutes, grace: timedelta = timedelta()) -> None:
        self.gateway, self.grace, self.progress, self.broker = gateway, grace, Progress(), True
        self.progress.observe_end(DOOR, 0)
        self.restart()

    def restart(self) -> None:
        give = partial(
            handoff_notices.deliver_notices,
            index=SubscriptionIndex(auth_disabled=True),
            secret=SECRET,
            now=lambda: self.gateway.now,
        )
        clock = lambda: self.gateway.now  # noqa: E731
        self.watchdog = Watchdog(
            self.gateway.pool, clock, SECRET, self.progress, self._looked, give, lambda _: None, self.grace
        )

    async def _looked(self) -> float | None:
        return 0.0 if self.broker else None

    async def look(self) -> None:
        await self.gateway.dispatch()
        while await self.watchdog.check():
            pass

    async def at(self, minute: int) -> None:
        self.gateway.now = BEGIN + timedelta(minutes=minute)
        await self.look()


def notices_of(page: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The notices of a page, each as its contract says."""
    found = [event for event in page["events"] if event.get("source") == SOURCE]
    for event in found:
        check_notice(event)
    return [(event["type"].split(".")[-2], event["data"]["stage"]) for event in found]
