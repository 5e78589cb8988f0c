"""An access-log row, made from a reading or a refusal. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final, Literal, NamedTuple

from pathline_gateway.auth.caller import ORGANISATION_ROLES, Caller, Role
from pathline_gateway.auth.purpose import AccessPurpose
from pathline_gateway.auth.reader import Reader, reader_of

What = str
"""A code for what was read or done: see `access_log.declarations`."""
Outcome = Literal["shown", "unchanged", "moved", "refused", "done", "failed"]
Kind = Literal["operator", "organisation", "citizen", "helper", "none"]

RETENTION: Final = timedelta(days=7 * 366)
"""How long the log is kept: seven years, as public records of disclosure commonly are. Migration 0029 has it, too."""


class Request(NamedTuple):
    """The request that an access belongs to."""

    number: bytes
    """Made by the gateway."""
    route: str
    about: str | None = None
    caller_trace_id: bytes | None = None


class Access(NamedTuple):
    """Who read or did what, in the order of the table's columns. Never a name of staff, never an account."""

    kind: Kind
    org: str | None
    roles: list[str]
    purpose: str | None
    basis: str | None
    instrument: str | None
    mandate: str | None
    refs: list[int]
    action: What
    outcome: Outcome
    reason: str | None
    trace_id: bytes | None
    """The gateway's own number of the request; no caller chooses it."""
    is_hidden_from_person: bool
    actor_digest: str | None = None
    """Who asked: a keyed hash of her token's subject."""
    route: str | None = None
    about: str | None = None
    """What an act was about: the parameters of its path."""
    caller_trace_id: bytes | None = None
    """The trace that the caller says that her request belongs to."""
    hidden_refs: Sequence[int] = ()
    """Whom it was about as well, and who may not be told of it: it would tell what is concealed."""


def build_access(
    caller: Caller,
    access_purpose: AccessPurpose,
    what: What,
    outcome: Outcome,
    *,
    refs: Collection[int] = (),
    reason: str | None = None,
    mandate: str | None = None,
    trace_id: bytes | None = None,
    quiet: bool = False,
    request: Request | None = None,
    hidden_refs: Collection[int] = (),
) -> Access:
    """What is kept of this reading, or act."""
    authority = access_purpose.authority
    return Access(
        _kind(reader_of(caller, access_purpose), mandate),
        caller.org if caller.has_any_role(*ORGANISATION_ROLES) else None,
        sorted(caller.roles),
        access_purpose.purpose,
        None if authority is None else authority.basis,
        None if authority is None else authority.instrument,
        mandate,
        sorted(refs),
        what,
        outcome,
        reason,
        trace_id if request is None else request.number,
        quiet,
        caller.actor_id,
        None if request is None else request.route,
        None if request is None else request.about,
        None if request is None else request.caller_trace_id,
        sorted(hidden_refs),
    )


def _kind(reader: Reader | None, mandate: str | None) -> Kind:
    if reader is None:
        return "none"
    if reader.kind != "person":
        return reader.kind
    return "helper" if mandate is not None or Role.CITIZEN not in reader.roles else "citizen"
