"""What is hidden for somebody's safety, and from whom: from everybody but its own organisation. Pure."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from pathline_gateway.pathways.parsed_step import ParsedStep
from pathline_gateway.pathways.step import Step

CONCEAL: Final = "conceal"
LOCATION_HIDDEN: Final = "location-hidden"
SAFE_CONTACT_ONLY: Final = "safe-contact-only"


@dataclass(frozen=True, slots=True)
class Concealment:
    """What the register says must not be known; steps say it of themselves besides."""

    orgs: Set[str] = frozenset()
    """Organisations that conceal by default, such as refuges."""
    services: Set[tuple[str, str]] = frozenset()
    refs: Set[tuple[str, str]] = frozenset()

    def without_own(self, org: str) -> Concealment:
        """What is hidden from this organisation: that it is itself hidden from others is no secret to it."""
        services = frozenset(each for each in self.services if each[0] != org)
        return Concealment(self.orgs - {org}, services, self.refs)

    def conceals_ref(self, org: str, subject: str) -> bool:
        """Whether nobody else may know that this organisation knows this person."""
        return org in self.orgs or (org, subject) in self.refs

    def conceals_party(self, org: str, service: str | None) -> bool:
        """Whether this organisation or service may not be named."""
        return org in self.orgs or (service is not None and (org, service) in self.services)

    def conceals_publisher(self, step: Step) -> bool:
        """Whether the register conceals who published this, or that the person is known there.

        The step's own words about safety are no part of it: nobody hides a grant over a person by them.
        """
        return self.conceals_ref(step.org, step.subject) or self.conceals_party(step.org, step.service)

    def conceals_step(self, parsed: ParsedStep) -> bool:
        """Whether the step exists for its own organisation alone.

        So does one that names what is concealed: a referral to a refuge tells of the refuge.
        """
        return (
            parsed.data.get("safety") == CONCEAL
            or self.conceals_publisher(parsed.step)
            or any(self.conceals_party(*party) for party in parsed.parties())
        )


NOTHING_CONCEALED: Final = Concealment()
