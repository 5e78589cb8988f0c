"""`pathline-gateway set-aside`: what background works could not compute, and another try after a mending."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import asyncpg
import orjson
from cyclopts import App, Parameter

from pathline_gateway.background.works import WORKS
from pathline_gateway.commands.actor import log_command, logged_command
from pathline_gateway.commands.output import exit_with_error
from pathline_gateway.commands.parked_view import printable
from pathline_gateway.commands.run_on_database import run_on_connection
from pathline_gateway.set_aside import repository
from pathline_gateway.set_aside.repository import SetAside

app = App(name="set-aside")

Data = Annotated[Path | None, Parameter(help="Directory of an embedded gateway, running or not.")]
Work = Annotated[str | None, Parameter(help="Only of this work, as /v1/status names it.")]


@app.command(name="list")
def list_(*, work: Work = None, limit: int = 20, json: bool = False, data: Data = None) -> None:
    """Counts what is set aside by work, and lists the first.

    Parameters
    ----------
    limit
        Items to list below the counts.
    json
        One JSON object instead of text.
    """
    _require_known_work(work)

    async def run(connection: asyncpg.Connection) -> int:
        await log_command(connection, "set-aside list", "set-aside")
        counts = [each for each in await repository.counts(connection) if work in (None, each.work)]
        items = await repository.page(connection, work, 0, max(0, limit))
        if json:
            document = {"works": [each._asdict() for each in counts], "items": [_without_key(each) for each in items]}
            print(orjson.dumps(document).decode())
            return 0
        if not counts:
            print("nothing is set aside")
        for each in counts:
            print(f"{each.work:<24} {each.records:>8}  since {each.since:%Y-%m-%d %H:%M:%S}  {each.reason}")
        for item in items:
            print(f"{item.id}  {item.work}  {item.kind}  {item.reason}  tried {item.attempts} times")
        return 0

    run_on_connection(data, run)


@app.command
def show(id: int, *, data: Data = None) -> None:
    """Shows one, with what it is of: that may be a publisher's word for a hand-off."""

    async def run(connection: asyncpg.Connection) -> int:
        await log_command(connection, "set-aside show", "set-aside")
        item = await repository.find(connection, id)
        if item is None:
            exit_with_error(f"nothing is set aside under {id}")
        print(f"set aside {item.id}, by {item.work}: {WORKS[item.work].title}")
        print(f"  what       {item.kind} {printable(item.key)}")
        print(f"  reason     {item.reason}")
        print(f"  since      {item.first_seen}")
        print(f"  tried      {item.attempts} times, last at {item.last_tried} by version {item.version}")
        print(f"  next try   {item.retry_at}")
        print(f"  closes     {item.refs} subjects: each organisation sees its own steps of their pathways, nobody more")
        print(f"  meanwhile  {WORKS[item.work].impact}")
        return 0

    run_on_connection(data, run)


@app.command
def retry(
    *ids: int, work: Work = None, all: Annotated[bool, Parameter(negative="")] = False, data: Data = None
) -> None:
    """Has it tried again, by the gateway that runs, within a second; or by the next that starts.

    Parameters
    ----------
    all
        Everything that is set aside.
    """
    _require_known_work(work)
    if sum((bool(ids), work is not None, all)) != 1:
        exit_with_error("say what: ids, or --work, or --all")

    async def run(connection: asyncpg.Connection) -> int:
        async with logged_command(connection, "set-aside retry", "set-aside"):
            n = await repository.make_due(connection, work, sorted(set(ids)) or None)
        print(f"{n} to be tried again: `pathline-gateway set-aside list` says what failed again")
        return 0 if n or not ids else 1

    run_on_connection(data, run)


def _require_known_work(work: str | None) -> None:
    if work is not None and work not in WORKS:
        exit_with_error(f"no such work: say one of {', '.join(WORKS)}")


def _without_key(item: SetAside) -> dict[str, object]:
    return {name: value for name, value in item._asdict().items() if name != "key"}
