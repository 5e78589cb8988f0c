"""Events are kept in batches, and each is found by its number: as if each had a row of its own."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pathline_gateway.embedded import Machine
from pathline_gateway.streams.dispatch import delivered_repository
from pathline_gateway.streams.subscriptions import numbering_repository
from pathline_gateway.streams.subscriptions.numbering_repository import StoredEvent, assign_numbers
from support.examples import examples
from support.gateways.routes import GatewayRoutes, routes_on, subscriber
from support.gateways.subscriptions import subscribe_by_pull
from support.intake.history import source, step

EVENTS = 12
TURNS = st.lists(
    st.lists(st.lists(st.integers(0, EVENTS - 1), max_size=9), min_size=2, max_size=2), min_size=1, max_size=6
)
"""Which events each of two subscriptions is given, transaction by transaction."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering_repository, "_BATCH_SIZE", 3)


async def stored_events(gateway: GatewayRoutes) -> list[StoredEvent]:
    await gateway.publish(*(step("clinic", f"e{n}", n) for n in range(EVENTS)))
    number = await gateway.pool.fetchval("select id from source where source = $1", source("clinic"))
    return [(number, f"e{n}") for n in range(EVENTS)]


@given(turns=TURNS, after=st.integers(0, 40), limit=st.integers(1, 20))
@examples(20, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_number_is_the_event_that_was_given_then(
    machine: Machine, turns: list[list[list[int]]], after: int, limit: int
) -> None:
    async with routes_on(machine) as gateway:
        events = await stored_events(gateway)
        ids = [UUID(await subscribe_by_pull(gateway, subscriber("clinic"), "clinic")) for _ in range(2)]
        given: dict[UUID, list[str]] = {id: [] for id in ids}
        async with gateway.pool.acquire() as connection:
            for turn in turns:
                chosen = {id: [events[n] for n in numbers] for id, numbers in zip(ids, turn, strict=True)}
                last_numbers = await assign_numbers(connection, chosen)
                for id, of_one in chosen.items():
                    given[id] += [event for _, event in of_one]
                assert last_numbers == {id: len(given[id]) for id, of_one in chosen.items() if of_one}
            for id in ids:
                rows = await delivered_repository.fetch_after(connection, id, after, limit)
                expected = list(enumerate(given[id], 1))[after : after + limit]
                assert [(row["number"], row["id"]) for row in rows] == expected
                wanted = {(id, number) for number in range(1, 45)}
                found = await delivered_repository.fetch_by_number(connection, wanted)
                assert {number: row["id"] for (_, number), row in found.items()} == dict(enumerate(given[id], 1))
                for _, event in events:
                    number = await delivered_repository.find_number(connection, id, source("clinic"), event)
                    assert number == (given[id].index(event) + 1 if event in given[id] else None)
