"""The same on Postgres: two processes take in, a third binds, connections die at any await, and much comes twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import asyncpg
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from gateway.identity.batch_recompute import recompute_pathways
from gateway.identity.statements import HANDOFFS, ORGS, REFS, START, STEPS, Identity, Statement, statements
from pathline.cloudevent import CloudEvent
from pathline.codec import kafka
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.identity.membership_writer import MembershipWriter
from pathline_gateway.identity.resolution import LIMITS
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import ApplyTarget, apply_batch
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.integrity.verify.check import Check
from pathline_gateway.integrity.verify.handoff_rows import HandoffRows
from pathline_gateway.kafka.offset_repository import Partition
from pathline_gateway.pathways.repository import find_pathway
from pathline_gateway.postgres.pool import RegistryConnection
from pathline_gateway.pull.pathway_reader import PathwayReading
from pathline_gateway.pull.pathway_reader import read_pathway as pulled
from support.examples import examples
from support.intake import stored
from support.intake.crashes import Crashed, Steered, connected, gone
from support.intake.deliveries import ConsumedRecord, subject
from support.postgres.databases import Databases

INTO = ApplyTarget("gateway", register_unknown=False)
PARTITIONS: tuple[Partition, ...] = (("pathline.in.door-1", 0), ("pathline.in.door-1", 1))
LINKER = "clinic"
"""It may link everybody; the others may link their own."""


def record(partition: Partition, offset: int, said: Statement) -> ConsumedRecord:
    """What was said, as it lies in the log."""
    data: dict[str, Any]
    time = said.time
    match said.kind:
        case "void" | "correct":
            verb, time = ("interaction.voided", "interaction.corrected")[said.kind == "correct"], START
            data = {"source": said.target[0], "id": said.target[1], "reason": "other"}
            if said.kind == "correct":
                data["replacement"] = {"time": said.time.isoformat(), "data": said.data(said.anew)}
        case "same" | "different":
            time = START + timedelta(minutes=said.minute)
            verb = {"same": "identity.linked", "different": "identity.distinguished"}[said.kind]
            data = {said.kind: [{"org": REFS[n][0], "subject": subject(*REFS[n])} for n in (said.one, said.other)]}
            data |= {"method": "record-key", "confidence": said.confidence} if said.kind == "same" else {}
        case "retract":
            verb, data = "identity.retracted", {"evidence": {"source": said.target[0], "id": said.target[1]}}
        case "step":
            verb, data = "contact.made", said.data("step")
        case _:
            verb, data = f"handoff.{said.kind}", said.data(said.kind)
    attributes = {
        "specversion": "1.0",
        "id": said.id,
        "source": said.source,
        "type": f"org.pathline.{verb}.v1",
        "subject": subject(*REFS[said.one]),
        "time": time.isoformat(),
    }
    headers, value = kafka.encode(CloudEvent(attributes, json.dumps(data).encode()))
    return ConsumedRecord(*partition, offset, tuple(headers), value)


def weighed(said: Statement) -> Statement:
    """With the publisher and the standing that it has where callers are told apart."""
    if said.kind not in ("same", "different"):
        return said
    if said.org != "pathline" and said.standing is EvidenceRank.CITIZEN:
        said = replace(said, org="citizen")
    own = [REFS[n][0] == said.org for n in (said.one, said.other)]
    if said.org == LINKER or all(own):
        others = EvidenceRank.OWN if said.kind == "same" and all(own) else EvidenceRank.LINKER
    else:
        others = EvidenceRank.ONE_SIDE if said.kind == "different" and any(own) else EvidenceRank.PROPOSED
    return replace(
        said, standing={"pathline": EvidenceRank.DECISION, "citizen": EvidenceRank.CITIZEN}.get(said.org, others)
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Statement]:
    """Some events, each with a name of its own; often a hand-off and who shows its token among them."""
    told = [draw(statements(id=str(n))) for n in range(draw(st.integers(2, 9)))]
    if draw(st.booleans()):
        offer = replace(
            draw(statements(id="offer")), kind="offered", org="clinic", one=0, other=2, handoff=HANDOFFS[0], day=False
        )
        told.append(replace(offer, minute=0))
        for n in range(draw(st.integers(1, 2))):
            shown = draw(statements(id=f"shown-{n}"))
            told.append(
                replace(shown, kind="accepted", org="shelter", one=2 + n, handoff=HANDOFFS[0], token=offer.token)
            )
    made = [weighed(s) for s in told]
    return [s for s in made if s.kind not in ("same", "different") or s.one != s.other]


@asynccontextmanager
async def one_connection(postgres: Databases, watch: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """A process's connection; when it is left, whatever it was doing is over."""
    connection = await asyncpg.connect(postgres.dsn, connection_class=RegistryConnection)
    backend = connection.get_server_pid()
    try:
        yield connection
    finally:
        connection.terminate()
        await gone(watch, backend)


class OnePool:
    """A pool of one connection."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection]:
        yield self.connection


LOST = (Crashed, asyncpg.InterfaceError, asyncpg.PostgresError, OSError)


async def taken_in(postgres: Databases, batches: Sequence[Batch], deaths: Sequence[int]) -> None:
    """One process takes these in, and dies as often as is said, each time at another await."""
    left = list(deaths)
    async with connected(postgres) as watch:
        for each in batches:
            while True:
                async with one_connection(postgres, watch) as connection:
                    at = left.pop() if left else None
                    with suppress(*(() if at is None else LOST)):
                        await Steered(apply_batch(connection, INTO, each), at, connection.terminate)
                        break


async def bound(postgres: Databases, deaths: Sequence[int], done: asyncio.Event) -> None:
    """One process binds what it sees, dies as often as is said, and ends when all is taken in and bound."""
    left = list(deaths)
    async with connected(postgres) as watch:
        while True:
            last = done.is_set()
            async with one_connection(postgres, watch) as connection:
                at = left.pop() if left else None
                with suppress(*(() if at is None else LOST)):
                    writer = MembershipWriter(OnePool(connection))
                    if not await Steered(writer.bind_batch(), at, connection.terminate) and last:
                        return
            await asyncio.sleep(0)


async def kept(postgres: Databases, deaths: Sequence[int], done: asyncio.Event) -> None:
    """One process keeps hand-offs up to date, dies as often as is said, and ends when all is taken in and bound."""
    left = list(deaths)
    async with connected(postgres) as watch:
        while True:
            async with one_connection(postgres, watch) as connection:
                if await _kept_until_it_dies(connection, left, done):
                    return


async def _kept_until_it_dies(connection: asyncpg.Connection, deaths: list[int], done: asyncio.Event) -> bool:
    """Whether all was done."""
    while True:
        last = done.is_set()
        at = deaths.pop() if deaths else None
        try:
            work = project_next_batch(OnePool(connection))
            if not await Steered(work, at, connection.terminate) and last:
                return True
        except LOST:
            if at is None:
                raise
            return False
        await asyncio.sleep(0.001)


async def handoffs_as_pulled(connection: asyncpg.Connection) -> Check:
    """Every hand-off as it is kept was held against the pathways of everybody."""
    check = Check("clocks")
    async with connection.transaction(isolation="repeatable_read"):
        compared = await HandoffRows.start(connection, check)
        assert not compared.pending
        for row in await connection.fetch(
            "select distinct coalesce(m.pathway, s.anchor_id) from subject_ref s"
            " left join membership m on m.ref = s.id and m.valid_until is null"
        ):
            reading = await pulled(connection, row[0], START)
            assert isinstance(reading, PathwayReading)
            await compared.compare(reading)
        await compared.check_strays()
    return check


def batches(deliveries: Sequence[tuple[int, Statement]], cuts: Collection[int], epoch: int) -> list[list[Batch]]:
    """What each partition's consumer is handed."""
    made: list[list[Batch]] = []
    for number, partition in enumerate(PARTITIONS):
        mine = [parse_record(record(partition, n, s)) for n, s in enumerate(s for p, s in deliveries if p == number)]
        edges = [0, *sorted(c for c in set(cuts) if 0 < c < len(mine)), len(mine)]
        pairs = [(a, b) for a, b in pairwise(edges) if a < b]
        made.append([Batch({partition: mine[a:b]}, {partition: a}, {partition: epoch}) for a, b in pairs])
    return made


async def served(connection: asyncpg.Connection) -> dict[frozenset[int], list[Identity]]:
    """Everybody of whom anything is known, and the steps that a pull shows, in order."""
    found: dict[frozenset[int], list[Identity]] = {}
    by_pathway: dict[Any, set[int]] = {}
    for n, ref in enumerate(REFS):
        if (pathway := await find_pathway(connection, ref[0], subject(*ref))) is not None:
            by_pathway.setdefault(pathway, set()).add(n)
    for pathway, person in by_pathway.items():
        reading = await pulled(connection, pathway, START)
        assert isinstance(reading, PathwayReading)
        assert {REFS.index((org, n)) for org, n in _people(reading)} == person
        found[frozenset(person)] = [(s.source, s.id) for s in reading.assembled.steps]
    return found


def _people(reading: PathwayReading) -> set[tuple[str, int]]:
    known = {(org, subject(org, n)): (org, n) for org, n in REFS}
    return {known[ref] for ref in reading.members.refs}


@given(histories(), st.data())
@examples(
    200,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
async def test_whatever_is_said_is_served_as_a_batch_recompute_finds(
    postgres: Databases, told: list[Statement], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(told), max_size=3)) if told else []
    order = data.draw(st.permutations([*told, *again]))
    deliveries = [(data.draw(st.integers(0, 1)), said) for said in order]
    cuts = data.draw(st.sets(st.integers(1, 8), max_size=2))
    deaths = [data.draw(st.lists(st.integers(0, 40), max_size=2)) for _ in range(4)]
    async with connected(postgres) as watch:
        epoch = await stored.empty(watch)
        names = [*ORGS, "citizen", "pathline"]
        await watch.execute(
            "insert into organisation (org, registered_by) select unnest($1::text[]), 'operator'", names
        )
        await watch.execute(
            "insert into linker (org, of_org, entered_by) select $1, unnest($2::text[]), 'test'", LINKER, list(ORGS)
        )
        done, is_bound = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as going:
            going.create_task(kept(postgres, deaths[3], is_bound))
            binder = going.create_task(bound(postgres, deaths[2], done))
            takers = [taken_in(postgres, mine, deaths[n]) for n, mine in enumerate(batches(deliveries, cuts, epoch))]
            await asyncio.gather(*takers)
            done.set()
            await binder
            is_bound.set()
        assert (await handoffs_as_pulled(watch)).differing_count == 0
        found = await served(watch)
        expected = recompute_pathways(told, LIMITS)
        known = frozenset(n for person in found for n in person)
        assert {person & known: steps for person, steps in expected.items() if person & known} == found
        assert not await watch.fetchval("select count(*) from parked")
        assert all(not steps for person, steps in expected.items() if not person & known)
        assert {s.identity for s in told if s.kind in STEPS} >= {i for steps in found.values() for i in steps}
