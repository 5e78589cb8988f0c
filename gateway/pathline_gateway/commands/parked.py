"""`pathline-gateway parked`: what was refused and why; read again after a fix, or put aside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import asyncpg
import orjson
from cyclopts import App, Parameter

from pathline_gateway.commands.actor import log_command, logged_command
from pathline_gateway.commands.output import exit_with_error
from pathline_gateway.commands.parked_view import printable, render_record
from pathline_gateway.commands.run_on_database import run_on_connection
from pathline_gateway.intake import parked_repository
from pathline_gateway.parked import discard as parked_discard
from pathline_gateway.parked import overview_repository
from pathline_gateway.parked.overview_repository import ParkedFilter
from pathline_gateway.parked.replay import ReplayResult, ReplayRules
from pathline_gateway.parked.replay import replay as replay_one
from pathline_gateway.settings import Settings

app = App(name="parked")

Data = Annotated[Path | None, Parameter(help="Directory of an embedded gateway, running or not.")]
Reason = Annotated[str | None, Parameter(help="Only what is parked for this reason.")]
Org = Annotated[str | None, Parameter(help="Only of this publisher; '' is nobody who could be told.")]

_PAGE = 500


@app.command(name="list")
def list_(
    *,
    reason: Reason = None,
    org: Org = None,
    after: int = 0,
    limit: int = 20,
    json: bool = False,
    data: Data = None,
) -> None:
    """Counts what is parked by publisher and reason, and lists the first records.

    Parameters
    ----------
    after
        Only records after this number of an earlier list.
    limit
        Records to list below the counts.
    json
        One JSON object instead of text.
    """
    record_filter = ParkedFilter(reason, org)

    async def work(connection: asyncpg.Connection) -> int:
        await log_command(connection, "parked list", "parked")
        groups = await overview_repository.groups(connection, record_filter)
        records = await overview_repository.page(connection, record_filter, after, max(0, limit))
        if json:
            document = {"groups": [asdict(g) for g in groups], "records": [asdict(r) for r in records]}
            print(orjson.dumps(document).decode())
        else:
            _print_overview(groups, records)
            if records and len(records) == limit:
                print(f"More may follow: --after {records[-1].id}")
        return 0

    run_on_connection(data, work)


@app.command
def show(id: int, *, data: Data = None) -> None:
    """Shows one record as it came, with what is wrong marked. It may hold what concerns a person."""

    async def work(connection: asyncpg.Connection) -> int:
        record = await parked_repository.read(connection, id)
        if record is None:
            exit_with_error(f"no record was parked under {id}")
        await log_command(connection, "parked show", "parked")
        print("\n".join(render_record(record)))
        return 0

    run_on_connection(data, work)


@app.command
def replay(
    *ids: int,
    reason: Reason = None,
    org: Org = None,
    all: Annotated[bool, Parameter(negative="")] = False,
    data: Data = None,
) -> None:
    """Reads records again, as if they came now, and accepts those that are right. Ends with 1 when some are not.

    Unknown organisations are entered only where PATHLINE_DEV_AUTH is off, as at intake.

    Parameters
    ----------
    all
        Everything that is parked now.
    """
    if sum((bool(ids), reason is not None or org is not None, all)) != 1:
        exit_with_error("say which records: their ids, or --reason and --org, or --all")

    async def work(connection: asyncpg.Connection) -> int:
        by = await log_command(connection, "parked replay", "parked", "done")
        rules = ReplayRules(by, Settings().dev_auth == "off")
        results: list[ReplayResult] = []
        async for id in _selected_ids(connection, ids, ParkedFilter(reason, org)):
            results.append(await replay_one(connection, rules, id))
            if results[-1].outcome != "replayed":
                print(_line(results[-1]))
        outcomes = [each.outcome for each in results]
        replayed, still_parked = outcomes.count("replayed"), outcomes.count("still-parked")
        print(f"{replayed} replayed, {still_parked} still parked, {len(outcomes) - replayed - still_parked} not parked")
        return 0 if replayed == len(outcomes) else 1

    run_on_connection(data, work)


@app.command
def discard(*ids: int, because: str, data: Data = None) -> None:
    """Puts records aside: they count no longer, and their bytes stay.

    Parameters
    ----------
    because
        Why nobody will mend them; it is kept, with who and when.
    """
    if not ids or not because.strip():
        exit_with_error("say which records, and why: discard ID… --because TEXT")

    async def work(connection: asyncpg.Connection) -> int:
        async with logged_command(connection, "parked discard", "parked") as by:
            discarded = await parked_discard.discard(connection, ids, by, because.strip())
        for id in sorted(set(ids) - discarded):
            print(f"{id}  not parked")
        print(f"{len(discarded)} discarded")
        return 0 if len(discarded) == len(set(ids)) else 1

    run_on_connection(data, work)


async def _selected_ids(
    connection: asyncpg.Connection, ids: tuple[int, ...], record_filter: ParkedFilter
) -> AsyncIterator[int]:
    """In the order of their coming, up to what is parked now."""
    for id in sorted(set(ids)):
        yield id
    if ids:
        return
    after, newest = 0, await overview_repository.newest_id(connection)
    while page := await overview_repository.ids(connection, record_filter, after, newest, _PAGE):
        for id in page:
            yield id
        after = page[-1]


def _print_overview(
    groups: list[overview_repository.ParkedGroupRow], records: list[overview_repository.ParkedListItem]
) -> None:
    if not groups:
        print("nothing is parked")
        return
    print(f"{'publisher':<24} {'reason':<24} {'records':>8}  {'oldest':<20} newest")
    for group in groups:
        period = f"{group.oldest:%Y-%m-%d %H:%M:%S}  {group.newest:%Y-%m-%d %H:%M:%S}"
        print(f"{group.org or '–':<24} {group.reason:<24} {group.n:>8}  {period}")
    if records:
        print()
    for record in records:
        field_prefix = f"{record.field}: " if record.field else ""
        size_note = "" if record.kept == "whole" else f" ({record.kept}, {record.size:,} bytes)"
        print(
            f"{record.id}  {record.org or '–'}  {record.reason}  {printable(field_prefix + record.detail)}{size_note}"
        )


def _line(result: ReplayResult) -> str:
    if result.outcome != "still-parked":
        return f"{result.id}  {'not parked any more' if result.outcome == 'settled-before' else 'unknown'}"
    field_prefix = f"{result.field}: " if result.field else ""
    return f"{result.id}  still parked  {result.reason}  {printable(field_prefix + (result.detail or ''))}"
