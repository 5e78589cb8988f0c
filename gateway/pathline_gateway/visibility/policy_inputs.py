"""Loads the inputs of `policy`: the steps of a pathway that decide who sees what of it.

The caller adds the steps that it asks about. `compute_visible` judges both together, and answers for each of them as it
would among all steps of the pathway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs.deadlines import CONTACT_TYPES
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.pathways import part_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.amendments import Amendment, apply_amendments
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.pathways.part_repository import Identity
from pathline_gateway.pathways.repository import PathwayMembers
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility import lawful_basis_repository, registrar_repository
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.deciding_steps import FirstContact, contacts_to_load, is_deciding, referenced_events
from pathline_gateway.visibility.lawful_basis import LawfulBasis
from pathline_gateway.visibility.policy import PathwayContext, is_own_ref
from pathline_gateway.visibility.policy_repository import load_policy_of_all
from pathline_gateway.visibility.uncomputable_problem import refuse_operator


@dataclass
class PolicyInputs:
    """What decides, of one pathway at one moment; and the steps that the caller added since."""

    connection: asyncpg.Connection
    members: PathwayMembers
    refs: Sequence[StoredRef]
    amendments: Sequence[Amendment]
    consents: Sequence[ConsentEvent]
    concealment: Concealment
    stored: dict[Identity, Step]
    """Steps as they were stored."""
    is_closed: bool = False
    """Something of it is set aside: each is told her own steps alone."""
    requested: set[Identity] = field(default_factory=set)
    _orgs_with_first_received: set[str] = field(default_factory=set)
    _loaded_contacts: set[FirstContact] = field(default_factory=set)

    async def load_events(self, events: Iterable[Identity]) -> bool:
        """These are in it, where they are steps of the pathway, and those that they refer to. Whether any was not."""
        missing = {each for each in events if each not in self.requested}
        if not missing:
            return False
        loaded = await self._load_identified(missing)
        # What a step refers to is told by name where it is seen as well.
        referenced = await run_off_loop(
            len(loaded), lambda: {each for step in self._as_amended(loaded) for each in referenced_events(step)}
        )
        await self._load_identified(referenced)
        return True

    async def _load_identified(self, events: Collection[Identity]) -> list[Step]:
        missing = {each for each in events if each not in self.requested}
        self.requested |= missing
        to_fetch = missing - self.stored.keys()
        if to_fetch:
            self.add_steps((await part_repository.load_steps_by_event(self.connection, self.members, to_fetch)).steps())
        return [self.stored[each] for each in missing if each in self.stored]

    async def load_contacts(self, reader: Reader) -> bool:
        """Contacts at which clocks stop of which this reader is told are in it. Whether any were not."""
        steps = self._as_amended(step for step in self.stored.values() if is_deciding(step))
        missing = contacts_to_load(reader, steps) - self._loaded_contacts
        if not missing:
            return False
        self._loaded_contacts |= missing
        contact_steps = await part_repository.load_first_contacts(self.connection, self.members, missing, CONTACT_TYPES)
        self.add_steps(contact_steps.steps())
        return True

    def add_steps(self, steps: Iterable[Step]) -> None:
        """These steps of the pathway are in it; as they were stored."""
        for step in steps:
            self.stored.setdefault((step.source, step.id), step)

    async def build_context(self, reader: Reader) -> PathwayContext:
        """What `compute_visible` is asked about: what decides, and all that was put into it. Raises Problem."""
        if self.is_closed:
            refuse_operator(reader)
        may_see_others = (
            not self.is_closed and reader.kind == "organisation" and reader.access_purpose.purpose is not None
        )
        needs_registrars = not self.is_closed and Role.HELPER in reader.roles
        received_at = await self._load_received(reader)
        stored = list(self.stored.values())
        pathway = await run_off_loop(len(stored), lambda: assemble(stored, self.amendments))
        return PathwayContext(
            self.refs,
            pathway.steps,
            self.consents if may_see_others else (),
            await self._load_bases(reader) if may_see_others else (),
            self.concealment,
            await registrar_repository.all_registrars(self.connection) if needs_registrars else frozenset(),
            received_at,
            self.is_closed,
        )

    async def _load_bases(self, reader: Reader) -> Sequence[LawfulBasis]:
        if reader.org is None or reader.access_purpose.authority is None:
            return ()
        return await lawful_basis_repository.load_bases(self.connection, reader.org)

    async def _load_received(self, reader: Reader) -> Mapping[Identity, datetime]:
        """When each step came, where the organisation has several refs: the oldest names the pathway."""
        own_refs = [ref.id for ref in self.refs if ref.org == reader.org] if reader.kind == "organisation" else []
        if len(own_refs) < 2 or reader.org is None:
            return {}
        if reader.org not in self._orgs_with_first_received:
            self._orgs_with_first_received.add(reader.org)
            self.add_steps((await part_repository.load_first_received(self.connection, self.members, own_refs)).steps())
        return await part_repository.received_at_of(self.connection, self.stored.keys())

    def _as_amended(self, steps: Iterable[Step]) -> list[Step]:
        return apply_amendments(steps, self.amendments)


async def load_policy_inputs(connection: asyncpg.Connection, pathway: UUID) -> PolicyInputs | UUID | None:
    """That of the pathway with this id; the id that it was joined into; None where there is none.

    Call within a transaction whose statements see one moment.
    """
    members = await pathway_repository.load_members(connection, pathway)
    if not isinstance(members, PathwayMembers):
        return members
    return await load_policy_inputs_of(connection, members)


async def load_own_policy_inputs(connection: asyncpg.Connection, reader: Reader, pathway: UUID) -> PolicyInputs | None:
    """That of the reader's own part of the pathway, as if it were closed; None where she has no part in it.

    Nothing that others published is read. Call within a transaction whose statements see one moment.
    """
    members = await pathway_repository.load_members(connection, pathway)
    if not isinstance(members, PathwayMembers):
        return None
    own_part = members.narrowed(partial(is_own_ref, reader))
    return await load_policy_inputs_of(connection, own_part, is_closed=True) if own_part.refs else None


async def load_policy_inputs_of(
    connection: asyncpg.Connection, members: PathwayMembers, *, is_closed: bool = False
) -> PolicyInputs:
    """That of the pathway with these refs; `is_closed`: whatever is set aside of it."""
    amendments = await pathway_repository.load_amendments(connection, members.numbers) if members.has_amendments else []
    policy = await load_policy_of_all(connection, members.numbers)
    is_closed = is_closed or policy.is_closed
    inputs = PolicyInputs(
        connection,
        members,
        policy.refs,
        amendments,
        # Who sees her own steps alone is permitted nothing, and a consent may be what cannot be computed.
        [] if is_closed else policy.consents(),
        policy.concealment,
        {},
        is_closed,
    )
    inputs.add_steps((await part_repository.load_access_deciding_steps(connection, members)).steps())
    if amendments:
        inputs.add_steps((await part_repository.load_amended_steps(connection, members)).steps())
    return inputs
