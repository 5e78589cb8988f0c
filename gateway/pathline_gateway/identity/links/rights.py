"""By what right somebody says who is who. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pathline.interaction import organisation_of
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.reserved_names import ACCOUNT_SOURCE, REVIEW_SOURCE


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may link whom."""

    auth_disabled: bool
    """Auth is off."""
    linkers: Collection[tuple[str, str]]
    """Organisations that are registered as linkers, each with one whose subjects it may link."""

    def rank_of(self, source: str, kind: str, orgs: Sequence[str]) -> EvidenceRank:
        """What evidence of this kind about subjects of these two organisations weighs, coming from this source."""
        asserter = organisation_of(source)
        if source == REVIEW_SOURCE:
            return EvidenceRank.DECISION
        if source == ACCOUNT_SOURCE:
            return EvidenceRank.CITIZEN
        is_own = [org == asserter for org in orgs]
        may_link = [org == asserter or (asserter, org) in self.linkers for org in orgs]
        if self.auth_disabled:  # nobody is anybody: what is its own is a matter of order alone
            return (
                EvidenceRank.LINKER if all(may_link) or (kind == "different" and any(may_link)) else EvidenceRank.OPEN
            )
        if all(may_link):
            # To link two of one's own shows others what stands under both: it has its limits (see `binding`).
            return EvidenceRank.OWN if kind == "same" and all(is_own) else EvidenceRank.LINKER
        # To link shows somebody something, and needs a right on both sides; to tell apart hides, and needs one.
        return EvidenceRank.ONE_SIDE if kind == "different" and any(may_link) else EvidenceRank.PROPOSED
