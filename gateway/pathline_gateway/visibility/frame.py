"""The steps of a pathway that decide who sees what of it: few, however long the pathway is.

Beside these, the steps that are asked about are put into it; `visible` is asked of both together, and says of each of
them what it says of it among all steps of the pathway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs.deadlines import CONTACTS
from pathline_gateway.identity.resolution import Ref
from pathline_gateway.off_loop import off_loop
from pathline_gateway.pathways import part_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.amendments import Amendment, amended
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.pathways.part_repository import Identity
from pathline_gateway.pathways.repository import PathwayMembers
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility import consent_repository, lawful_basis_repository, registrar_repository
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.deciding_steps import FirstContact, contacts_wanted, decides, named_events
from pathline_gateway.visibility.lawful_basis import LawfulBasis
from pathline_gateway.visibility.policy import PathwayContext
from pathline_gateway.visibility.uncomputable import told_to_operators


@dataclass
class Frame:
    """What decides, of one pathway at one moment; and what was put into it since."""

    connection: asyncpg.Connection
    members: PathwayMembers
    refs: Sequence[Ref]
    amendments: Sequence[Amendment]
    consents: Sequence[ConsentEvent]
    concealment: Concealment
    stored: dict[Identity, Step]
    """Steps as they were stored."""
    closed: bool = False
    """Something of it is set aside: each is told her own steps alone."""
    looked_for: set[Identity] = field(default_factory=set)
    _firsts: set[str] = field(default_factory=set)
    _met: set[FirstContact] = field(default_factory=set)

    async def put(self, events: Iterable[Identity]) -> bool:
        """These are in it, where they are steps of the pathway, and those that they refer to. Whether any was not."""
        new = {each for each in events if each not in self.looked_for}
        if not new:
            return False
        found = await self._identified(new)
        # What a step refers to is told by name where it is seen as well.
        named = await off_loop(
            len(found), lambda: {each for step in self._as_amended(found) for each in named_events(step)}
        )
        await self._identified(named)
        return True

    async def _identified(self, events: Collection[Identity]) -> list[Step]:
        missing = {each for each in events if each not in self.looked_for}
        self.looked_for |= missing
        wanted = missing - self.stored.keys()
        if wanted:
            self.add((await part_repository.identified(self.connection, self.members, wanted)).steps())
        return [self.stored[each] for each in missing if each in self.stored]

    async def put_contacts(self, reader: Reader) -> bool:
        """Contacts at which clocks stop of which this reader is told are in it. Whether any were not."""
        steps = self._as_amended(step for step in self.stored.values() if decides(step))
        wanted = contacts_wanted(reader, steps) - self._met
        if not wanted:
            return False
        self._met |= wanted
        met = await part_repository.first_contacts(self.connection, self.members, wanted, CONTACTS)
        self.add(met.steps())
        return True

    def add(self, steps: Iterable[Step]) -> None:
        """These steps of the pathway are in it; as they were stored."""
        for step in steps:
            self.stored.setdefault((step.source, step.id), step)

    async def known(self, reader: Reader) -> PathwayContext:
        """What `visible` is asked about: what decides, and all that was put into it. Raises Problem."""
        if self.closed:
            told_to_operators(reader)
        foreign = reader.kind == "organisation" and reader.stated.purpose is not None
        received = await self._received(reader)
        stored = list(self.stored.values())
        pathway = await off_loop(len(stored), lambda: assemble(stored, self.amendments))
        return PathwayContext(
            self.refs,
            pathway.steps,
            self.consents if foreign else (),
            await self._bases(reader) if foreign else (),
            self.concealment,
            await registrar_repository.entered(self.connection) if Role.HELPER in reader.roles else frozenset(),
            received,
            self.closed,
        )

    async def _bases(self, reader: Reader) -> Sequence[LawfulBasis]:
        if reader.org is None or reader.stated.authority is None:
            return ()
        return await lawful_basis_repository.of_reader(self.connection, reader.org)

    async def _received(self, reader: Reader) -> Mapping[Identity, datetime]:
        """When each step came, where the organisation has several refs: the oldest names the pathway."""
        own = [ref.id for ref in self.refs if ref.org == reader.org] if reader.kind == "organisation" else []
        if len(own) < 2 or reader.org is None:
            return {}
        if reader.org not in self._firsts:
            self._firsts.add(reader.org)
            self.add((await part_repository.first_received(self.connection, self.members, own)).steps())
        return await part_repository.received(self.connection, self.stored.keys())

    def _as_amended(self, steps: Iterable[Step]) -> list[Step]:
        return amended(steps, self.amendments)


async def frame_of(connection: asyncpg.Connection, pathway: UUID) -> Frame | UUID | None:
    """That of the pathway with this id; the id that it was joined into; None where there is none.

    Call within a transaction whose statements see one moment.
    """
    members = await pathway_repository.members(connection, pathway)
    if not isinstance(members, PathwayMembers):
        return members
    return await frame_of_members(connection, members)


async def frame_of_members(connection: asyncpg.Connection, members: PathwayMembers) -> Frame:
    """That of the pathway with these refs."""
    named = list(members.refs)
    amendments = await pathway_repository.amendments(connection, members.numbers) if members.amended else []
    refs, closed = await visibility_repository.refs(connection, members.numbers)
    found = Frame(
        connection,
        members,
        refs,
        amendments,
        await consent_repository.of_refs(connection, named),
        await concealment_repository.concealment(connection, named),
        {},
        closed,
    )
    found.add((await part_repository.deciding(connection, members)).steps())
    if amendments:
        found.add((await part_repository.amended(connection, members)).steps())
    return found
