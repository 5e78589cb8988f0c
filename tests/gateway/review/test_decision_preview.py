"""What the reviewer is told would happen is what then happens: against the membership writer itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import asyncpg
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pathline.codec import kafka
from pathline.interaction import Interaction
from pathline.vocabulary import Payload
from pathline_gateway.embedded import Machine
from pathline_gateway.identity.evidence_publisher import EvidencePublisher
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import apply_batch
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.review import repository as review_repository
from pathline_gateway.review.case import VERDICTS
from pathline_gateway.review.service import ReviewService
from support.examples import examples
from support.intake.history import (
    TOPIC,
    Event,
    Partition,
    Record,
    bind_all_evidence,
    distinguished,
    linked,
    open_log,
    ref,
    retracted,
    step,
)
from support.postgres.fresh_database import drop_database, fresh_database

REFS = [ref(org, n) for org in ("east", "west", "north") for n in range(3)]
_two = st.lists(st.sampled_from(REFS), min_size=2, max_size=2, unique_by=lambda r: (r["org"], r["subject"]))
_evidence = st.lists(
    st.tuples(st.sampled_from(("link", "link", "link", "apart", "retract")), _two, st.sampled_from((0.4, 1.0))),
    min_size=2,
    max_size=10,
)
_decisions = st.lists(st.tuples(st.integers(0, 20), st.sampled_from((*VERDICTS, "undo"))), min_size=1, max_size=3)


def _told(said: list[tuple[str, list[dict[str, str]], float]]) -> list[Event]:
    told: list[Event] = [step(r["org"], f"s{n}", n % 3) for n, r in enumerate(REFS)]
    for n, (kind, (a, b), confidence) in enumerate(said):
        if kind == "link":
            told.append(linked(f"l{n}", a, b, confidence, n))
        elif kind == "apart":
            told.append(distinguished(f"d{n}", a, b, n))
        else:
            told.append(retracted(f"r{n}", f"l{n // 2}", minute=n))
    return told


@examples(40, deadline=None, suppress_health_check=list(HealthCheck))
@given(_evidence, _decisions)
def test_what_would_merge_or_split_is_what_merges_or_splits(
    machine: Machine,
    said: list[tuple[str, list[dict[str, str]], float]],
    wanted: list[tuple[int, Literal["same", "different", "undo"]]],
) -> None:
    asyncio.run(_played(machine, said, wanted))


async def _played(
    machine: Machine,
    said: list[tuple[str, list[dict[str, str]], float]],
    wanted: list[tuple[int, Literal["same", "different", "undo"]]],
) -> None:
    database = await fresh_database(machine)
    async with asyncpg.create_pool(database, min_size=1, max_size=4) as pool:
        log = Partition()

        async def write(events: Sequence[Interaction[Payload]]) -> None:
            async with pool.acquire() as connection:
                await apply_batch(connection, log.into, _batch(log, events))
            await bind_all_evidence(database)

        reviewing = ReviewService(pool, EvidencePublisher(pool, write))
        async with pool.acquire() as connection:
            await open_log(connection)
            await log.apply(connection, *_told(said))
        await bind_all_evidence(database)
        for n, verdict in wanted:
            await _one(pool, reviewing, n, verdict)
    await drop_database(machine, database)


def _batch(log: Partition, events: Sequence[Interaction[Payload]]) -> Batch:
    """What the gateway's own producer wrote, as it is polled."""
    at, start = (TOPIC, log.number), log.offset
    log.offset += len(events)
    readings = []
    for n, each in enumerate(events):
        headers, value = kafka.encode(each.event)
        readings.append(parse_record(Record(TOPIC, log.number, start + n, 0, each.subject.encode(), value, headers)))
    return Batch({at: readings}, {at: start}, {at: 1})


async def _one(
    pool: asyncpg.Pool, reviewing: ReviewService, n: int, verdict: Literal["same", "different", "undo"]
) -> None:
    async with pool.acquire() as connection:
        items = [
            each.item for each in await review_repository.list_waiting(connection, None, 0, 100, unrestricted=True)
        ]
        decided = [
            each.item for each in await review_repository.list_decided(connection, None, 0, 100, unrestricted=True)
        ]
    if verdict == "undo":
        for item in decided[:1]:
            await reviewing.undo(item, None)
            assert (await reviewing.get_case(item)).decision is None
        return
    if not (items := items + decided):
        return
    item = items[n % len(items)]
    told = await reviewing.get_case(item)
    if told.decision is not None and told.decision.same == (verdict == "same"):
        return
    assert (await reviewing.decide(item, verdict, None)).is_bound
    async with pool.acquire() as connection:
        now = await _pathways(connection)
    would = told.previews[verdict]
    assert {(p.id, frozenset(r.id for r in p.refs)) for p in would.after} <= now
    assert would.is_binding == ((await _reason(reviewing, item)) is None)


async def _pathways(connection: asyncpg.Connection) -> set[tuple[object, frozenset[int]]]:
    rows = await connection.fetch(
        "select coalesce(m.pathway, s.anchor_id) as pathway, array_agg(s.id) as refs from subject_ref s"
        " left join membership m on m.ref = s.id and m.valid_until is null group by 1"
    )
    return {(row["pathway"], frozenset(row["refs"])) for row in rows}


async def _reason(reviewing: ReviewService, item: UUID) -> str | None:
    """Why the newest decision about this item is not in force."""
    found = await reviewing.get_case(item)
    assert found.decision is not None
    (said,) = (each for each in found.shared_evidence if each.id == found.decision.id)
    return said.waits
