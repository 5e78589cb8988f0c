"""What each organisation may say of who is who: links beyond it are parked as they came, and can be replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from pathline.vocabulary import IdentityDistinguished, IdentityLinked
from pathline_gateway.identity.components import Components
from pathline_gateway.identity.evidence import Standing
from pathline_gateway.identity.rights import Rights
from pathline_gateway.intake.record import Accepted
from pathline_gateway.intake.rows import named_refs
from pathline_gateway.limits.table import Limits
from pathline_gateway.store import identities, link_components, proposals, register
from pathline_gateway.store.refs import Key

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
    _components: Components[Key] | None = None
    _proposed: Counter[str] = field(default_factory=Counter)

    async def admit(self, accepted: Iterable[Accepted]) -> dict[int, str]:
        """Those of these (by `id`) that go past a limit, and past which. What is known already goes past none."""
        said = [a for a in accepted if isinstance(a.payload, IdentityLinked | IdentityDistinguished)]
        if not said:
            return {}
        await link_components.lock(self.connection)
        known = await identities.known_digests(self.connection, [a.identity for a in said])
        first = {a.identity: a for a in reversed(said) if a.identity not in known}
        new = [a for a in said if first.get(a.identity) is a]
        rights = Rights(self.anyone, await register.linkers(self.connection, {a.ref[0] for a in new}))
        proposed = {id(a) for a in new if self._standing(rights, a) is Standing.PROPOSED}
        full = await self._too_many_proposals([a for a in new if id(a) in proposed])
        # What a reviewer decided is looked at by somebody already.
        links = [
            a
            for a in new
            if isinstance(a.payload, IdentityLinked)
            and self._standing(rights, a) not in (Standing.PROPOSED, Standing.DECISION)
        ]
        return full | await self._too_large(links)

    async def write(self, numbers: Mapping[Key, int]) -> None:
        """What was admitted counts from now on."""
        if self._proposed:
            await proposals.add(self.connection, self._proposed)
        for each in self._components.changed() if self._components is not None else ():
            new = [numbers[key] for key in each.new]
            await link_components.write(self.connection, each.stored, new, each.said)

    @staticmethod
    def _standing(rights: Rights, a: Accepted) -> Standing:
        kind = "same" if isinstance(a.payload, IdentityLinked) else "different"
        return rights.standing(a.identity[0], kind, [org for org, _ in named_refs(a.payload)])

    async def _too_many_proposals(self, proposed: Collection[Accepted]) -> dict[int, str]:
        if not proposed:
            return {}
        before, full = await proposals.today(self.connection, {a.ref[0] for a in proposed}), {}
        for a in proposed:
            org = a.ref[0]
            if before.get(org, 0) + self._proposed[org] >= self.limits.proposals:
                full[id(a)] = "proposals"
            else:
                self._proposed[org] += 1
        return full

    async def _too_large(self, links: Collection[Accepted]) -> dict[int, str]:
        if not links:
            return {}
        stored = await link_components.read(self.connection, {key for a in links for key in named_refs(a.payload)})
        self._components = Components(stored.of, stored.each)
        full: dict[int, str] = {}
        most = self.limits.component_refs, self.limits.component_links
        for a in links:
            one, other = named_refs(a.payload)
            if (why := self._components.link(a.ref[0], one, other, *most)) is not None:
                full[id(a)] = why
        return full
