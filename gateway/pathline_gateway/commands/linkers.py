"""`pathline-gateway linkers`: which organisation may say who is who at which others."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import asyncpg
import orjson
from cyclopts import App, Parameter
from pydantic import ValidationError

from pathline_gateway.commands.actor import logged_command
from pathline_gateway.commands.output import exit_with_error
from pathline_gateway.commands.run_on_database import run_on_connection
from pathline_gateway.identity.links import linker_repository
from pathline_gateway.identity.links.linker_endpoints import NOT_REGISTERED, LinkerEntry

app = App(name="linkers")

Data = Annotated[Path | None, Parameter(help="Directory of an embedded gateway, running or not.")]
_PAGE = 500


@app.command
def add(org: str, *of: str, data: Data = None) -> None:
    """Lets an organisation link the subjects of others. A link binds when it may link both sides.

    It holds for links that come from now on.

    Parameters
    ----------
    org
        The organisation that links.
    of
        The organisations whose subjects it may link.
    """
    entries = _entries(org, of)

    async def work(connection: asyncpg.Connection) -> int:
        try:
            async with logged_command(connection, "linkers add", "register") as by:
                added_flags = [await linker_repository.add(connection, entry.org, entry.of, by) for entry in entries]
        except asyncpg.ForeignKeyViolationError:
            exit_with_error(NOT_REGISTERED)
        for entry, added in zip(entries, added_flags, strict=True):
            print(f"{entry.org} may link subjects of {entry.of}" + ("" if added else ", as before"))
        return 0

    run_on_connection(data, work)


@app.command
def remove(org: str, *of: str, data: Data = None) -> None:
    """Lets an organisation link no longer. What it linked stays until it is retracted or decided.

    Parameters
    ----------
    org
        The organisation that links.
    of
        The organisations whose subjects it may link no longer.
    """
    entries = _entries(org, of)

    async def work(connection: asyncpg.Connection) -> int:
        async with logged_command(connection, "linkers remove", "register"):
            removed_flags = [await linker_repository.remove(connection, entry.org, entry.of) for entry in entries]
        for entry, removed in zip(entries, removed_flags, strict=True):
            print(f"{entry.org} may not link subjects of {entry.of}" + ("" if removed else ", and could not before"))
        return 0 if all(removed_flags) else 1

    run_on_connection(data, work)


@app.command(name="list")
def list_(*, org: str | None = None, json: bool = False, data: Data = None) -> None:
    """Lists who may link whom.

    Parameters
    ----------
    org
        Only where this organisation links or is linked.
    json
        A JSON object a line instead of text.
    """

    async def work(connection: asyncpg.Connection) -> int:
        after = ("", "")
        while page := await linker_repository.list_linkers(connection, after, org, _PAGE):
            for each in page:
                print(orjson.dumps(asdict(each)).decode() if json else _line(each))
            after = page[-1].org, page[-1].of_org
        return 0

    run_on_connection(data, work)


def _entries(org: str, of: tuple[str, ...]) -> list[LinkerEntry]:
    if not of:
        exit_with_error("say whose subjects: linkers add ORG OF…")
    try:
        return [LinkerEntry(org=org, of=each) for each in of]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        exit_with_error(f"{first['loc'][0]}: {first['msg']}")


def _line(each: linker_repository.Linker) -> str:
    return f"{each.org:<24} {each.of_org:<24} {each.entered_by}  {each.entered_at:%Y-%m-%d %H:%M:%S}"
