"""What a reader sees of a pathway, read from the store as it stands at one moment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.auth.reader import Reader
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.pathways import as_of_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.policy import PathwayContext, VisiblePathway, compute_visible
from pathline_gateway.visibility.policy_inputs import load_own_policy_inputs
from pathline_gateway.visibility.policy_repository import load_policy
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
    policy = await load_policy(connection, reader, members.numbers)
    if policy.is_closed:
        refuse_operator(reader)
    pathway = await run_off_loop(len(stored.rows), lambda: assemble(stored.steps(), amendments))
    return PathwayContext(
        policy.refs,
        pathway.steps,
        # Of what is closed a consent may be what cannot be computed; and nobody is permitted anything.
        () if policy.is_closed else policy.consents(),
        policy.bases,
        policy.concealment,
        policy.registrars,
        await visibility_repository.load_received_at(connection, members.numbers)
        if _may_have_several_names(reader, members.refs)
        else {},
        policy.is_closed,
        policy.revisions,
    )


async def load_visible_as_of(
    connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID, at: datetime
) -> VisiblePathway | UUID | None:
    """What an operator sees now of the pathway as it stood then; the id that it was joined into then."""
    members = await as_of_repository.load_members_as_of(connection, pathway, at)
    if not isinstance(members, pathway_repository.PathwayMembers):
        return members
    policy = await load_policy(connection, reader, members.numbers)
    if policy.is_closed:
        refuse_operator(reader)
    steps, amendments = await as_of_repository.load_steps_as_of(connection, members, at)
    pathway_as_of = await run_off_loop(len(steps), lambda: assemble(steps, amendments))
    context = PathwayContext(policy.refs, pathway_as_of.steps, concealment=policy.concealment)
    return await run_off_loop(len(steps), lambda: compute_visible(reader, now, context))


def _may_have_several_names(reader: Reader, refs: Collection[tuple[str, str]]) -> bool:
    if reader.kind == "organisation":
        return sum(org == reader.org for org, _ in refs) > 1
    return len(refs) > 1
