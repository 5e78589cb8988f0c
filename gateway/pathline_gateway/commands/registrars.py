"""`pathline-gateway registrars`: which organisations may register mandates."""

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
from pathline_gateway.visibility import registrar_repository
from pathline_gateway.visibility.registrar_endpoints import NOT_REGISTERED, RegistrarEntry

app = App(name="registrars")

Data = Annotated[Path | None, Parameter(help="Directory of an embedded gateway, running or not.")]
_PAGE = 500


@app.command
def add(*org: str, data: Data = None) -> None:
    """Lets organisations register mandates. What they gave before counts, too.

    Parameters
    ----------
    org
        Whose mandates count from now on.
    """
    entries = _entries(org)

    async def work(connection: asyncpg.Connection) -> int:
        try:
            async with logged_command(connection, "registrars add", "register") as by:
                added_flags = [await registrar_repository.add(connection, entry.org, by) for entry in entries]
        except asyncpg.ForeignKeyViolationError:
            exit_with_error(NOT_REGISTERED)
        for entry, added in zip(entries, added_flags, strict=True):
            print(f"{entry.org} may register mandates" + ("" if added else ", as before"))
        return 0

    run_on_connection(data, work)


@app.command
def remove(*org: str, data: Data = None) -> None:
    """Lets organisations register mandates no longer. Their mandates are proposals from now on.

    Parameters
    ----------
    org
        Whose mandates count no longer.
    """
    entries = _entries(org)

    async def work(connection: asyncpg.Connection) -> int:
        async with logged_command(connection, "registrars remove", "register"):
            removed_flags = [await registrar_repository.remove(connection, entry.org) for entry in entries]
        for entry, removed in zip(entries, removed_flags, strict=True):
            print(f"{entry.org} may not register mandates" + ("" if removed else ", and could not before"))
        return 0 if all(removed_flags) else 1

    run_on_connection(data, work)


@app.command(name="list")
def list_(*, json: bool = False, data: Data = None) -> None:
    """Lists who may register mandates.

    Parameters
    ----------
    json
        A JSON object a line instead of text.
    """

    async def work(connection: asyncpg.Connection) -> int:
        after = ""
        while page := await registrar_repository.list_registrars(connection, after, _PAGE):
            for each in page:
                print(orjson.dumps(asdict(each)).decode() if json else _line(each))
            after = page[-1].org
        return 0

    run_on_connection(data, work)


def _entries(orgs: tuple[str, ...]) -> list[RegistrarEntry]:
    if not orgs:
        exit_with_error("say which organisation: registrars add ORG…")
    try:
        return [RegistrarEntry(org=each) for each in orgs]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        exit_with_error(f"{first['loc'][0]}: {first['msg']}")


def _line(each: registrar_repository.Registrar) -> str:
    return f"{each.org:<24} {each.entered_by}  {each.entered_at:%Y-%m-%d %H:%M:%S}"
