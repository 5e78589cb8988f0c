"""The reader: an operator, an organisation's system, or a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pathline_gateway.auth.caller import OF_A_PERSON, OF_AN_ORGANISATION, Caller, Role
from pathline_gateway.auth.purpose import NOTHING, AccessPurpose
from pathline_gateway.reserved_names import CITIZENS

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
    stated: AccessPurpose = NOTHING

    @property
    def name(self) -> str:
        """What identifiers are keyed with: no other reader has it."""
        return f"{self.kind}:{self.org or self.account or ''}"

    def may_name(self, org: str, subject: str) -> bool:
        """Whether she may know a pathway by this ref at all: an operator by any, others by one of their own kind."""
        if self.kind == "operator" or self.owns(org, subject):
            return True
        return self.kind == "person" and Role.HELPER in self.roles

    def owns(self, org: str, subject: str) -> bool:
        """Whether what stands under this ref is the reader's own."""
        if self.kind == "organisation":
            return org == self.org
        return self.kind == "person" and (org, subject) == (CITIZENS, self.account)


def reader_of(caller: Caller, stated: AccessPurpose = NOTHING) -> Reader | None:
    """The reader that this caller is; None for who reads no pathways. Not for who is open: she sees everything."""
    if caller.may_be(Role.OPERATOR):
        return Reader("operator", caller.roles, stated=stated)
    # Nobody is the organisation of all accounts: its subjects are persons, each her own reader.
    if caller.org is not None and caller.org != CITIZENS and caller.may_be(*OF_AN_ORGANISATION):
        return Reader("organisation", caller.roles, org=caller.org, stated=stated)
    if caller.account is not None and caller.may_be(*OF_A_PERSON):
        return Reader("person", caller.roles, account=caller.account, stated=stated)
    return None
