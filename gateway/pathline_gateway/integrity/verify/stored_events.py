"""Every stored event against its own bytes: digest, payload columns, identity, and what is kept of evidence."""

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
    digest_of,
    instants_agree,
    is_rendered_as_served,
    parse_payload,
    rebuild_event,
)

_HORIZON = timedelta(days=760)
"""Age from which an identity may be gone: the dedup horizon of 25 months."""

Checks = Mapping[Name, Check]


async def check_stored_events(connection: asyncpg.Connection, checks: Checks) -> None:
    """Interactions and evidence are looked at one by one."""
    async for row in scans.stream(connection, scans.INTERACTIONS):
        _check_interaction(row, checks)
    async for row in scans.stream(connection, scans.EVIDENCE):
        _check_evidence(row, checks)
    await _check_orphans(connection, checks)
    async for row in scans.stream(connection, scans.SOURCES):
        checks["sources"].record(row["org"] == row["source"].split(":")[2])


def _check_interaction(row: Mapping[str, Any], checks: Checks) -> None:
    ref = row["ref"]
    _check_identity(row, ref, checks["identities"])
    stored = _parse_payload(row)
    if stored is None:
        checks["content"].record(False, ref)
        return
    event = rebuild_event(row, stored)
    is_valid_step = event is not None and is_step(event.payload) and event.org == row["org"]
    checks["content"].record(is_valid_step and row["digest"] in (None, digest_of(event)), ref)
    checks["columns"].record(columns_agree(row, stored), ref)
    checks["rendered"].record(is_rendered_as_served(row, stored), ref)


def _check_evidence(row: Mapping[str, Any], checks: Checks) -> None:
    _check_identity(row, None, checks["identities"])
    stored = _parse_payload(row)
    event = None if stored is None else rebuild_event(row, stored)
    if stored is None or event is None:
        checks["content"].record(False)
        return
    checks["content"].record(not is_step(event.payload) and row["digest"] in (None, digest_of(event)))
    checks["columns"].record(instants_agree(row, stored))
    if event.payload.noun == "interaction" or row["amends"]:
        checks["amendments"].record(_amendment_agrees(row, event, stored), row["target_ref"])
    if event.payload.noun == "identity" or row["links"]:
        meant_event = rebuild_event(row, stored, as_sent=False)
        checks["links"].record(meant_event is not None and _link_agrees(row, meant_event), row["ref_a"])


def _parse_payload(row: Mapping[str, Any]) -> StoredPayload | None:
    try:
        return parse_payload(row["payload"])
    except ValueError:
        return None


def _check_identity(row: Mapping[str, Any], ref: int | None, check: Check) -> None:
    """Its identity is there, unless it is old enough to have been dropped, and says whose it is and when."""
    if row["digest"] is None:
        check.record(row["received_at"] < datetime.now(UTC) - _HORIZON, ref)
    else:
        check.record(row["identity_ref"] == ref and row["identity_time"] == row["time"], ref)


def _amendment_agrees(row: Mapping[str, Any], event: Interaction[Payload], stored: StoredPayload) -> bool:
    stored_target = row["amends"], row["amends_source"], row["amends_id"]
    return (
        stored_target == (event.payload.verb, stored.fields.get("source"), stored.fields.get("id"))
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
    confidence = 1.0 if payload.confidence is None else payload.confidence
    return (row["links"], row["method"], row["confidence"]) == (
        "same",
        payload.method,
        _to_float4(confidence),
    ) and names == tuple((r.org, r.subject) for r in payload.same)


def _to_float4(number: float) -> float:
    """As Postgres keeps it in four bytes."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


async def _check_orphans(connection: asyncpg.Connection, checks: Checks) -> None:
    for statement, name in (
        (scans.ORPHAN_IDENTITIES, "identities"),
        (scans.DUPLICATE_INTERACTIONS, "identities"),
        (scans.ORPHAN_AMENDMENTS, "amendments"),
        (scans.ORPHAN_LINKS, "links"),
    ):
        async for row in scans.stream(connection, statement):
            checks[name].record_difference(row["ref"])  # type: ignore[index]
