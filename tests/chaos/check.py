"""Whether Postgres holds exactly what was acknowledged: read with SQL of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime

import asyncpg

from chaos.publisher import History, Identity, Order
from pathline_gateway.pull.pathway_reader import PathwayReading, read_pathway

STEPS = """
select s.source, i.id, r.org, r.subject from interaction i
join source s on s.id = i.source join subject_ref r on r.id = i.ref
"""
EVIDENCE = "select s.source, e.id from evidence e join source s on s.id = e.source"
IDENTITIES = "select s.source, e.id from event_identity e join source s on s.id = e.source"
COUNTED = """
select count(*) from interaction i where not exists (
    select from amendment v where v.kind = 'voided' and v.target_source = i.source and v.target_id = i.id)
"""
STEPPED = """
select count(distinct i.ref) from interaction i where not exists (
    select from amendment v where v.kind = 'voided' and v.target_source = i.source and v.target_id = i.id)
"""
UNSAID = """
select count(*) from interaction i where not exists (select from change_log c where c.ref = i.ref and c.batch = i.batch)
"""
UNRESOLVED = """
select count(*) from amendment a join event_identity e on e.source = a.target_source and e.id = a.target_id
where a.target_ref is distinct from e.ref
"""


async def faults(database: str, history: History) -> list[str]:
    """What is wrong, in words; nothing when all is well."""
    connection = await asyncpg.connect(database)
    try:
        return [*await _events(connection, history), *await _totals(connection), *await _orders(connection, history)]
    finally:
        await connection.close()


async def _events(connection: asyncpg.Connection, history: History) -> list[str]:
    rows = await connection.fetch(STEPS)
    steps = Counter((r["source"], r["id"]) for r in rows)
    evidence = Counter((r["source"], r["id"]) for r in await connection.fetch(EVIDENCE))
    identities = Counter((r["source"], r["id"]) for r in await connection.fetch(IDENTITIES))
    stored = steps + evidence
    wrong_ref = sum((r["org"], r["subject"]) != history.steps[r["source"], r["id"]][:2] for r in rows)
    parked = await connection.fetch('select topic, partition, "offset", reason from parked')
    at = Counter((r["topic"], r["partition"], r["offset"]) for r in parked)
    extra = at.keys() - history.bad
    return _said(
        {
            "acknowledged events missing": len(history.acknowledged - stored.keys()),
            "events twice": sum(n > 1 for n in stored.values()),
            "events nobody sent": len(stored.keys() - history.steps.keys() - history.voids.keys()),
            "identities that differ from what is stored": len(identities.keys() ^ stored.keys()),
            "steps under another subject": wrong_ref,
            "acknowledged bad records not parked": len(history.bad - at.keys()),
            "records parked twice": sum(n > 1 for n in at.values()),
            "good records parked": max(0, len(extra) - history.unsure_bad),
            "records parked for another reason": sum(r["reason"] != "malformed" for r in parked),
        }
    )


async def _totals(connection: asyncpg.Connection) -> list[str]:
    tally = dict(await connection.fetch("select name, value from row_counters"))
    true = {
        "interactions": await connection.fetchval(COUNTED),
        "stepped": await connection.fetchval(STEPPED),
        "subjects": await connection.fetchval("select count(*) from subject_ref"),
        "parked": await connection.fetchval("select count(*) from parked"),
    }
    off = {f"off in the total of {name}": abs(tally[name] - n) for name, n in true.items()}
    return _said(
        off
        | {
            "interactions that the change log does not tell of": await connection.fetchval(UNSAID),
            "voids that did not find their target": await connection.fetchval(UNRESOLVED),
            "logs that were taken for another": await connection.fetchval("select count(*) - 1 from log_epoch"),
            "ranges of records that were taken for expired": await connection.fetchval(
                "select count(*) from expired_records"
            ),
        }
    )


async def _orders(connection: asyncpg.Connection, history: History) -> list[str]:
    """Every pathway is in order: time, source, sequence, id; without what was voided."""
    stored = {(r["source"], r["id"]) for r in await connection.fetch(IDENTITIES)}
    voided = {target for void, target in history.voids.items() if void in stored}
    foretold: defaultdict[tuple[str, str], list[tuple[Order, Identity]]] = defaultdict(list)
    for identity, (org, subject, order) in history.steps.items():
        if identity in stored and identity not in voided:
            foretold[org, subject].append((order, identity))
    wrong = 0
    for row in await connection.fetch("select anchor_id, org, subject from subject_ref"):
        reading = await read_pathway(connection, row["anchor_id"], datetime.now(UTC))
        assert isinstance(reading, PathwayReading)
        found = reading.assembled
        wanted = [identity for _, identity in sorted(foretold[row["org"], row["subject"]])]
        wrong += [(s.source, s.id) for s in found.steps] != wanted
    return _said({"pathways with other steps, or in another order": wrong})


def _said(counts: dict[str, int]) -> list[str]:
    return [f"{n} {what}" for what, n in counts.items() if n]
