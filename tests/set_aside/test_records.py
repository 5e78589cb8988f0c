"""A loop fails for one record: all others proceed, it is told of, and it is taken up once it is mended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from pathline_gateway.set_aside import repository
from pathline_gateway.set_aside.works import WORKS
from pathline_gateway.telemetry import WORK_FAILING
from set_aside.broken import Fault
from who.gateway import Client, event, ref

ONE = {"content-type": "application/cloudevents+json"}
VICTIM, NEIGHBOUR = "east", "west"


def _of(*names: str) -> Callable[..., bool]:
    """Whether an argument says one of these of itself."""

    def concerns(*args: Any, **_: Any) -> bool:
        said = repr(args)
        return any(name in said for name in names)

    return concerns


FAULTS = [
    Fault("hand-offs", "handoff.projection", "handoff_event", _of(f"{VICTIM}:h")),
    Fault("hand-offs", "handoff.projection", "lifecycle", _of(f"{VICTIM}:h")),
    Fault("hand-offs", "handoff.projection", "record", _of(f"{VICTIM}:h")),
    Fault("silence", "handoff.watchdog", "silences", _of(f"{VICTIM}:h")),
    Fault("silence", "handoff.watchdog", "Notice.id", _of(f"{VICTIM}:h")),
    Fault("closed-hand-offs", "measure.closed_handoffs", "_ended", _of(f"{VICTIM}:h")),
]
"""Each function that a loop calls for one record after the other."""


class Told:
    """What a person's organisation publishes in one round, and what has to come of it."""

    def __init__(self, client: Client, org: str, n: int) -> None:
        self.client, self.org, self.n = client, org, n
        self.open, self.closed = f"{org}:h-{n}-open", f"{org}:h-{n}-closed"

    async def publish(self) -> None:
        due = {"accept": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        asked = {"to": {"org": "housing"}, "token_sha256": "a" * 64, "context_released": False}
        told = [
            event(
                self.org, "handoff.offered", ref(self.org, self.n), f"o-{self.n}", handoff=self.open, due=due, **asked
            ),
            event(self.org, "handoff.offered", ref(self.org, self.n), f"c-{self.n}", handoff=self.closed, **asked),
            event(self.org, "handoff.cancelled", ref(self.org, self.n), f"x-{self.n}", handoff=self.closed),
        ]
        told[2]["time"] = "2026-03-01T09:05:00Z"
        await self.client.post("/v1/events", 202, told, headers={"content-type": "application/cloudevents-batch+json"})

    async def is_done(self, connection: asyncpg.Connection) -> bool:
        """Everything has come of it."""
        return bool(await connection.fetchval(_DONE, self.open, self.closed))


_DONE = """
select exists (select from handoff where handoff = $1) and exists (select from handoff where handoff = $2)
    and exists (select from handoff_notice where handoff = $1 and kind = 'silent')
    and exists (select from handoff_told where handoff = $2)
"""


def test_each_work_that_goes_over_records_has_a_fault_of_its_own() -> None:
    assert {fault.work for fault in FAULTS} <= {name for name, work in WORKS.items() if work.kind is not None}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
async def test_one_record_that_cannot_be_computed_stops_no_other(client: Client, database: str, fault: Fault) -> None:
    """One gateway a fault: what one leaves behind is no help to the next."""
    connection = await asyncpg.connect(database)
    try:
        await client.post(
            "/v1/events", 202, event("housing", "activity.recorded", ref("housing", 1), activity="Opened"), headers=ONE
        )
        victim, neighbour = Told(client, VICTIM, 2), Told(client, NEIGHBOUR, 3)
        with fault.injected():
            await victim.publish()
            await neighbour.publish()
            await _until(lambda: neighbour.is_done(connection))
            await client.settled()
            await _until(lambda: _fails(client, fault.work))
            assert not await victim.is_done(connection)
            ready = await client.http.get("/readyz")
            assert (ready.status_code, ready.json()["failing"]) == (200, [fault.work])
            later = Told(client, NEIGHBOUR, 4)
            await later.publish()
            await _until(lambda: later.is_done(connection))
        await repository.retry(connection)
        await _until(lambda: victim.is_done(connection))
        await _until(lambda: _nothing_fails(client))
        assert not await connection.fetchval("select count(*) from set_aside")
    finally:
        await connection.close()


async def _fails(client: Client, work: str) -> bool:
    failing = (await client.get("/v1/status"))["failing"]
    told = [(each["work"], each["reason"]) for each in failing]
    metric = WORK_FAILING.now().get((("pathline.work", work),), 0)
    return told == [(work, "Injected")] and failing[0]["records"] >= 1 and metric == failing[0]["records"]


async def _nothing_fails(client: Client) -> bool:
    return (await client.get("/v1/status"))["failing"] == [] and not any(WORK_FAILING.now().values())


async def _until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(120):
        while not await holds():
            await asyncio.sleep(0.02)
