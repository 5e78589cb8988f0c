"""Every stored event against its own bytes: digest, clear columns, identity, and what is kept of evidence."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from pathline.interaction import Interaction
from pathline.vocabulary import IdentityDistinguished, IdentityLinked, IdentityRetracted, Payload
from pathline_gateway.intake.event_classes import is_step
from pathline_gateway.integrity.verify import scans
from pathline_gateway.integrity.verify.check import Check, Name
from pathline_gateway.integrity.verify.stored_payload import (
    StoredPayload,
    columns_agree,
    content,
    digest_of,
    event_of,
    instants_agree,
)

_HORIZON = timedelta(days=760)
"""Age from which an identity may be gone: the dedup horizon of 25 months."""

Checks = Mapping[Name, Check]


async def events(connection: asyncpg.Connection, checks: Checks) -> None:
    """Interactions and evidence are looked at one by one."""
    async for row in scans.stream(connection, scans.INTERACTIONS):
        _interaction(row, checks)
    async for row in scans.stream(connection, scans.EVIDENCE):
        _evidence(row, checks)
    await _one_to_one(connection, checks)
    async for row in scans.stream(connection, scans.SOURCES):
        checks["sources"].see(row["org"] == row["source"].split(":")[2])


def _interaction(row: Mapping[str, Any], checks: Checks) -> None:
    ref = row["ref"]
    _identity(row, ref, checks["identities"])
    read = _read(row)
    if read is None:
        checks["content"].see(False, ref)
        return
    event = event_of(row, read)
    of_a_step = event is not None and is_step(event.payload) and event.org == row["org"]
    checks["content"].see(of_a_step and row["digest"] in (None, digest_of(event)), ref)
    checks["columns"].see(columns_agree(row, read), ref)


def _evidence(row: Mapping[str, Any], checks: Checks) -> None:
    _identity(row, None, checks["identities"])
    read = _read(row)
    event = None if read is None else event_of(row, read)
    if read is None or event is None:
        checks["content"].see(False)
        return
    checks["content"].see(not is_step(event.payload) and row["digest"] in (None, digest_of(event)))
    checks["columns"].see(instants_agree(row, read))
    if event.payload.noun == "interaction" or row["amends"]:
        checks["amendments"].see(_amendment_agrees(row, event, read), row["target_ref"])
    if event.payload.noun == "identity" or row["links"]:
        checks["links"].see(_link_agrees(row, event), row["a"])


def _read(row: Mapping[str, Any]) -> StoredPayload | None:
    try:
        return content(row["payload"])
    except ValueError:
        return None


def _identity(row: Mapping[str, Any], ref: int | None, check: Check) -> None:
    """Its identity is there, unless it is old enough to have been dropped, and says whose it is and when."""
    if row["digest"] is None:
        check.see(row["received_at"] < datetime.now(UTC) - _HORIZON, ref)
    else:
        check.see(row["identity_ref"] == ref and row["identity_time"] == row["time"], ref)


def _amendment_agrees(row: Mapping[str, Any], event: Interaction[Payload], read: StoredPayload) -> bool:
    named = row["amends"], row["amends_source"], row["amends_id"]
    return (
        named == (event.payload.verb, read.said.get("source"), read.said.get("id"))
        and row["target_ref"] == row["true_target"]
    )


def _link_agrees(row: Mapping[str, Any], event: Interaction[Payload]) -> bool:
    payload = event.payload
    names = (row["a_org"], row["a_subject"]), (row["b_org"], row["b_subject"])
    if row["asserted_at"] != event.time:
        return False
    if isinstance(payload, IdentityRetracted):
        target = payload.evidence
        return (row["links"], row["links_source"], row["links_id"]) == ("retracted", target.source, target.id)
    if isinstance(payload, IdentityDistinguished):
        return row["links"] == "different" and names == tuple((r.org, r.subject) for r in payload.different)
    if not isinstance(payload, IdentityLinked):
        return False
    sure = 1.0 if payload.confidence is None else payload.confidence
    return (row["links"], row["method"], row["confidence"]) == (
        "same",
        payload.method,
        _single(sure),
    ) and names == tuple((r.org, r.subject) for r in payload.same)


def _single(number: float) -> float:
    """As Postgres keeps it in four bytes."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


async def _one_to_one(connection: asyncpg.Connection, checks: Checks) -> None:
    for statement, name in (
        (scans.UNFOUNDED, "identities"),
        (scans.TWICE, "identities"),
        (scans.FOUNDLING_AMENDMENTS, "amendments"),
        (scans.FOUNDLING_LINKS, "links"),
    ):
        async for row in scans.stream(connection, statement):
            checks[name].differ(row["ref"])  # type: ignore[index]
