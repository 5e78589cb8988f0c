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

DETAILS: Final[Mapping[str, str]] = {
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
    auth_disabled: bool
    """Auth is off."""
    _stored_components: link_component_repository.StoredLinkComponents | None = None
    _admitted_links: list[Accepted] = field(default_factory=list)
    _admitted_proposals: list[Accepted] = field(default_factory=list)

    async def admit(self, accepted: Collection[Accepted]) -> dict[int, str]:
        """Those of these (by `id`) that go past a limit, and past which. What is known already goes past none.

        Other events with the name (source, id) of a link past the limit go the same way. Either the first of them is
        stored, or none.
        """
        link_events = [a for a in accepted if isinstance(a.payload, IdentityLinked | IdentityDistinguished)]
        if not link_events:
            return {}
        await link_component_repository.lock(self.connection)
        known = await dedup_repository.known_digests(self.connection, [a.identity for a in link_events])
        first = {a.identity: a for a in reversed([*accepted])}
        new = [a for a in link_events if first[a.identity] is a and a.identity not in known]
        rights = Rights(
            self.auth_disabled, await organisation_repository.linkers(self.connection, {a.ref[0] for a in new})
        )
        proposal_ids = {id(a) for a in new if self._rank(rights, a) is EvidenceRank.PROPOSED}
        over_limit = await self._check_proposals([a for a in new if id(a) in proposal_ids])
        # What a reviewer decided is looked at by somebody already.
        links = [
            a
            for a in new
            if isinstance(a.payload, IdentityLinked)
            and self._rank(rights, a) not in (EvidenceRank.PROPOSED, EvidenceRank.DECISION)
        ]
        over_limit |= await self._check_components(links)
        if not over_limit:
            return over_limit
        names = {a.identity: over_limit[id(a)] for a in new if id(a) in over_limit}
        return {id(a): names[a.identity] for a in accepted if a.identity in names}

    async def write(self, inserted_events: Iterable[Accepted], numbers: Mapping[Key, int]) -> None:
        """Of what was admitted, these are stored, and count from now on. Others came first to the names of the rest."""
        if not self._admitted_links and not self._admitted_proposals:
            return
        stored_ids = set(map(id, inserted_events))
        if proposals_by_org := Counter(a.ref[0] for a in self._admitted_proposals if id(a) in stored_ids):
            await proposal_repository.add_proposals(self.connection, proposals_by_org)
        if self._stored_components is None:
            return
        components = Components(self._stored_components.component_by_ref, self._stored_components.sizes)
        for a in self._admitted_links:
            if id(a) in stored_ids:
                self._link(components, a)
        for each in components.with_new_links():
            new = [numbers[key] for key in each.new_refs]
            await link_component_repository.merge_components(self.connection, each.stored_numbers, new, each.new_links)

    @staticmethod
    def _rank(rights: Rights, a: Accepted) -> EvidenceRank:
        kind = "same" if isinstance(a.payload, IdentityLinked) else "different"
        return rights.rank_of(a.identity[0], kind, [org for org, _ in named_refs(a.payload)])

    async def _check_proposals(self, proposals: Collection[Accepted]) -> dict[int, str]:
        if not proposals:
            return {}
        proposals_today, over_limit = (
            Counter(await proposal_repository.proposal_counts_today(self.connection, {a.ref[0] for a in proposals})),
            {},
        )
        for a in proposals:
            if proposals_today[a.ref[0]] >= self.limits.proposals:
                over_limit[id(a)] = "proposals"
            else:
                proposals_today[a.ref[0]] += 1
                self._admitted_proposals.append(a)
        return over_limit

    async def _check_components(self, links: Collection[Accepted]) -> dict[int, str]:
        if not links:
            return {}
        refs = {key for a in links for key in named_refs(a.payload)}
        self._stored_components = await link_component_repository.load_components(self.connection, refs)
        components = Components(self._stored_components.component_by_ref, self._stored_components.sizes)
        over_limit: dict[int, str] = {}
        for a in links:
            if (reason := self._link(components, a)) is not None:
                over_limit[id(a)] = reason
            else:
                self._admitted_links.append(a)
        return over_limit

    def _link(self, components: Components[Key], a: Accepted) -> str | None:
        left, right = named_refs(a.payload)
        return components.add_link(a.ref[0], left, right, self.limits.component_refs, self.limits.component_links)
