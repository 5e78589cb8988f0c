"""The reader: an operator, an organisation's system, or a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pathline_gateway.auth.caller import ORGANISATION_ROLES, PERSON_ROLES, Caller, Role
from pathline_gateway.auth.purpose import NO_PURPOSE, AccessPurpose
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION

Kind = Literal["operator", "organisation", "person"]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and what for."""

    kind: Kind
    roles: frozenset[Role]
    org: str | None = None
    """Of an organisation's reader: the organisation."""
    account: str | None = None
    """Of a person: the subject of her account."""
    access_purpose: AccessPurpose = NO_PURPOSE

    @property
    def name(self) -> str:
        """What identifiers are keyed with: no other reader has it."""
        return f"{self.kind}:{self.org or self.account or ''}"

    def may_search_by(self, org: str, subject: str) -> bool:
        """Whether she may know a pathway by this ref at all: an operator by any, others by one of their own kind."""
        if self.kind == "operator" or self.owns(org, subject):
            return True
        return self.kind == "person" and Role.HELPER in self.roles

    def owns(self, org: str, subject: str) -> bool:
        """Whether what stands under this ref is the reader's own."""
        if self.kind == "organisation":
            return org == self.org
        return self.kind == "person" and (org, subject) == (CITIZEN_ORGANISATION, self.account)


def reader_of(caller: Caller, access_purpose: AccessPurpose = NO_PURPOSE) -> Reader | None:
    """The reader that this caller is; None for who reads no pathways. Not for who is open: she sees everything."""
    if caller.has_any_role(Role.OPERATOR):
        return Reader("operator", caller.roles, access_purpose=access_purpose)
    # Nobody is the organisation of all accounts: its subjects are persons, each her own reader.
    if caller.org is not None and caller.org != CITIZEN_ORGANISATION and caller.has_any_role(*ORGANISATION_ROLES):
        return Reader("organisation", caller.roles, org=caller.org, access_purpose=access_purpose)
    if caller.account is not None and caller.has_any_role(*PERSON_ROLES):
        return Reader("person", caller.roles, account=caller.account, access_purpose=access_purpose)
    return None
