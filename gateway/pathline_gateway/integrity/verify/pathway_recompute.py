"""A pathway as it must be served, from stored rows alone. Pure, and plain rather than fast.

Reads each step from its payload, not from payload columns, and takes amendments by what they name.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from pathline import instant
from pathline.vocabulary import TYPES
from pathline_gateway.integrity.verify.stored_payload import activity_of, parse_payload, render_instant

Row = Mapping[str, Any]


@dataclass(frozen=True)
class InteractionAmendments:
    """The voids and corrections of one interaction, the last one last."""

    is_voided: bool
    corrections: Sequence[Row]


def group_amendments(rows: Iterable[Row]) -> dict[tuple[int, str], InteractionAmendments]:
    """Voids and corrections, by source number and id of what they are about; the unreadable correct nothing."""
    rows_by_target: defaultdict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        rows_by_target[row["target_source"], row["target_id"]].append(row)
    return {
        target: InteractionAmendments(
            any(row["kind"] == "voided" for row in target_rows),
            sorted((r for r in target_rows if r["kind"] == "corrected" and _has_replacement(r)), key=_sort_key),
        )
        for target, target_rows in rows_by_target.items()
    }


def unvoided(rows: Iterable[Row], amendments: Mapping[tuple[int, str], InteractionAmendments]) -> list[Row]:
    """The interactions that are not voided."""
    no_amendments = InteractionAmendments(False, ())
    return [row for row in rows if not amendments.get((row["source_number"], row["id"]), no_amendments).is_voided]


def render_pathway(
    pathway: str,
    subjects: Sequence[tuple[str, str]],
    rows: Iterable[Row],
    amendments: Mapping[tuple[int, str], InteractionAmendments],
) -> bytes:
    """The body of an answer, without its version."""
    steps = [_render_step(row, amendments.get((row["source_number"], row["id"]))) for row in rows]
    steps.sort(key=lambda step: (step["source"], step["sequence"] or "", step["id"]))
    steps.sort(key=lambda step: (step["time"], step["source"], step["sequence"] is not None))
    legs = dict.fromkeys((step["org"], step["service"]) for step in steps)
    return orjson.dumps(
        {
            "pathway": pathway,
            "version": "",
            "subjects": [{"org": org, "subject": subject} for org, subject in sorted(subjects)],
            "legs": [{"org": org, "service": service} for org, service in legs],
            "steps": [orjson.Fragment(_join_members(step)) for step in steps],
            "handoffs": [],
            "facts": [],
        }
    )


def digest(body: bytes) -> bytes:
    """16 bytes that tell this body from any other."""
    return hashlib.blake2b(body, digest_size=16).digest()


def _render_step(row: Row, amendments: InteractionAmendments | None) -> dict[str, Any]:
    stored = parse_payload(row["payload"])
    fields, data, time = stored.fields, stored.data, stored.time
    for correction in amendments.corrections if amendments else ():
        replacement = parse_payload(correction["payload"]).fields["replacement"]
        if (new_data := _validated_data(row["type"], replacement["data"], row["source"].split(":")[2])) is not None:
            fields, data = replacement["data"], new_data
            new_time = replacement.get("time")
            time = instant.parse(new_time).astimezone(UTC) if new_time else stored.time
    return {
        "source": row["source"],
        "type": row["type"],
        "service": fields.get("service"),
        "channel": fields.get("channel"),
        "initiator": fields.get("initiator"),
        "actor": fields.get("actor"),
        "org": row["source"].split(":")[2],
        "subject": row["subject"],
        "id": row["id"],
        "time": render_instant(time),
        "sequence": row["sequence"],
        "recordedtime": None if stored.recordedtime is None else render_instant(stored.recordedtime),
        "activity": activity_of(row["type"], fields),
        "attributes": stored.extra,
        "data": data,
    }


def _join_members(step: Mapping[str, Any]) -> bytes:
    """As JSON; attributes and data are that already, and stand on lines of their own."""
    members = [
        b'\n,"%b":%b' % (name.encode(), value)
        if isinstance(value, bytes)
        else b',"%b":%b' % (name.encode(), json.dumps(value, ensure_ascii=False).encode())
        for name, value in step.items()
    ]
    return b"{%b}" % b"".join(members)[1:]


def _validated_data(type_name: str, data: object, org: str) -> bytes | None:
    """The new data, where it keeps the contract of its type; of an offer, with a hand-off of this organisation."""
    text = orjson.dumps(data)
    try:
        payload = TYPES[type_name].model_validate_json(text)
    except ValidationError:
        return None
    is_offer = type_name == "org.pathline.handoff.offered.v1"
    return None if is_offer and not str(payload.handoff).startswith(f"{org}:") else text


def _has_replacement(row: Row) -> bool:
    try:
        return "replacement" in parse_payload(row["payload"]).fields
    except ValueError:
        return False


def _sort_key(row: Row) -> tuple[datetime, str, bool, str, str]:
    time = parse_payload(row["payload"]).time
    return time, row["source"], row["sequence"] is not None, row["sequence"] or "", row["id"]
