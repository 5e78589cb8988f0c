"""What a reader sees of a pathway, read from the store as it stands at one moment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.off_loop import off_loop
from pathline_gateway.pathways import as_of_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.visibility import consent_repository, lawful_basis_repository, registrar_repository
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.policy import PathwayContext, VisiblePathway, visible
from pathline_gateway.visibility.uncomputable import told_to_operators


async def seen_of(
    connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID
) -> VisiblePathway | None:
    """What she sees of the pathway with this id of the store's own; None where she may not know of it.

    Call within a transaction whose statements see one moment.
    """
    members, stored = await pathway_repository.stored(connection, pathway)
    if not isinstance(members, pathway_repository.PathwayMembers):
        return None
    return await seen_of_stored(connection, reader, now, members, stored)


async def seen_of_stored(
    connection: asyncpg.Connection,
    reader: Reader,
    now: datetime,
    members: pathway_repository.PathwayMembers,
    stored: pathway_repository.StoredPathway,
) -> VisiblePathway | None:
    """The same, of all steps of a pathway that were read."""
    known = await _known(connection, reader, members, stored)
    return await off_loop(len(known.steps), lambda: visible(reader, now, known))


async def _known(
    connection: asyncpg.Connection,
    reader: Reader,
    members: pathway_repository.PathwayMembers,
    stored: pathway_repository.StoredPathway,
) -> PathwayContext:
    amendments = await pathway_repository.amendments(connection, members.numbers) if members.amended else []
    named = list(members.refs)
    foreign = reader.kind == "organisation" and reader.stated.purpose is not None
    bases = reader.org if foreign and reader.stated.authority is not None else None
    refs, closed = await visibility_repository.refs(connection, members.numbers)
    if closed:
        told_to_operators(reader)
    pathway = await off_loop(len(stored.rows), lambda: assemble(stored.steps(), amendments))
    return PathwayContext(
        refs,
        pathway.steps,
        await consent_repository.of_refs(connection, named) if foreign else [],
        [] if bases is None else await lawful_basis_repository.of_reader(connection, bases),
        await concealment_repository.concealment(connection, named),
        await registrar_repository.entered(connection) if Role.HELPER in reader.roles else frozenset(),
        await visibility_repository.received(connection, members.numbers)
        if _may_have_several_names(reader, named)
        else {},
        closed,
    )


async def seen_then(
    connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID, at: datetime
) -> VisiblePathway | UUID | None:
    """What an operator sees now of the pathway as it stood then; the id that it was joined into then."""
    members = await as_of_repository.members(connection, pathway, at)
    if not isinstance(members, pathway_repository.PathwayMembers):
        return members
    (refs, closed), named = await visibility_repository.refs(connection, members.numbers), list(members.refs)
    if closed:
        told_to_operators(reader)
    received, amendments = await as_of_repository.received(connection, members, at)
    pathway_then = await off_loop(len(received), lambda: assemble(received, amendments))
    known = PathwayContext(
        refs, pathway_then.steps, concealment=await concealment_repository.concealment(connection, named)
    )
    return await off_loop(len(received), lambda: visible(reader, now, known))


def _may_have_several_names(reader: Reader, refs: Collection[tuple[str, str]]) -> bool:
    if reader.kind == "organisation":
        return sum(org == reader.org for org, _ in refs) > 1
    return len(refs) > 1
