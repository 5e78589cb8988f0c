"""A database of an older version is upgraded: nothing is lost, and the gateway answers as that version did."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from pathline_gateway.integrity.rebuild.run import rebuild
from pathline_gateway.pathways.form_upgrade import FormUpgrade
from pathline_gateway.postgres.migrate import load_migrations, migrate
from pathline_gateway.postgres.partitions import ensure_partitions
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS
from support.brokers.embedded_broker import broker
from support.gateways.in_process import Client, gateway
from support.intake.played import find_faults
from support.postgres.databases import MIGRATED, Databases
from support.repository import ROOT
from support.servers.webhook_receiver import listening

HERE: Final = Path(__file__).parent
ANSWERS: Final[Mapping[str, Any]] = json.loads((HERE / "answers.json").read_text())
NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
"""What both versions take for the present."""
NAMES: Final = ROOT / "docs/operations/schema-names.md"
DROPPED: Final = {"measure_snapshot"}
"""Tables that a later version has no more."""
TOLD_BY_PAYLOADS: Final = {
    ("interaction", name)
    for name in (
        "recordedtime", "service", "activity", "channel", "initiator", "actor", "phase", "participation", "horizon",
        "trace_id", "span_id",
    )
}  # fmt: skip
"""Columns that a later version has no more: the payload says the same."""
LEDGER: Final = "migration"
PROGRESS: Final = "dispatch_progress"
"""Since dispatch is done in shards it has a row for each."""

_TABLES = """
select c.relname as name from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1
"""
_SCHEMA = """
select 'column' as kind, c.oid::regclass::text as of, a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || ' ' || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || a.attidentity::text as what
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
union all
select 'constraint', conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
where connamespace = 'public'::regnamespace and not conrelid::regclass::text ~ '_[0-9]{4}(_[0-9]{2})?$'
union all
select 'index', indrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index
where not indrelid::regclass::text ~ '_[0-9]{4}(_[0-9]{2})?$' and indrelid::regclass::text not like 'pg_%'
union all
select 'sequence', '', relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S'
union all
select 'view', c.oid::regclass::text, pg_get_viewdef(c.oid) from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
union all
select 'function', '', pg_get_functiondef(p.oid) from pg_proc p where p.pronamespace = 'public'::regnamespace
union all
select 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
"""

Rows = Mapping[str, Counter[str]]
"""The rows of each table, as JSON with sorted names."""


def renamed_tables() -> Mapping[str, str]:
    """New names of tables by old ones, as the documentation has them."""
    return dict(re.findall(r"^\| `(\w+)` \| \| `(\w+)` \|$", NAMES.read_text(), re.MULTILINE))


def renamed_columns() -> Mapping[tuple[str, str], str]:
    """New names of columns by old table and old name."""
    rows = re.findall(r"^\| (`[^|]+`) \| `(\w+)` \| `(\w+)` \|$", NAMES.read_text(), re.MULTILINE)
    return {(table, column): now for tables, column, now in rows for table in re.findall(r"\w+", tables)}


def restored_sql() -> str:
    """The dump without what only psql understands."""
    text = gzip.decompress((HERE / "dump.sql.gz").read_bytes()).decode()
    return "\n".join(line for line in text.split("\n") if not line.startswith("\\"))


async def table_names(connection: asyncpg.Connection) -> list[str]:
    return [row["name"] for row in await connection.fetch(_TABLES)]


async def rows_of(connection: asyncpg.Connection, table: str) -> list[dict[str, Any]]:
    return [json.loads(row[0]) for row in await connection.fetch(f"select to_jsonb(t) from {table} t")]


def counted(rows: Sequence[Mapping[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(row, sort_keys=True) for row in rows)


@pytest.fixture
async def old(postgres: Databases) -> str:
    """A database as the older version left it: its address."""
    address = await postgres.copied("template0", f"upgrade_{secrets.token_hex(6)}")
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(restored_sql())
    finally:
        await connection.close()
    return address


@pytest.fixture
async def connection(old: str) -> AsyncIterator[asyncpg.Connection]:
    connected = await asyncpg.connect(old)
    yield connected
    await connected.close()


async def upgrade(connection: asyncpg.Connection) -> None:
    """As `pathline-gateway migrate` does."""
    await migrate(connection)
    await ensure_partitions(connection)


async def kept_before(connection: asyncpg.Connection) -> Mapping[str, list[dict[str, Any]]]:
    """Every row, by the new name of its table, under the new names of its columns."""
    tables, columns = renamed_tables(), renamed_columns()
    return {
        tables.get(table, table): [
            {
                columns.get((table, name), name): value
                for name, value in row.items()
                if (table, name) not in TOLD_BY_PAYLOADS
            }
            for row in await rows_of(connection, table)
        ]
        for table in await table_names(connection)
        if table not in {*DROPPED, LEDGER, PROGRESS}
    }


async def lost(connection: asyncpg.Connection, before: Mapping[str, list[dict[str, Any]]]) -> dict[str, Counter[str]]:
    """Rows that are no more, or are others; by table."""
    missing = {}
    for table, rows in before.items():
        names = rows[0].keys() if rows else ()
        now = counted([{name: row[name] for name in names} for row in await rows_of(connection, table)])
        if now != counted(rows):
            missing[table] = counted(rows) - now
    return missing


async def test_nothing_is_lost_and_every_name_is_in_the_documentation(connection: asyncpg.Connection) -> None:
    before = await kept_before(connection)
    filled = {table for table, rows in before.items() if rows}
    (progress,) = await rows_of(connection, PROGRESS)
    assert filled >= {
        "subject_ref", "interaction", "evidence", "event_identity", "amendment", "membership", "link_evidence",
        "handoff_link", "organisation", "linker", "concealed_service", "lawful_basis", "parked", "consumer_position",
        "log_checkpoint", "subscription", "delivery", "subscription_last_poll", "replay", "webhook_sink",
        "webhook_retry", "webhook_secret", "handoff", "change_log", "row_counters", "instance_secret",
    }  # fmt: skip
    await upgrade(connection)
    assert await lost(connection, before) == {}
    passed = {row["shard"]: row["change_seq"] for row in await rows_of(connection, PROGRESS)}
    assert passed == dict.fromkeys(ALL_SHARDS, progress["seq"])
    now = {
        (table, name)
        for table in (*await table_names(connection), "delivery")  # a view since deliveries are kept in batches
        for name in (await rows_of(connection, table) or [{}])[0]
    }
    assert {(table, name) for table, rows in before.items() for row in rows[:1] for name in row} <= now


_LOSSES: Final = (
    "delete from webhook_retry where number = 51",
    "update subscription set last_number = 93 where last_number = 94",
    "update subscription_last_poll set polled_through = 9",
    "update replay set scanned_through = 0",
    "delete from concealed_service",
    "update parked set reason = 'another' where id = 1",
    "update membership set valid_until = now() where ref = 1",
    "update consumer_position set next_offset = 0 where partition = 0",
)


@pytest.mark.parametrize("statement", _LOSSES)
async def test_what_is_lost_is_found(connection: asyncpg.Connection, statement: str) -> None:
    before = await kept_before(connection)
    await upgrade(connection)
    await connection.execute(statement)
    assert await lost(connection, before) != {}


async def test_an_upgraded_schema_is_that_of_a_new_database(
    connection: asyncpg.Connection, postgres: Databases
) -> None:
    new = await asyncpg.connect(await postgres.copy_of(MIGRATED))
    await upgrade(connection)
    try:
        assert {tuple(row) for row in await connection.fetch(_SCHEMA)} == {
            tuple(row) for row in await new.fetch(_SCHEMA)
        }
    finally:
        await new.close()


async def test_migrating_twice_changes_nothing(connection: asyncpg.Connection) -> None:
    restored = [row["name"] for row in await connection.fetch("select name from migration")]
    assert restored + await migrate(connection) == [each.name for each in load_migrations()]
    await ensure_partitions(connection)
    before = {table: counted(await rows_of(connection, table)) for table in await table_names(connection)}
    schema = await connection.fetch(_SCHEMA)
    assert await migrate(connection) == []
    await ensure_partitions(connection)
    assert {table: counted(await rows_of(connection, table)) for table in await table_names(connection)} == before
    assert await connection.fetch(_SCHEMA) == schema


async def test_what_is_derived_is_as_this_version_derives_it(connection: asyncpg.Connection) -> None:
    await upgrade(connection)
    assert await find_faults(connection) == {}
    assert {each.projection: each.differing_count for each in await rebuild(connection, dry_run=True)} == {
        "stepped": 0, "amendments": 0, "membership": 0, "handoffs": 0, "totals": 0,
    }  # fmt: skip


@pytest.mark.parametrize("turns", [0, 1, None], ids=["before", "in the middle", "after"])
async def test_pulls_are_the_same_whatever_is_rendered(
    old: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: int | None
) -> None:
    watch = await asyncpg.connect(old)
    await upgrade(watch)
    monkeypatch.setattr(FormUpgrade, "run_paced", _nothing_to_do)
    async with asyncpg.create_pool(old, min_size=1, max_size=1) as pool:
        form_upgrade = FormUpgrade(pool, pages_a_turn=1)
        if turns is None:
            while await form_upgrade.run_once():
                pass
        else:
            for _ in range(turns):
                assert await form_upgrade.run_once()
    count = await watch.fetchrow(_FORMS)
    assert (count["earlier"] > 0, count["rendered"] > 0) == (turns is not None, turns != 0)
    await _lease_the_sink(watch)
    with broker(tmp_path) as kafka:
        async with gateway(kafka, old, now=NOW) as client:
            await _settle(client, watch)
            await _check_answers(client)
    assert await find_faults(watch) == {}
    await watch.close()


async def test_a_step_that_cannot_be_rendered_is_set_aside_and_all_others_are_rendered(
    connection: asyncpg.Connection, old: str
) -> None:
    await upgrade(connection)
    id = await connection.fetchval("select id from interaction order by id limit 1")
    sound = await connection.fetchval("select payload from interaction where id = $1", id)
    await connection.execute("update interaction set payload = 'no json' where id = $1", id)
    async with asyncpg.create_pool(old, min_size=1, max_size=1) as pool:
        form_upgrade = FormUpgrade(pool)
        while await form_upgrade.run_once():
            pass
        assert [row["id"] for row in await connection.fetch("select id from interaction where kind is null")] == [id]
        assert await connection.fetchval("select count(*) from set_aside where work = 'stored-form'") == 1
        await connection.execute("update interaction set payload = $2 where id = $1", id, sound)
        await connection.execute("update set_aside set retry_at = now()")
        await form_upgrade.run_once()
    assert await connection.fetchval("select count(*) from interaction where kind is null") == 0
    assert await connection.fetchval("select count(*) from set_aside") == 0


async def test_new_years_begin_where_the_last_month_ended(connection: asyncpg.Connection) -> None:
    months = await connection.fetch("select distinct tableoid from interaction")
    await upgrade(connection)
    bounds = await connection.fetch(_BOUNDS)
    assert len(bounds) == len(months) + 2
    assert all(later["begins"] >= each["ends"] for each, later in pairwise(bounds))
    assert bounds[-2]["ends"] == bounds[-1]["begins"]


async def _nothing_to_do(_: FormUpgrade) -> bool:
    return False


_FORMS = """
select count(*) filter (where kind is null) as earlier, count(kind) as rendered from interaction
"""
_BOUNDS = r"""
select (regexp_match(bound, 'FROM \(''([^'']+)'))[1]::timestamptz as begins,
    (regexp_match(bound, 'TO \(''([^'']+)'))[1]::timestamptz as ends
from (
    select pg_get_expr(c.relpartbound, c.oid) as bound
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'interaction'::regclass
) p
order by 1
"""


async def test_a_gateway_answers_as_the_older_version_did(old: str, tmp_path: Path) -> None:
    watch = await asyncpg.connect(old)
    await upgrade(watch)
    await _lease_the_sink(watch)  # it is posted to below, once what it stood at was compared
    with broker(tmp_path) as kafka:
        async with gateway(kafka, old, now=NOW) as client:
            await _settle(client, watch)
            await _check_answers(client)
            await _check_webhook(client, watch)
    assert await find_faults(watch) == {}
    await watch.close()


async def _lease_the_sink(watch: asyncpg.Connection) -> None:
    """As if another process had it."""
    await watch.execute("update webhook_sink set leased_by = gen_random_uuid(), lease_until = 'infinity'")


async def _settle(client: Client, watch: asyncpg.Connection) -> None:
    """Every background work has looked at what the older version left."""
    while await watch.fetchval("select count(*) from handoff_side_pending"):
        await asyncio.sleep(0.05)
    await client.settled()


_ASKED_LATER: Final = {
    "pulled": {"delivered": 0, "waiting": 94, "last_asked": "2026-11-30T05:51:12.233362Z"},
}
"""What the older version had been asked and had tried between its answers and the dump."""


def _without_traces(page: dict[str, Any]) -> dict[str, Any]:
    return page | {"events": [{**each, "traceparent": None} for each in page["events"]]}


async def _check_answers(client: Client) -> None:
    status = await client.get("/v1/status")
    assert {name: status[name] for name in ANSWERS["status"]} == ANSWERS["status"]
    for name, said in ANSWERS["subscriptions"].items():
        expected = said["status"] | _ASKED_LATER.get(name, {})
        assert await client.get(f"/v1/subscriptions/{said['id']}/status") == expected, name
    for id, pathway in ANSWERS["pathways"].items():
        # A version is made of revisions now: all but that is as it was.
        served = await client.get(f"/v1/pathways/{id}")
        assert served | {"version": pathway["version"]} == pathway
    pulled = ANSWERS["subscriptions"]["pulled"]["id"]
    events = await client.get(f"/v1/subscriptions/{pulled}/events", limit=1000)
    # Each tells the trace of its delivery now, and no longer that of the call that published it.
    assert _without_traces(events) == _without_traces(ANSWERS["events"])
    assert await client.get("/v1/identity/review") == ANSWERS["review"]
    parked = (await client.get("/v1/parked"))["records"]
    # This version says more of each: how much of it is kept.
    told = ANSWERS["parked"]["records"]
    assert [{name: now[name] for name in was} for now, was in zip(parked, told, strict=True)] == told


_WAITING = """
select s.source, d.id from webhook_retry r
join delivery d on d.subscription = r.subscription and d.number = r.number
join source s on s.id = d.source order by r.number
"""


async def _check_webhook(client: Client, watch: asyncpg.Connection) -> None:
    """What waited for a sink is posted to it: each event once, signed with the secret of before."""
    waiting = [tuple(row) for row in await watch.fetch(_WAITING)]
    secret = await watch.fetchval("select secret from webhook_secret")
    id = ANSWERS["subscriptions"]["posted"]["id"]
    assert len(waiting) == ANSWERS["subscriptions"]["posted"]["status"]["waiting"]
    async with listening() as sink:
        await watch.execute("update webhook_sink set leased_by = null, lease_until = 'epoch', url = $1", sink.url)
        await client.http.post(f"/v1/subscriptions/{id}/resume")
        await sink.until(lambda _: len(sink.took) >= len(waiting), 60)
        while (status := await client.get(f"/v1/subscriptions/{id}/status"))["waiting"]:
            await asyncio.sleep(0.05)
    assert (status["state"], status["delivered"], status["failures"]) == ("active", 94, 0)
    assert Counter((each.event["source"], each.event["id"]) for each in sink.took) == Counter(waiting)
    for each in sink.took:
        each.verify(secret)
