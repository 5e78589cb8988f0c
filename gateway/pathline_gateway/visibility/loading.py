"""What a reader sees of a pathway, read from the store as it stands at one moment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.pathways import as_of_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.visibility import consent_repository, lawful_basis_repository, registrar_repository
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.policy import PathwayContext, VisiblePathway, compute_visible
from pathline_gateway.visibility.policy_inputs import load_own_policy_inputs
from pathline_gateway.visibility.uncomputable_problem import refuse_operator


async def load_visible(
    connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID
) -> VisiblePathway | None:
    """What she sees of the pathway with this id of the store's own; None where she may not know of it.

    Call within a transaction whose statements see one moment.
    """
    members, stored = await pathway_repository.load_pathway(connection, pathway)
    if not isinstance(members, pathway_repository.PathwayMembers):
        return None
    context = await load_context(connection, reader, members, stored)
    return await run_off_loop(len(context.steps), lambda: compute_visible(reader, now, context))


async def load_own_visible(
    connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID
) -> VisiblePathway | None:
    """By what she knows the pathway herself, as if it were closed: none of its steps but those that decide."""
    inputs = await load_own_policy_inputs(connection, reader, pathway)
    return None if inputs is None else compute_visible(reader, now, await inputs.build_context(reader))


async def load_context(
    connection: asyncpg.Connection,
    reader: Reader,
    members: pathway_repository.PathwayMembers,
    stored: pathway_repository.StoredPathway,
) -> PathwayContext:
    """All by which it is decided what she sees of a pathway whose steps were read."""
    amendments = await pathway_repository.load_amendments(connection, members.numbers) if members.has_amendments else []
    ref_keys = list(members.refs)
    may_see_others = reader.kind == "organisation" and reader.access_purpose.purpose is not None
    basis_reader = reader.org if may_see_others and reader.access_purpose.authority is not None else None
    refs, is_closed = await visibility_repository.load_refs(connection, members.numbers)
    if is_closed:
        refuse_operator(reader)
    pathway = await run_off_loop(len(stored.rows), lambda: assemble(stored.steps(), amendments))
    return PathwayContext(
        refs,
        pathway.steps,
        await consent_repository.load_consent_events(connection, ref_keys) if may_see_others else [],
        [] if basis_reader is None else await lawful_basis_repository.load_bases(connection, basis_reader),
        await concealment_repository.load_concealment(connection, ref_keys),
        await registrar_repository.all_registrars(connection) if Role.HELPER in reader.roles else frozenset(),
        await visibility_repository.load_received_at(connection, members.numbers)
        if _may_have_several_names(reader, ref_keys)
        else {},
        is_closed,
    )


async def load_visible_as_of(
    connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID, at: datetime
) -> VisiblePathway | UUID | None:
    """What an operator sees now of the pathway as it stood then; the id that it was joined into then."""
    members = await as_of_repository.load_members_as_of(connection, pathway, at)
    if not isinstance(members, pathway_repository.PathwayMembers):
        return members
    (refs, is_closed), ref_keys = await visibility_repository.load_refs(connection, members.numbers), list(members.refs)
    if is_closed:
        refuse_operator(reader)
    steps, amendments = await as_of_repository.load_steps_as_of(connection, members, at)
    pathway_as_of = await run_off_loop(len(steps), lambda: assemble(steps, amendments))
    context = PathwayContext(
        refs, pathway_as_of.steps, concealment=await concealment_repository.load_concealment(connection, ref_keys)
    )
    return await run_off_loop(len(steps), lambda: compute_visible(reader, now, context))


def _may_have_several_names(reader: Reader, refs: Collection[tuple[str, str]]) -> bool:
    if reader.kind == "organisation":
        return sum(org == reader.org for org, _ in refs) > 1
    return len(refs) > 1
