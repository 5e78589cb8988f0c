"""What a pull reads does not grow with how many other people there are."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from pathline_gateway.pathways import recent_repository
from pathline_gateway.pathways import repository as pathway_repository
from support.intake.history import Partition, bind_all_evidence, linked, open_log, ref, step

_CROWD = """
with many as (
    insert into subject_ref (org, subject, has_steps)
    select 'east', 'crowd ' || n, true from generate_series(1, 20000) as n returning id)
insert into change_log (ref, batch, kind) select id, 1000, 'interaction' from many
"""


async def pages(connection: asyncpg.Connection, statement: str, *arguments: Any) -> int:
    """How many pages of eight kilobytes Postgres looks at to answer, with the plan that serves all arguments."""
    await connection.execute("set plan_cache_mode = force_generic_plan")
    found = await connection.fetchval(f"explain (analyze, buffers, format json) {statement}", *arguments)
    plan = json.loads(found)[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


@pytest.mark.parametrize("joined", [True, False], ids=["of two refs", "of one ref"])
async def test_a_pull_among_twenty_thousand_reads_a_few_pages(
    database: str, connection: asyncpg.Connection, joined: bool
) -> None:
    await open_log(connection)
    told = [step("east", "1", 1), step("west", "1", 2)]
    await Partition().apply(connection, *told, *([linked("l", ref("east", 1), ref("west", 2))] if joined else []))
    await bind_all_evidence(database)
    await connection.execute(_CROWD)
    await connection.execute("analyze")
    pathway = await connection.fetchval("select anchor_id from subject_ref order by received_at, org, subject limit 1")
    members = await pathway_repository.load_members(connection, pathway)
    assert isinstance(members, pathway_repository.PathwayMembers)
    assert len(members.refs) == 1 + joined
    assert await pages(connection, pathway_repository._MEMBERS, pathway) < 60
    assert await pages(connection, pathway_repository._PATHWAY, pathway, 2_001) < 120
    assert await pages(connection, pathway_repository._AMENDMENTS, members.numbers) < 40


async def test_the_console_s_list_names_organisations_of_refs_joined_and_alone(
    database: str, connection: asyncpg.Connection
) -> None:
    await open_log(connection)
    await Partition().apply(
        connection,
        step("east", "1", 1),
        step("west", "1", 2),
        step("north", "1", 3),
        linked("l", ref("east", 1), ref("west", 2)),
    )
    await bind_all_evidence(database)
    assert [list(each.orgs) for each in await recent_repository.recently_changed(connection, 9)] == [
        ["east", "west"],
        ["north"],
    ]
