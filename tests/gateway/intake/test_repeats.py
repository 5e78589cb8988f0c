"""An event that comes again: in the same bytes, in others that say the same, and with other content."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pathline_gateway.intake.batch_transaction import ApplyTarget, apply_batch
from support.intake import stored
from support.intake.crashes import batch_of, connected
from support.intake.deliveries import DOOR, Kind, Log, PublishedEvent
from support.postgres.databases import Databases

INTO = ApplyTarget("gateway", True)


@pytest.mark.parametrize("kind", ["step", "void", "correct", "link", "distinguish", "retract"])
@pytest.mark.parametrize("cuts", [[(0, 4)], [(0, 1), (1, 4)]], ids=["one batch", "two batches"])
async def test_a_repeat_is_known_by_what_it_says_and_not_by_how_it_is_written(
    postgres: Databases, kind: Kind, cuts: list[tuple[int, int]]
) -> None:
    said = PublishedEvent(kind, "clinic", 1, 0, 1)
    log = Log()
    for each in (said, said, replace(said, spaced=True), replace(said, person=2)):
        log.add(DOOR, each)
    async with connected(postgres) as connection:
        epoch = await stored.empty(connection)
        outcomes = [await apply_batch(connection, INTO, batch_of(log, {DOOR: cut}, epoch)) for cut in cuts]
        parked = (await stored.tables(connection))["parked"]
    assert sum(o.duplicates for o in outcomes) == 2
    assert sum(o.accepted + o.evidence for o in outcomes) == 1
    assert list(parked) == [(*DOOR, 3, "conflicting-duplicate")]


async def test_a_repeat_in_other_bytes_may_come_first(postgres: Databases) -> None:
    said = PublishedEvent("step", "clinic", 1, 0, 1)
    log = Log()
    for each in (replace(said, spaced=True), said, replace(said, other=0)):
        log.add(DOOR, each)
    async with connected(postgres) as connection:
        epoch = await stored.empty(connection)
        for n in range(3):
            await apply_batch(connection, INTO, batch_of(log, {DOOR: (n, n + 1)}, epoch))
        found = await stored.tables(connection)
    assert list(found["parked"]) == [(*DOOR, 2, "conflicting-duplicate")]
    assert len(found["interactions"]) == 1
