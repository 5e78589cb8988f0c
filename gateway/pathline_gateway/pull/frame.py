"""What of a pathway decides who sees what of it, without the rest: few steps, however long the pathway is.

Beside these, the steps that are asked about are put into it; `visible` is asked of both together, and says of each of
them what it says of it among all steps of the pathway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.assemble.amendments import Amendment, amended
from pathline_gateway.assemble.pathway import assemble
from pathline_gateway.assemble.step import Step
from pathline_gateway.handoff.clocks import CONTACTS
from pathline_gateway.identity.binding import Ref
from pathline_gateway.off_loop import off_loop
from pathline_gateway.pull.computing import told_to_operators
from pathline_gateway.store import consents, lawful, pathway_parts, pathways, registrars, sight
from pathline_gateway.store.pathway_parts import Identity
from pathline_gateway.store.pathways import Members
from pathline_gateway.trust.caller import Role
from pathline_gateway.trust.concealment import Concealment
from pathline_gateway.trust.consents import ConsentEvent
from pathline_gateway.trust.deciding import FirstContact, contacts_wanted, decides, named_events
from pathline_gateway.trust.lawful import LawfulBasis
from pathline_gateway.trust.reader import Reader
from pathline_gateway.trust.visible import Known


@dataclass
class Frame:
    """What decides, of one pathway at one moment; and what was put into it since."""

    connection: asyncpg.Connection
    members: Members
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
            self.add((await pathway_parts.identified(self.connection, self.members, wanted)).steps())
        return [self.stored[each] for each in missing if each in self.stored]

    async def put_contacts(self, reader: Reader) -> bool:
        """Contacts at which clocks stop of which this reader is told are in it. Whether any were not."""
        steps = self._as_amended(step for step in self.stored.values() if decides(step))
        wanted = contacts_wanted(reader, steps) - self._met
        if not wanted:
            return False
        self._met |= wanted
        met = await pathway_parts.first_contacts(self.connection, self.members, wanted, CONTACTS)
        self.add(met.steps())
        return True

    def add(self, steps: Iterable[Step]) -> None:
        """These steps of the pathway are in it; as they were stored."""
        for step in steps:
            self.stored.setdefault((step.source, step.id), step)

    async def known(self, reader: Reader) -> Known:
        """What `visible` is asked about: what decides, and all that was put into it. Raises Problem."""
        if self.closed:
            told_to_operators(reader)
        foreign = reader.kind == "organisation" and reader.stated.purpose is not None
        received = await self._received(reader)
        stored = list(self.stored.values())
        pathway = await off_loop(len(stored), lambda: assemble(stored, self.amendments))
        return Known(
            self.refs,
            pathway.steps,
            self.consents if foreign else (),
            await self._bases(reader) if foreign else (),
            self.concealment,
            await registrars.entered(self.connection) if Role.HELPER in reader.roles else frozenset(),
            received,
            self.closed,
        )

    async def _bases(self, reader: Reader) -> Sequence[LawfulBasis]:
        if reader.org is None or reader.stated.authority is None:
            return ()
        return await lawful.of_reader(self.connection, reader.org)

    async def _received(self, reader: Reader) -> Mapping[Identity, datetime]:
        """When each step came, where the organisation has several refs: the oldest names the pathway."""
        own = [ref.id for ref in self.refs if ref.org == reader.org] if reader.kind == "organisation" else []
        if len(own) < 2 or reader.org is None:
            return {}
        if reader.org not in self._firsts:
            self._firsts.add(reader.org)
            self.add((await pathway_parts.first_received(self.connection, self.members, own)).steps())
        return await pathway_parts.received(self.connection, self.stored.keys())

    def _as_amended(self, steps: Iterable[Step]) -> list[Step]:
        return amended(steps, self.amendments)


async def frame_of(connection: asyncpg.Connection, pathway: UUID) -> Frame | UUID | None:
    """That of the pathway with this id; the id that it was joined into; None where there is none.

    Call within a transaction whose statements see one moment.
    """
    members = await pathways.members(connection, pathway)
    if not isinstance(members, Members):
        return members
    return await frame_of_members(connection, members)


async def frame_of_members(connection: asyncpg.Connection, members: Members) -> Frame:
    """That of the pathway with these refs."""
    named = list(members.refs)
    amendments = await pathways.amendments(connection, members.numbers) if members.amended else []
    refs, closed = await sight.refs(connection, members.numbers)
    found = Frame(
        connection,
        members,
        refs,
        amendments,
        await consents.of_refs(connection, named),
        await sight.concealment(connection, named),
        {},
        closed,
    )
    found.add((await pathway_parts.deciding(connection, members)).steps())
    if amendments:
        found.add((await pathway_parts.amended(connection, members)).steps())
    return found
