"""Lawful bases, as operators enter them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from pathline_gateway.visibility.lawful_basis import LawfulBasis

BASES_OF: Final = "select reader, basis, instrument, purpose, holders, nouns, until from lawful_basis where reader ="
"""The bases that are entered for an organisation, ended ones too; its code follows. What `basis_from_row` reads."""
_SELECT_OF_READER = f"{BASES_OF} $1 order by id"
_INSERT = """
insert into lawful_basis (reader, basis, instrument, purpose, holders, nouns, until, entered_by)
values ($1, $2, $3, $4, $5, $6, $7, $8) returning id
"""
_LIST = """
select id, entered_by, entered_at, reader, basis, instrument, purpose, holders, nouns, until from lawful_basis
where id > $1 order by id limit $2
"""
_END = "update lawful_basis set until = now() where id = $1 and (until is null or until > now()) returning id"


@dataclass(frozen=True, slots=True)
class RegisteredBasis:
    """A basis, and who entered it when."""

    id: int
    entered_by: str
    entered_at: datetime
    basis: LawfulBasis


async def load_bases(connection: asyncpg.Connection, reader: str) -> list[LawfulBasis]:
    """The bases that are entered for this organisation, ended ones too."""
    return [basis_from_row(row) for row in await connection.fetch(_SELECT_OF_READER, reader)]


async def insert_basis(connection: asyncpg.Connection, basis: LawfulBasis, entered_by: str) -> int:
    """The basis is entered; its number. The reader must be on the register."""
    values = (basis.reader, basis.basis, basis.instrument, basis.purpose, basis.holders, basis.nouns, basis.until)
    return int(await connection.fetchval(_INSERT, *values, entered_by))


async def end_basis(connection: asyncpg.Connection, number: int) -> bool:
    """The basis has ended; whether it had not before."""
    return await connection.fetchval(_END, number) is not None


async def list_bases(connection: asyncpg.Connection, after: int, limit: int) -> list[RegisteredBasis]:
    """The next bases after this number."""
    rows = await connection.fetch(_LIST, after, limit)
    return [RegisteredBasis(r["id"], r["entered_by"], r["entered_at"], basis_from_row(r[3:])) for r in rows]


def basis_from_row(row: Iterable[object]) -> LawfulBasis:
    """A row of `BASES_OF`."""
    reader, basis, instrument, purpose, holders, nouns, until = row
    return LawfulBasis(reader, basis, instrument, purpose, tuple(holders), tuple(nouns), until)  # type: ignore[arg-type]
