"""A pathway as it must be served, from stored rows alone. Pure, and plain rather than fast.

Reads each step from its payload, not from clear columns, and takes amendments by what they name.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from pathline import instant
from pathline.vocabulary import TYPES
from pathline_gateway.integrity.verify.stored_payload import activity_of, content

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Amends:
    """The voids and corrections of one interaction, the last one last."""

    voided: bool
    corrections: Sequence[Row]


def amends(rows: Iterable[Row]) -> dict[tuple[int, str], Amends]:
    """Voids and corrections, by source number and id of what they are about; the unreadable correct nothing."""
    found: defaultdict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        found[row["target_source"], row["target_id"]].append(row)
    return {
        target: Amends(
            any(row["kind"] == "voided" for row in about),
            sorted((r for r in about if r["kind"] == "corrected" and _readable(r)), key=_place),
        )
        for target, about in found.items()
    }


def live(rows: Iterable[Row], amended: Mapping[tuple[int, str], Amends]) -> list[Row]:
    """The interactions that are not voided."""
    none = Amends(False, ())
    return [row for row in rows if not amended.get((row["source_number"], row["id"]), none).voided]


def served(
    pathway: str, subjects: Sequence[tuple[str, str]], rows: Iterable[Row], amended: Mapping[tuple[int, str], Amends]
) -> bytes:
    """The body of an answer, without its version."""
    steps = [_step(row, amended.get((row["source_number"], row["id"]))) for row in rows]
    steps.sort(key=lambda step: (step["source"], step["sequence"] or "", step["id"]))
    steps.sort(key=lambda step: (step["time"], step["source"], step["sequence"] is not None))
    legs = dict.fromkeys((step["org"], step["service"]) for step in steps)
    return orjson.dumps(
        {
            "pathway": pathway,
            "version": "",
            "subjects": [{"org": org, "subject": subject} for org, subject in sorted(subjects)],
            "legs": [{"org": org, "service": service} for org, service in legs],
            "steps": steps,
            "handoffs": [],
            "facts": [],
        }
    )


def digest(body: bytes) -> bytes:
    """16 bytes that tell this body from any other."""
    return hashlib.blake2b(body, digest_size=16).digest()


def _step(row: Row, amended: Amends | None) -> dict[str, Any]:
    read = content(row["payload"])
    said, data, time = read.said, read.data, read.time
    for correction in amended.corrections if amended else ():
        replacement = content(correction["payload"]).said["replacement"]
        if (better := _replacement(row["type"], replacement["data"], row["source"].split(":")[2])) is not None:
            said, data = replacement["data"], better
            again = replacement.get("time")
            time = instant.parse(again).astimezone(UTC) if again else read.time
    return {
        "source": row["source"],
        "id": row["id"],
        "type": row["type"],
        "time": _text(time),
        "recordedtime": None if read.recordedtime is None else _text(read.recordedtime),
        "org": row["source"].split(":")[2],
        "service": said.get("service"),
        "channel": said.get("channel"),
        "activity": activity_of(row["type"], said),
        "initiator": said.get("initiator"),
        "actor": said.get("actor"),
        "sequence": row["sequence"],
        "subject": row["subject"],
        "attributes": orjson.Fragment(read.extra),
        "data": orjson.Fragment(data),
    }


def _replacement(type_name: str, data: object, org: str) -> bytes | None:
    """The new data, where it keeps the contract of its type; of an offer, with a hand-off of this organisation."""
    text = orjson.dumps(data)
    try:
        said = TYPES[type_name].model_validate_json(text)
    except ValidationError:
        return None
    offers = type_name == "org.pathline.handoff.offered.v1"
    return None if offers and not str(said.handoff).startswith(f"{org}:") else text


def _readable(row: Row) -> bool:
    try:
        return "replacement" in content(row["payload"]).said
    except ValueError:
        return False


def _place(row: Row) -> tuple[datetime, str, bool, str, str]:
    time = content(row["payload"]).time
    return time, row["source"], row["sequence"] is not None, row["sequence"] or "", row["id"]


def _text(time: datetime) -> str:
    return (
        f"{time.year:04}-{time.month:02}-{time.day:02}"
        f"T{time.hour:02}:{time.minute:02}:{time.second:02}.{time.microsecond:06}Z"
    )
