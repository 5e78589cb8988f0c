"""Who asks, once it is known: roles, the organisation, the account. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pathline_gateway.auth.session import Session


class Role(StrEnum):
    """What somebody may be. A token names them; each route says which may call it."""

    PUBLISHER = "publisher"
    """A system of an organisation that publishes its events."""
    LINKER = "linker"
    """A system that says who is who at the organisations for which it is registered."""
    SUBSCRIBER = "subscriber"
    """A system of an organisation that receives events and pulls the pathways of its own clients."""
    CITIZEN = "citizen"
    """A person, for herself."""
    HELPER = "helper"
    """A person with a mandate of another."""
    REVIEWER = "reviewer"
    """Decides which refs are one person."""
    OPERATOR = "operator"
    """Runs this instance."""
    RESEARCHER = "researcher"
    """Reads cohorts, never a person."""
    AUDITOR = "auditor"
    """Reads the access log and small cells."""


ORGANISATION_ROLES: Final = frozenset((Role.PUBLISHER, Role.LINKER, Role.SUBSCRIBER))
"""Roles that need an organisation."""
PERSON_ROLES: Final = frozenset((Role.CITIZEN, Role.HELPER))
"""Roles that need an account."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Never a name: staff are known to their organisation, and here by it."""

    roles: frozenset[Role]
    org: str | None = None
    """The organisation that the token is bound to."""
    account: str | None = None
    """The subject of the person's own account, under the organisation `citizen`."""
    auth_disabled: bool = False
    """Auth is off: whoever calls is taken for everybody."""
    actor_id: str | None = None
    """A keyed hash of the token's subject: the same for each token of one person or system, and no name."""
    session: Session | None = field(default=None, compare=False, repr=False)
    """What the token is that says so; None where none was needed."""

    def has_any_role(self, *roles: str) -> bool:
        """Whether the caller has any of these roles."""
        return not self.roles.isdisjoint(roles)

    def publishes_for(self, org: str) -> bool:
        """Whether it publishes for this organisation: by its role, and not by its organisation alone."""
        return self.auth_disabled or (Role.PUBLISHER in self.roles and self.org == org)

    def is_person(self, account: str) -> bool:
        """Whether it is the person of this account, for herself."""
        return Role.CITIZEN in self.roles and self.account == account


AUTH_DISABLED_CALLER: Final = Caller(frozenset(Role), auth_disabled=True)
"""Every caller while auth is off."""
