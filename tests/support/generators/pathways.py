"""Small pathways for tests of who sees what, and the readers of them."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from pathline.vocabulary import TYPES
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.purpose import parse_access_purpose
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.concealment.rules import NOTHING_CONCEALED, Concealment
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.lawful_basis import LawfulBasis
from pathline_gateway.visibility.policy import PathwayContext, VisiblePathway, compute_visible

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TOKEN = "t" * 24


def subject(n: int) -> str:
    """The pseudonym of somebody."""
    return f"v1.{n:021d}A"


def ref(org: str, n: int = 1, age: int = 0) -> StoredRef:
    """Somebody as an organisation knows her; the smaller `age`, the older."""
    number = (sum(org.encode()) << 8) + n
    return StoredRef(number, org, subject(n), UUID(int=number << 64), START + timedelta(minutes=age))


def step(org: str, id: str, type: str = "activity.recorded", n: int = 1, minute: int = 0, **data: Any) -> Step:
    """A step as it is stored. Its data keeps the contract."""
    values = ({"activity": "Opened"} if type == "activity.recorded" else {}) | data
    payload = TYPES[f"org.pathline.{type}.v1"].model_validate_json(orjson.dumps(values))
    return Step(
        f"urn:pathline:{org}:desk", id, payload.type, START + timedelta(minutes=minute), None, org, subject(n),
        payload.service, payload.channel, getattr(payload, "activity", None), payload.initiator, payload.actor, "7",
        b"t" * 16, b"s" * 8, b'{"note":"x"}', orjson.dumps(values),
    )  # fmt: skip


def consent(
    org: str,
    id: str,
    given: bool = True,
    n: int = 1,
    minute: int = 0,
    holders: Iterable[str] = (),
    recipients: Iterable[str] = (),
    nouns: Iterable[str] = ("activity",),
    purpose: str | None = "care",
    consent: str = "c1",
    **more: Any,
) -> ConsentEvent:
    """A consent that was given or withdrawn."""
    return ConsentEvent(
        org, subject(n), f"urn:pathline:{org}:desk", id, START + timedelta(minutes=minute), None, given, consent,
        tuple(holders), tuple(recipients), tuple(nouns), (), purpose, **more,
    )  # fmt: skip


def organisation(org: str, purpose: str | None = "care", authority: str | None = None) -> Reader:
    """The reader of an organisation."""
    found = reader_of(Caller(frozenset((Role.SUBSCRIBER,)), org=org), parse_access_purpose(purpose, authority))
    assert found is not None
    return found


def person(n: int, *roles: Role) -> Reader:
    """The reader of a person's account."""
    found = reader_of(Caller(frozenset(roles or (Role.CITIZEN,)), account=subject(n)))
    assert found is not None
    return found


def operator() -> Reader:
    """Who runs the instance, with auth on."""
    found = reader_of(Caller(frozenset((Role.OPERATOR,))))
    assert found is not None
    return found


def pathway(
    refs: Iterable[StoredRef],
    steps: Iterable[Step],
    consents: Iterable[ConsentEvent] = (),
    bases: Iterable[LawfulBasis] = (),
    concealment: Concealment = NOTHING_CONCEALED,
    registrars: Set[str] = frozenset(),
) -> PathwayContext:
    """What is known of a pathway."""
    ordered = sorted(steps, key=lambda s: s.sort_key)
    return PathwayContext(list(refs), ordered, list(consents), list(bases), concealment, registrars)


def seen(reader: Reader, known: PathwayContext, now: datetime = NOW) -> VisiblePathway | None:
    """What the reader sees of it."""
    return compute_visible(reader, now, known)


def ids(reader: Reader, known: PathwayContext, now: datetime = NOW) -> list[str]:
    """The ids of the steps that the reader sees, in order."""
    found = compute_visible(reader, now, known)
    return [] if found is None else [each.parsed.step.id for each in found.steps]
