"""The ordinary record, read in a third of the time: binary mode, well-known attributes, nothing to look at closely.

It says the same as the contracts do, or nothing: whatever is unusual or wrong is for `record_parser.parse_strict`.
A property holds the two against each other.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pathline import instant, personal_numbers
from pathline.cloudevent import MAX_ATTRIBUTE_CHARACTERS, MAX_DATA_BYTES
from pathline.codec.unique_names import has_repeated_name
from pathline.errors import Refused
from pathline.interaction import MAX_ID_CHARACTERS, SUBJECT_REGEX, check_payload_ids, organisation_of
from pathline.vocabulary import TYPES, HandoffOffered, Payload
from pathline_gateway.intake import content_digest
from pathline_gateway.intake.event_classes import NOT_STEPS
from pathline_gateway.intake.header_layout import HeaderLayout, compute_layout
from pathline_gateway.intake.payload_columns import extract_columns, needs_payload
from pathline_gateway.intake.record import Accepted, KafkaRecord
from pathline_gateway.reserved_names import OWN_ORGANISATION
from pathline_gateway.telemetry.instruments import parse_traceparent

_JSON: Final = "application/json"


class _Kind(NamedTuple):
    model: type[Payload]
    is_step: bool
    is_offer: bool
    needs_payload: bool


# The others have rules of their own beyond their models: what evidence is about.
_KINDS: Final = {
    name: _Kind(model, model.noun not in NOT_STEPS, model is HandoffOffered, needs_payload(model))
    for name, model in TYPES.items()
    if model.noun not in ("identity", "interaction")
}


def parse_fast_path(record: KafkaRecord, owner: str | None) -> Accepted | None:
    """The record as an accepted interaction; None when it is not ordinary, be it right or wrong."""
    try:
        names, values = zip(*record.headers, strict=True)
        field_layout = compute_layout(names)
        texts = _decode_values(values)
        return None if texts is None else _build_accepted(record, owner, field_layout, texts)
    except (Refused, ValueError, KeyError):
        return None


def _decode_values(values: tuple[bytes | None, ...]) -> list[str] | None:
    """All of them as text, at once, and what stands for one that is not there."""
    if not all(values):
        return None
    joined_values = b"\0".join(values)  # type: ignore[arg-type]
    texts = joined_values.decode("ascii").split("\0")
    if len(joined_values) > MAX_ATTRIBUTE_CHARACTERS or len(texts) != len(values) or not "".join(texts).isprintable():
        return None
    texts.append(content_digest.ABSENT)
    return texts


def _build_accepted(
    record: KafkaRecord, owner: str | None, field_layout: HeaderLayout, texts: list[str]
) -> Accepted | None:
    specversion, id, source, type, subject, time, recordedtime, sequence, traceparent = field_layout.pick_envelope(
        texts
    )
    org = organisation_of(source)
    kind = _KINDS[type]
    data = record.value
    if (
        (owner is not None and (owner != org or owner == OWN_ORGANISATION))
        or data is None
        or len(data) > MAX_DATA_BYTES
        or specversion != "1.0"
        or (field_layout.content_type_index is not None and texts[field_layout.content_type_index] != _JSON)
        or len(id) > MAX_ID_CHARACTERS
        or SUBJECT_REGEX.fullmatch(subject) is None
        or personal_numbers.classify_number(id)
        or any(personal_numbers.classify_number(texts[n]) for n in field_layout.personal_number_indexes)
    ):
        return None
    event_time = instant.parse(time)
    recorded_time = None if recordedtime is content_digest.ABSENT else instant.parse(recordedtime)
    payload: Payload = kind.model.__pydantic_validator__.validate_json(data)
    content_digest.require_json(data)
    if has_repeated_name(data):
        return None
    check_payload_ids(payload)
    if kind.is_offer and not (payload.handoff or "").startswith(f"{org}:"):
        return None
    return Accepted(
        record,
        (source, id),
        (org, subject),
        kind.is_step,
        type,
        event_time,
        recorded_time,
        None if sequence is content_digest.ABSENT else sequence,
        None if traceparent is content_digest.ABSENT else parse_traceparent(traceparent),
        extract_columns(payload),
        payload if kind.needs_payload else None,
        content_digest.digest_attribute_texts(field_layout.pick_digested(texts), data),
        content_digest.serialize_kept_content({name: texts[n] for name, n in field_layout.kept_attributes}, data),
    )
