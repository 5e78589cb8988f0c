"""What is kept of a reading, or of a refusal. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final, Literal, NamedTuple

from pathline_gateway.trust.caller import OF_AN_ORGANISATION, Caller, Role
from pathline_gateway.trust.reader import Reader, reader_of
from pathline_gateway.trust.stated import Stated

What = Literal["search", "pathway", "trace", "stream"]
Outcome = Literal["shown", "unchanged", "moved", "refused"]
Kind = Literal["operator", "organisation", "citizen", "helper", "none"]

KEPT: Final = timedelta(days=7 * 366)
"""How long the log is kept: seven years, as public records of disclosure commonly are."""


class Access(NamedTuple):
    """Who read what of whom, in the order of the table's columns. Never a name of staff, never an account."""

    kind: Kind
    org: str | None
    roles: list[str]
    purpose: str | None
    basis: str | None
    instrument: str | None
    mandate: str | None
    refs: list[int]
    what: What
    outcome: Outcome
    reason: str | None
    trace_id: bytes | None
    quiet: bool


def access(
    caller: Caller,
    stated: Stated,
    what: What,
    outcome: Outcome,
    *,
    refs: Collection[int] = (),
    reason: str | None = None,
    mandate: str | None = None,
    trace_id: bytes | None = None,
    quiet: bool = False,
) -> Access:
    """What is kept of this reading."""
    authority = stated.authority
    return Access(
        _kind(reader_of(caller, stated), mandate),
        caller.org if caller.may_be(*OF_AN_ORGANISATION) else None,
        sorted(caller.roles),
        stated.purpose,
        None if authority is None else authority.basis,
        None if authority is None else authority.instrument,
        mandate,
        sorted(refs),
        what,
        outcome,
        reason,
        trace_id,
        quiet,
    )


def _kind(reader: Reader | None, mandate: str | None) -> Kind:
    if reader is None:
        return "none"
    if reader.kind != "person":
        return reader.kind
    return "helper" if mandate is not None or Role.CITIZEN not in reader.roles else "citizen"
