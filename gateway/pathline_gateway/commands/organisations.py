"""`pathline-gateway organisations`: the register of who may publish."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import asyncpg
import orjson
from cyclopts import App
from pydantic import ValidationError

from pathline_gateway.commands.actor import logged_command
from pathline_gateway.commands.output import exit_with_error
from pathline_gateway.commands.run_on_database import run_on_connection
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.organisations.endpoints import OrganisationEntry, Sector

app = App(name="organisations")

_PAGE = 500


@app.command
def add(
    org: str,
    *,
    name: str | None = None,
    sector: Sector | None = None,
    abn: str | None = None,
    data: Path | None = None,
) -> None:
    """Enters an organisation, or says anew what the register has of it. What is parked for it can then be replayed.

    Parameters
    ----------
    org
        Its code, as it stands in the sources of its events.
    name
        Its name, for people.
    abn
        Its Australian Business Number, eleven digits.
    data
        Directory of an embedded gateway, running or not.
    """
    try:
        entry = OrganisationEntry(org=org, name=name, sector=sector, abn=abn)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        exit_with_error(f"{first['loc'][0]}: {first['msg']}")

    async def work(connection: asyncpg.Connection) -> int:
        async with logged_command(connection, "organisations add", "register"):
            is_new = await organisation_repository.upsert_organisation(connection, **entry.model_dump())
        print(f"{entry.org} is on the register" + ("" if is_new else ", and was before"))
        return 0

    run_on_connection(data, work)


@app.command(name="list")
def list_(*, json: bool = False, data: Path | None = None) -> None:
    """Lists the register.

    Parameters
    ----------
    json
        A JSON object a line instead of text.
    data
        Directory of an embedded gateway, running or not.
    """

    async def work(connection: asyncpg.Connection) -> int:
        after = ""
        while page := await organisation_repository.list_organisations(connection, after, _PAGE):
            for each in page:
                print(orjson.dumps(asdict(each)).decode() if json else _line(each))
            after = page[-1].org
        return 0

    run_on_connection(data, work)


def _line(each: organisation_repository.OrganisationRow) -> str:
    parts = [each.name or "–", each.sector or "–", each.abn or "–", each.registered_by]
    return f"{each.org:<24} " + "  ".join(parts)
