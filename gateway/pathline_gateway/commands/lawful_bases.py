"""`pathline-gateway lawful`: what organisations may be shown without consent."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import asyncpg
from cyclopts import App
from pydantic import ValidationError

from pathline_gateway.commands.actor import logged_command
from pathline_gateway.commands.output import exit_with_error
from pathline_gateway.commands.run_on_database import run_on_connection
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.visibility import lawful_basis_repository
from pathline_gateway.visibility.lawful_basis import LawfulBasis
from pathline_gateway.visibility.lawful_basis_endpoints import LawfulBasisEntry

app = App(name="lawful")

_PAGE = 500


@app.command
def add(
    reader: str,
    *,
    basis: str,
    instrument: str,
    purpose: str,
    noun: list[str],
    holder: list[str] | None = None,
    until: datetime | None = None,
    data: Path | None = None,
) -> None:
    """Enters a basis, and prints its number.

    Parameters
    ----------
    reader
        The organisation that may be shown something.
    basis
        law, serious-threat or mandate.
    instrument
        The law, order or mandate, in the words that the reader must name it by.
    purpose
        The one purpose that it is for.
    noun
        An interaction that may be shown, such as decision; give it once for each.
    holder
        An organisation that may show; everybody when none is given.
    until
        When it ends by itself, with an offset.
    data
        Directory of an embedded gateway, running or not.
    """
    fields = {"reader": reader, "basis": basis, "instrument": instrument, "purpose": purpose, "nouns": noun}
    try:
        entry = LawfulBasisEntry.model_validate(fields | {"holders": holder or [], "until": until})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        exit_with_error(f"{first['loc'][0]}: {first['msg']}")
    values = entry.model_dump() | {"holders": tuple(entry.holders), "nouns": tuple(entry.nouns)}

    async def work(connection: asyncpg.Connection) -> int:
        if not await organisation_repository.known_organisations(connection, {entry.reader}):
            exit_with_error("the organisation is not on the register: enter it first")
        async with logged_command(connection, "lawful add", "register") as by:
            number = await lawful_basis_repository.insert_basis(connection, LawfulBasis(**values), by)
        print(number)
        return 0

    run_on_connection(data, work)


@app.command(name="list")
def list_(*, data: Path | None = None) -> None:
    """Lists what is entered, a line each.

    Parameters
    ----------
    data
        Directory of an embedded gateway, running or not.
    """

    async def work(connection: asyncpg.Connection) -> int:
        after = 0
        while page := await lawful_basis_repository.list_bases(connection, after, _PAGE):
            for each in page:
                print(_line(each))
            after = page[-1].id
        return 0

    run_on_connection(data, work)


def _line(each: lawful_basis_repository.RegisteredBasis) -> str:
    basis = each.basis
    until = "no end" if basis.until is None else f"until {basis.until.isoformat()}"
    holders = ",".join(basis.holders) or "everybody"
    return (
        f"{each.id:>6} {basis.reader:<24} {basis.basis}; instrument={basis.instrument}; for {basis.purpose};"
        f" {','.join(basis.nouns)} of {holders}; {until}"
    )
