"""Random records, spoilt from valid ones: none crashes or stalls intake, and every one is accounted for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from secrets import randbelow

import asyncpg
import pytest

from fuzz.fuzz import fuzzed
from fuzz.mutants import Mutant, mutants
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_persister import BatchPersister
from pathline_gateway.intake.batch_transaction import ApplyTarget
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.intake.record_writer import BatchResult
from support.intake import stored
from support.postgres.databases import Databases

READ = 20_000
STORED = 3_000


@pytest.fixture
def seed() -> int:
    chosen = randbelow(2**32)
    print(f"seed {chosen}")
    return chosen


def test_random_records_are_each_accepted_or_parked(seed: int) -> None:
    outcomes = fuzzed(seed, READ)
    assert outcomes.total() == READ
    assert outcomes["accepted"] > READ / 50, "some were spoilt in nothing that matters"
    # Rarer reasons come up in some runs of so many records, and not in others.
    assert len(outcomes) >= 8, "and others in many ways"


async def test_random_records_are_all_in_postgres_as_they_were_read(postgres: Databases, seed: int) -> None:
    outcomes = Counter[str]()

    async def counted(outcome: BatchResult) -> None:
        outcomes.update(accepted=outcome.accepted + outcome.evidence, duplicates=outcome.duplicates)
        outcomes.update(parked=len(outcome.parked))

    async with asyncpg.create_pool(postgres.dsn, min_size=1, max_size=2) as pool, pool.acquire() as watch:
        epoch = await stored.empty(watch)
        persister = BatchPersister(pool, ApplyTarget("g", True), counted)
        async with asyncio.timeout(120):
            for batch in batches(list(mutants(seed, STORED)), epoch):
                await persister.persist(batch)
        found = await stored.tables(watch)
    assert outcomes.total() == STORED
    assert sum(found["parked"].values()) == outcomes["parked"]
    assert sum(found["identities"].values()) == outcomes["accepted"]
    assert not [reason for *_, reason in found["parked"] if reason == "unstorable"]


def batches(records: list[Mutant], epoch: int) -> Iterator[Batch]:
    """The records of each topic, two hundred at a time."""
    by_topic = sorted(records, key=lambda r: r.topic)
    for topic, of_topic in groupby(by_topic, key=lambda r: r.topic):
        kept = list(of_topic)
        for offset, record in enumerate(kept):
            record.offset = offset
        for start in range(0, len(kept), 200):
            readings = [parse_record(record) for record in kept[start : start + 200]]
            yield Batch({(topic, 0): readings}, {(topic, 0): start}, {(topic, 0): epoch})
