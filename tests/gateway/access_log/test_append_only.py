"""Whoever writes the logs cannot change them: tried as the role that the gateway has in production."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit

import asyncpg
import pytest

from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log.access import RETENTION, build_access
from pathline_gateway.access_log.request_row import set_actor
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.purpose import NO_PURPOSE
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.embedded import Machine
from pathline_gateway.identity.links import linker_repository
from pathline_gateway.organisations import change_repository
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.postgres.instance_secrets import load_instance_secret
from pathline_gateway.postgres.migrate import MayNotMigrate, SchemaIsNewer, load_migrations, migrate
from pathline_gateway.postgres.partitions import ensure_partitions
from pathline_gateway.visibility import lawful_basis_repository
from pathline_gateway.visibility.lawful_basis import LawfulBasis
from support.intake.history import Partition, open_log, ref, step
from support.postgres.fresh_database import drop_database
from support.repository import ROOT

# Roles belong to the whole server, so one worker makes them.
pytestmark = pytest.mark.group("roles")

CONCEALED = ((None, None), ("nights", None), (None, ref("refuge", 1)["subject"]))
"""Services and subjects of an organisation that conceals."""

ROLES = (ROOT / "deploy" / "postgres-roles.sql").read_text()
ROW = build_access(Caller(frozenset((Role.OPERATOR,)), actor_id="somebody"), NO_PURPOSE, "search", "shown")
WRITTEN_AT = {"access": "accessed_at", "register_change": "at"}
LOGS = tuple(WRITTEN_AT)


def as_role(address: str, role: str) -> str:
    return urlsplit(address)._replace(netloc=f"{role}@").geturl()


@pytest.fixture
async def owner(database: str) -> AsyncIterator[asyncpg.Connection]:
    """The role that owns the schema, once the file of roles was run twice."""
    root = await asyncpg.connect(database)
    await root.execute(ROLES)
    await root.execute(ROLES)
    await root.close()
    connected = await asyncpg.connect(as_role(database, "pathline_owner"))
    yield connected
    await connected.close()


@pytest.fixture
async def gateway(owner: asyncpg.Connection, database: str) -> AsyncIterator[asyncpg.Connection]:
    """The gateway's own role, and a row in each log."""
    connected = await asyncpg.connect(as_role(database, "pathline_gateway"))
    await access_log_repository.write(connected, ROW)
    await organisation_repository.upsert_organisation(connected, "refuge", None, None, None, {})
    yield connected
    await connected.close()


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize(
    "statement",
    [
        "update {0} set {1} = now()",
        "delete from {}",
        "truncate {}",
        "drop trigger append_only on {}",
        "drop trigger append_only_whole on {}",
        "alter table {} disable trigger all",
        "alter table {} rename to other",
        "drop table {}",
        "create trigger mine before insert on {} for each row execute function refuse_change_of_log()",
        "create or replace function refuse_change_of_log() returns trigger language sql as 'select null'",
        "alter function refuse_change_of_log() rename to other",
        "set session_replication_role = replica",
        "insert into {0} select * from {0} on conflict (id) do update set {1} = now()",
        "merge into {0} t using {0} s on t.id = s.id when matched then delete",
        "create rule gone as on insert to {} do instead nothing",
    ],
)
async def test_the_gateways_own_role_cannot_change_a_log(gateway: asyncpg.Connection, log: str, statement: str) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.GeneratedAlwaysError)):
        await gateway.execute(statement.format(log, WRITTEN_AT[log]))
    assert await gateway.fetchval(f"select count(*) from {log}") == 1


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("statement", ["update {0} set {1} = now()", "delete from {}", "truncate {}"])
async def test_the_owner_does_not_change_a_log_by_mistake_either(
    gateway: asyncpg.Connection, owner: asyncpg.Connection, log: str, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="can only be added to"):
        await owner.execute(statement.format(log, WRITTEN_AT[log]))
    assert await gateway.fetchval(f"select count(*) from {log}") == 1


async def test_only_what_is_older_than_the_log_is_kept_is_forgotten(gateway: asyncpg.Connection) -> None:
    await gateway.execute(
        "insert into access (accessed_at, kind, roles, refs, action, outcome)"
        " select now() - n, 'operator', '{}', '{}', 'x', 'shown' from unnest($1::interval[]) as n",
        [RETENTION - timedelta(hours=1), RETENTION + timedelta(hours=1), RETENTION * 2],
    )
    await access_log_repository.delete_expired(gateway)
    assert await gateway.fetchval("select count(*) from access") == 2
    oldest = await gateway.fetchval("select now() - min(accessed_at) from access")
    assert oldest < RETENTION


async def test_the_gateways_own_role_can_do_its_work(gateway: asyncpg.Connection) -> None:
    assert await migrate(gateway) == []
    await ensure_partitions(gateway)
    assert len(await load_instance_secret(gateway, "identifiers")) == 32
    await open_log(gateway)
    await Partition().apply(gateway, step("refuge", "s1", 1), step("refuge", "s2", 1))
    assert await gateway.fetchval("select count(*) from interaction") == 2
    await gateway.execute("analyze interaction")
    await gateway.execute("select make_interaction_partition(2031)")
    assert await gateway.fetchval("select count(*) from interaction_2031") == 0


async def test_a_role_that_may_not_migrate_says_who_may(machine: Machine) -> None:
    root = await asyncpg.connect(machine.database)
    await root.execute("create database unmigrated")
    address = urlsplit(machine.database)._replace(path="/unmigrated").geturl()
    try:
        inside = await asyncpg.connect(address)
        await inside.execute(ROLES)
        await inside.close()
        gateway = await asyncpg.connect(as_role(address, "pathline_gateway"))
        with pytest.raises(MayNotMigrate, match="as the owner"):
            await migrate(gateway)
        owner = await asyncpg.connect(as_role(address, "pathline_owner"))
        assert await migrate(owner) == [each.name for each in load_migrations()]
        assert await migrate(gateway) == []
        # Before the file of roles is run again, the new tables are as they must be.
        await access_log_repository.write(gateway, ROW)
        for statement in ("update access set accessed_at = now()", "delete from register_change"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await gateway.execute(statement)
        await gateway.close()
        await owner.close()
    finally:
        await drop_database(machine, address)
        await root.close()


async def test_a_database_of_a_later_version_is_refused(connection: asyncpg.Connection) -> None:
    await connection.execute("insert into migration (name, sha256) values ('9999_later.sql', 'x')")
    with pytest.raises(SchemaIsNewer, match="9999_later"):
        await migrate(connection)
    await connection.execute("delete from migration where name like '9999%'")
    assert await migrate(connection) == []


async def test_nothing_is_entered_changed_or_deleted_without_a_trace(connection: asyncpg.Connection) -> None:
    await organisation_repository.add_organisations(connection, ["met"])
    async with connection.transaction():
        await set_actor(connection, "operator:ann")
        for org in ("refuge", "clinic"):
            await organisation_repository.upsert_organisation(connection, org, None, None, None, {})
        await organisation_repository.upsert_organisation(connection, "clinic", "The clinic", None, None, {})
        await linker_repository.add(connection, "clinic", "refuge", "operator:ann")
        number = await lawful_basis_repository.insert_basis(connection, BASIS, "operator:ann")
        for service, hers in CONCEALED:
            await concealment_repository.conceal(connection, "refuge", service, hers, "operator:ann")
    async with connection.transaction():
        await set_actor(connection, "operator:bob")
        await linker_repository.remove(connection, "clinic", "refuge")
        await lawful_basis_repository.end_basis(connection, number)
        for service, hers in CONCEALED:
            await concealment_repository.request_lift(connection, "refuge", service, hers, "operator:bob")
            await concealment_repository.lift(connection, "refuge", service, hers)
    await connection.execute("delete from lawful_basis")
    found = await change_repository.list_changes(connection, 0, 1000)
    told = [(each.changed_by.partition(":")[2], each.register, each.change) for each in found]
    assert told == [
        *[("ann", "organisation", "insert")] * 2,
        ("ann", "organisation", "update"),
        ("ann", "linker", "insert"),
        ("ann", "lawful_basis", "insert"),
        ("ann", "organisation", "update"),
        ("ann", "concealed_service", "insert"),
        ("ann", "concealed_ref", "insert"),
        ("bob", "linker", "delete"),
        ("bob", "lawful_basis", "update"),
        *[
            ("bob", register, change)
            for register, last in (
                ("organisation", "update"),
                ("concealed_service", "delete"),
                ("concealed_ref", "delete"),
            )
            for register, change in (("concealment_lift", "insert"), ("concealment_lift", "delete"), (register, last))
        ],
        (found[-1].changed_by.partition(":")[2], "lawful_basis", "delete"),
    ]
    assert found[-1].changed_by.startswith("sql:")
    assert "v1." not in repr(found)


async def test_every_register_has_its_history(connection: asyncpg.Connection) -> None:
    """A further table that an operator enters something in cannot be forgotten: it says who entered it."""
    entered = await connection.fetch(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'entered_by'"
        " where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace"
    )
    recorded = await connection.fetch(
        "select distinct t.tgrelid::regclass::text as name from pg_trigger t"
        " join pg_proc p on p.oid = t.tgfoid where p.proname = 'record_register_change'"
    )
    assert {row["relname"] for row in entered} <= {row["name"] for row in recorded}


_LIFTED = (("organisation", "update"), ("concealed_service", "delete"), ("concealed_ref", "delete"))
BASIS = LawfulBasis("clinic", "law", "An Act", "care", (), ("contact",), None)
