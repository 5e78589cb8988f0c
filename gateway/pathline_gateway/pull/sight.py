"""What a reader sees of a pathway, read from the store as it stands at one moment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.assemble.pathway import assemble
from pathline_gateway.off_loop import off_loop
from pathline_gateway.pull.computing import told_to_operators
from pathline_gateway.store import consents, lawful, past, pathways, registrars, sight
from pathline_gateway.trust.caller import Role
from pathline_gateway.trust.reader import Reader
from pathline_gateway.trust.visible import Known, Seen, visible


async def seen_of(connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID) -> Seen | None:
    """What she sees of the pathway with this id of the store's own; None where she may not know of it.

    Call within a transaction whose statements see one moment.
    """
    members, stored = await pathways.stored(connection, pathway)
    if not isinstance(members, pathways.Members):
        return None
    return await seen_of_stored(connection, reader, now, members, stored)


async def seen_of_stored(
    connection: asyncpg.Connection,
    reader: Reader,
    now: datetime,
    members: pathways.Members,
    stored: pathways.Stored,
) -> Seen | None:
    """The same, of all steps of a pathway that were read."""
    known = await _known(connection, reader, members, stored)
    return await off_loop(len(known.steps), lambda: visible(reader, now, known))


async def _known(
    connection: asyncpg.Connection, reader: Reader, members: pathways.Members, stored: pathways.Stored
) -> Known:
    amendments = await pathways.amendments(connection, members.numbers) if members.amended else []
    named = list(members.refs)
    foreign = reader.kind == "organisation" and reader.stated.purpose is not None
    bases = reader.org if foreign and reader.stated.authority is not None else None
    refs, closed = await sight.refs(connection, members.numbers)
    if closed:
        told_to_operators(reader)
    pathway = await off_loop(len(stored.rows), lambda: assemble(stored.steps(), amendments))
    return Known(
        refs,
        pathway.steps,
        await consents.of_refs(connection, named) if foreign else [],
        [] if bases is None else await lawful.of_reader(connection, bases),
        await sight.concealment(connection, named),
        await registrars.entered(connection) if Role.HELPER in reader.roles else frozenset(),
        await sight.received(connection, members.numbers) if _may_have_several_names(reader, named) else {},
        closed,
    )


async def seen_then(
    connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID, at: datetime
) -> Seen | UUID | None:
    """What an operator sees now of the pathway as it stood then; the id that it was joined into then."""
    members = await past.members(connection, pathway, at)
    if not isinstance(members, pathways.Members):
        return members
    (refs, closed), named = await sight.refs(connection, members.numbers), list(members.refs)
    if closed:
        told_to_operators(reader)
    received, amendments = await past.received(connection, members, at)
    pathway_then = await off_loop(len(received), lambda: assemble(received, amendments))
    known = Known(refs, pathway_then.steps, concealment=await sight.concealment(connection, named))
    return await off_loop(len(received), lambda: visible(reader, now, known))


def _may_have_several_names(reader: Reader, refs: Collection[tuple[str, str]]) -> bool:
    if reader.kind == "organisation":
        return sum(org == reader.org for org, _ in refs) > 1
    return len(refs) > 1
