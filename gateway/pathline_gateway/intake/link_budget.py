"""What each organisation may say of who is who: links beyond it are parked as they came, and can be replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from pathline.vocabulary import IdentityDistinguished, IdentityLinked
from pathline_gateway.identity import link_component_repository, proposal_repository
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.identity.link_components import Components
from pathline_gateway.identity.links.rights import Rights
from pathline_gateway.intake import dedup_repository
from pathline_gateway.intake.record import Accepted
from pathline_gateway.intake.row_mapping import named_refs
from pathline_gateway.limits.table import Limits
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways.subject_repository import Key

REASONS: Final[Mapping[str, str]] = {
    "component-refs": "links connect more records than one person has: retract those that are wrong, then replay",
    "component-links": "your links connect more records than one person has: retract those that are wrong, then replay",
    "proposals": "too many of your links wait for a reviewer today: replay it tomorrow, or ask to be entered as linker",
}
"""By the limit that is in the way, which is the reason for which it is parked, too."""


@dataclass
class LinkBudget:
    """Of one transaction: `admit`, and once refs have numbers `write`."""

    connection: asyncpg.Connection
    limits: Limits
    anyone: bool
    """Auth is off."""
    _stored: link_component_repository.StoredLinkComponents | None = None
    _links: list[Accepted] = field(default_factory=list)
    _proposed: list[Accepted] = field(default_factory=list)

    async def admit(self, accepted: Collection[Accepted]) -> dict[int, str]:
        """Those of these (by `id`) that go past a limit, and past which. What is known already goes past none.

        Whatever else has the name (source, id) of a link that goes past one goes the same way: the first of them is
        stored, or none.
        """
        said = [a for a in accepted if isinstance(a.payload, IdentityLinked | IdentityDistinguished)]
        if not said:
            return {}
        await link_component_repository.lock(self.connection)
        known = await dedup_repository.known_digests(self.connection, [a.identity for a in said])
        first = {a.identity: a for a in reversed([*accepted])}
        new = [a for a in said if first[a.identity] is a and a.identity not in known]
        rights = Rights(self.anyone, await organisation_repository.linkers(self.connection, {a.ref[0] for a in new}))
        proposed = {id(a) for a in new if self._standing(rights, a) is EvidenceRank.PROPOSED}
        full = await self._too_many_proposals([a for a in new if id(a) in proposed])
        # What a reviewer decided is looked at by somebody already.
        links = [
            a
            for a in new
            if isinstance(a.payload, IdentityLinked)
            and self._standing(rights, a) not in (EvidenceRank.PROPOSED, EvidenceRank.DECISION)
        ]
        full |= await self._too_large(links)
        if not full:
            return full
        names = {a.identity: full[id(a)] for a in new if id(a) in full}
        return {id(a): names[a.identity] for a in accepted if a.identity in names}

    async def write(self, inserted: Iterable[Accepted], numbers: Mapping[Key, int]) -> None:
        """Of what was admitted, these are stored, and count from now on. Others came first to the names of the rest."""
        if not self._links and not self._proposed:
            return
        stored = set(map(id, inserted))
        if said := Counter(a.ref[0] for a in self._proposed if id(a) in stored):
            await proposal_repository.add(self.connection, said)
        if self._stored is None:
            return
        components = Components(self._stored.of, self._stored.each)
        for a in self._links:
            if id(a) in stored:
                self._link(components, a)
        for each in components.changed():
            new = [numbers[key] for key in each.new]
            await link_component_repository.write(self.connection, each.stored, new, each.said)

    @staticmethod
    def _standing(rights: Rights, a: Accepted) -> EvidenceRank:
        kind = "same" if isinstance(a.payload, IdentityLinked) else "different"
        return rights.standing(a.identity[0], kind, [org for org, _ in named_refs(a.payload)])

    async def _too_many_proposals(self, proposed: Collection[Accepted]) -> dict[int, str]:
        if not proposed:
            return {}
        before, full = Counter(await proposal_repository.today(self.connection, {a.ref[0] for a in proposed})), {}
        for a in proposed:
            if before[a.ref[0]] >= self.limits.proposals:
                full[id(a)] = "proposals"
            else:
                before[a.ref[0]] += 1
                self._proposed.append(a)
        return full

    async def _too_large(self, links: Collection[Accepted]) -> dict[int, str]:
        if not links:
            return {}
        refs = {key for a in links for key in named_refs(a.payload)}
        self._stored = await link_component_repository.read(self.connection, refs)
        components = Components(self._stored.of, self._stored.each)
        full: dict[int, str] = {}
        for a in links:
            if (why := self._link(components, a)) is not None:
                full[id(a)] = why
            else:
                self._links.append(a)
        return full

    def _link(self, components: Components[Key], a: Accepted) -> str | None:
        one, other = named_refs(a.payload)
        return components.link(a.ref[0], one, other, self.limits.component_refs, self.limits.component_links)
