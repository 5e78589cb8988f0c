"""The ordinary record, read in a third of the time: binary mode, well-known attributes, nothing to look at closely.

It says the same as the contracts do, or nothing: whatever is unusual or wrong is left to `reading.read_closely`, which
says why. A property holds the two against each other.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pathline import instant, personal_numbers
from pathline.cloudevent import MAX_ATTRIBUTE_CHARACTERS, MAX_DATA_BYTES
from pathline.errors import Refused
from pathline.interaction import MAX_ID_CHARACTERS, SUBJECT, organisation_of
from pathline.vocabulary import TYPES, HandoffOffered, Payload
from pathline_gateway.intake import content_digest
from pathline_gateway.intake.clear_columns import columns_of, is_looked_into
from pathline_gateway.intake.event_classes import NOT_STEPS
from pathline_gateway.intake.header_layout import Layout, layout
from pathline_gateway.intake.record import Accepted, Record
from pathline_gateway.reserved_names import OURS
from pathline_gateway.telemetry.instruments import parse_traceparent

_JSON: Final = "application/json"


class _Kind(NamedTuple):
    model: type[Payload]
    step: bool
    offered: bool
    looked_into: bool


# The others have rules of their own beyond their models: what evidence is about.
_KINDS: Final = {
    name: _Kind(model, model.noun not in NOT_STEPS, model is HandoffOffered, is_looked_into(model))
    for name, model in TYPES.items()
    if model.noun not in ("identity", "interaction")
}


def parse_fast_path(record: Record, owner: str | None) -> Accepted | None:
    """The record as an accepted interaction; None when it is not ordinary, be it right or wrong."""
    try:
        names, values = zip(*record.headers, strict=True)
        found = layout(names)
        texts = _texts(values)
        return None if texts is None else _accepted(record, owner, found, texts)
    except (Refused, ValueError, KeyError):
        return None


def _texts(values: tuple[bytes | None, ...]) -> list[str] | None:
    """All of them as text, at once, and what stands for one that is not there."""
    if not all(values):
        return None
    together = b"\0".join(values)  # type: ignore[arg-type]
    texts = together.decode("ascii").split("\0")
    if len(together) > MAX_ATTRIBUTE_CHARACTERS or len(texts) != len(values) or not "".join(texts).isprintable():
        return None
    texts.append(content_digest.ABSENT)
    return texts


def _accepted(record: Record, owner: str | None, found: Layout, texts: list[str]) -> Accepted | None:
    specversion, id, source, type, subject, time, recordedtime, sequence, traceparent = found.read(texts)
    org = organisation_of(source)
    kind = _KINDS[type]
    data = record.value
    if (
        (owner is not None and (owner != org or owner == OURS))
        or data is None
        or len(data) > MAX_DATA_BYTES
        or specversion != "1.0"
        or (found.content_type is not None and texts[found.content_type] != _JSON)
        or len(id) > MAX_ID_CHARACTERS
        or SUBJECT.fullmatch(subject) is None
        or personal_numbers.looks_like(id)
        or any(personal_numbers.looks_like(texts[n]) for n in found.may_name_somebody)
    ):
        return None
    happened = instant.parse(time)
    recorded = None if recordedtime is content_digest.ABSENT else instant.parse(recordedtime)
    payload: Payload = kind.model.__pydantic_validator__.validate_json(data)
    content_digest.require_json(data)
    if kind.offered and not (payload.handoff or "").startswith(f"{org}:"):
        return None
    return Accepted(
        record,
        (source, id),
        (org, subject),
        kind.step,
        type,
        happened,
        recorded,
        None if sequence is content_digest.ABSENT else sequence,
        None if traceparent is content_digest.ABSENT else parse_traceparent(traceparent),
        columns_of(payload),
        payload if kind.looked_into else None,
        content_digest.usual_digest_of(found.digested(texts), data),
        content_digest.stored_so({name: texts[n] for name, n in found.kept}, data),
    )
