"""What is stored of an accepted interaction, a row a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from pathline.interaction import organisation_of
from pathline.vocabulary import (
    TYPES,
    HandoffId,
    IdentityDistinguished,
    IdentityLinked,
    IdentityRetracted,
    InteractionCorrected,
    InteractionVoided,
    Payload,
)
from pathline_gateway.handoffs import event_repository
from pathline_gateway.identity import membership_repository
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.identity.links.rights import Rights
from pathline_gateway.intake import accepted_repository as interactions
from pathline_gateway.intake import parked_repository
from pathline_gateway.intake.offer_budget import OFFERED_TYPE, Offer
from pathline_gateway.intake.payload_columns import TOKEN_PAYLOADS
from pathline_gateway.intake.record import Accepted, Parked
from pathline_gateway.kafka.fetch.records import CutRecord, UnreadRecords, cut_record
from pathline_gateway.pathways import amendment_repository
from pathline_gateway.pathways.stored_form import StepKind, is_access_deciding, open_payload, render_payload
from pathline_gateway.pathways.subject_repository import Key
from pathline_gateway.postgres.registry_cache import Kind

_NO_TRACE = (None, None)
_HANDOFF_INPUT_KINDS: dict[str, str] = {
    **{name: "asked" for name in TYPES if name.startswith("org.pathline.handoff.")},
    **{model.type: "shown" for model in TOKEN_PAYLOADS},
    **{model.type: "amended" for model in (InteractionVoided, InteractionCorrected)},
}
"""What an event means for the links that hand-offs make. Either it shows a token. Or it moves the state, and so decides
which token counts. Or it amends one of these."""

_HANDOFF_ID: TypeAdapter[str] = TypeAdapter(HandoffId)

Numbers = Mapping[str, int]
"""Numbers of sources or of types, by name."""


def named_refs(payload: Payload | None) -> Iterable[Key]:
    """The refs that evidence about identity names."""
    if isinstance(payload, IdentityLinked):
        return [(ref.org, ref.subject) for ref in payload.same]
    if isinstance(payload, IdentityDistinguished):
        return [(ref.org, ref.subject) for ref in payload.different]
    return ()


def extract_offer(accepted: Accepted) -> Offer | None:
    """The hand-off that is offered to an organisation on Pathline; None where this is something else."""
    if accepted.type != OFFERED_TYPE or accepted.columns.handoff is None:
        return None
    receiver = orjson.loads(open_payload(accepted.stored_bytes).data).get("to")
    receiver = receiver.get("org") if isinstance(receiver, dict) else receiver
    return Offer(accepted.columns.handoff, accepted.ref, receiver) if isinstance(receiver, str) else None


def target_source(payload: Payload | None) -> str | None:
    """The source of the event that this evidence is about."""
    if isinstance(payload, IdentityRetracted):
        return payload.evidence.source
    if isinstance(payload, InteractionVoided | InteractionCorrected):
        return payload.source
    return None


def named_organisations(accepted: Accepted) -> set[str]:
    """The organisations that must be on the register before this can be stored, besides its own."""
    if accepted.is_step:
        return set()
    orgs = {org for org, _ in named_refs(accepted.payload)}
    target = target_source(accepted.payload)
    return orgs if target is None else orgs | {organisation_of(target)}


def interaction_row(
    accepted: Accepted,
    sources: Numbers,
    types: Numbers,
    kinds: Mapping[Kind, int],
    refs: Mapping[Key, int],
    batch: int,
) -> interactions.InteractionRow:
    """The row of a step."""
    source, id = accepted.identity
    opened = open_payload(accepted.stored_bytes)
    return interactions.InteractionRow(
        batch,
        refs[accepted.ref],
        accepted.time,
        sources[source],
        types[accepted.type],
        id,
        accepted.sequence,
        accepted.columns.handoff,
        kinds[kind_of(accepted)],
        is_access_deciding(accepted.columns.handoff, opened.data),
        render_payload(
            accepted.recordedtime,
            accepted.columns.activity,
            opened.attributes,
            opened.data,
            opened.sent_data,
        ),
    )


def kind_of(accepted: Accepted) -> StepKind:
    """What the step has in common with others."""
    columns = accepted.columns
    return StepKind(
        accepted.identity[0], accepted.type, columns.service, columns.channel, columns.initiator, columns.actor
    )


def evidence_row(accepted: Accepted, sources: Numbers, types: Numbers) -> interactions.EvidenceRow:
    """The row of what is no step."""
    source, id = accepted.identity
    trace_id, span_id = accepted.trace or _NO_TRACE
    return interactions.EvidenceRow(
        sources[source],
        id,
        types[accepted.type],
        accepted.ref[1],
        accepted.time,
        accepted.recordedtime,
        accepted.sequence,
        trace_id,
        span_id,
        accepted.stored_bytes,
    )


def link_rows(
    accepted: Iterable[Accepted], sources: Numbers, refs: Mapping[Key, int], rights: Rights
) -> Iterable[membership_repository.LinkEvidenceRow]:
    """The evidence about identity among these."""
    for a in accepted:
        payload = a.payload
        identity = (sources[a.identity[0]], a.identity[1])
        if isinstance(payload, IdentityRetracted):
            target = sources[payload.evidence.source], payload.evidence.id
            yield membership_repository.LinkEvidenceRow(
                *identity, "retracted", None, None, None, 1.0, a.time, *target, EvidenceRank.PROPOSED
            )
        elif pair := list(named_refs(payload)):
            left, right = (refs[key] for key in pair)
            confidence = payload.confidence if isinstance(payload, IdentityLinked) else None
            method = payload.method if isinstance(payload, IdentityLinked) else None
            kind = "same" if isinstance(payload, IdentityLinked) else "different"
            weight = 1.0 if confidence is None else confidence
            rank = rights.rank_of(a.identity[0], kind, [org for org, _ in pair])
            yield membership_repository.LinkEvidenceRow(
                *identity, kind, left, right, method, weight, a.time, None, None, rank
            )


def amendment_rows(accepted: Iterable[Accepted], sources: Numbers) -> Iterable[amendment_repository.AmendmentRow]:
    """The voids and corrections among these."""
    for a in accepted:
        payload = a.payload
        if isinstance(payload, InteractionVoided | InteractionCorrected):
            target = sources[payload.source], payload.id
            yield amendment_repository.AmendmentRow(sources[a.identity[0]], a.identity[1], payload.verb, *target)


def handoff_inputs(accepted: Iterable[Accepted], sources: Numbers) -> Iterable[event_repository.HandoffInputRow]:
    """After which of these a hand-off has to be looked at: by it two subjects may be one person, or no longer."""
    for a in accepted:
        kind = _HANDOFF_INPUT_KINDS.get(a.type)
        if kind is None:
            continue
        payload: Any = a.payload
        if kind == "amended":
            data = payload.replacement.data if type(payload) is InteractionCorrected else {}
            yield event_repository.HandoffInputRow(
                kind, _parse_handoff_id(data.get("handoff")), sources[payload.source], payload.id
            )
        else:
            shows_token = kind == "shown" and payload.token
            yield event_repository.HandoffInputRow(
                "shown" if shows_token else "asked", a.columns.handoff, sources[a.identity[0]], a.identity[1]
            )


def _parse_handoff_id(value: object) -> str | None:
    """The hand-off that a replacement names; nobody has looked at it yet, and it may be anything."""
    try:
        return _HANDOFF_ID.validate_python(value)
    except ValidationError:
        return None


def parked_row(p: Parked, epoch: int) -> parked_repository.ParkedRow:
    """The row of a record that could not be accepted, as it came."""
    record = p.record
    headers = () if p.position_only else record.headers
    names, raw = _encode_header_names([name for name, _ in headers])
    return parked_repository.ParkedRow(
        log_epoch=epoch,
        topic=record.topic,
        partition=record.partition,
        offset=record.first_offset if isinstance(record, UnreadRecords) else record.offset,
        at=_to_instant(record.timestamp),
        key=None if p.position_only else record.key,
        value=None if p.position_only else record.value,
        header_names=names,
        header_bytes=raw,
        header_values=[value for _, value in headers],
        reason=p.reason,
        field=p.field,
        detail=p.detail,
        org=p.org,
        **_extent(p)._asdict(),
    )


class _Extent(NamedTuple):
    """How much is kept of a record, and what the whole comes to."""

    kept: parked_repository.KeptPart = "whole"
    last_offset: int | None = None
    size: int | None = None
    value_size: int | None = None
    sha256: bytes | None = None


def _extent(p: Parked) -> _Extent:
    record = p.record
    if isinstance(record, UnreadRecords):
        return _Extent("position", record.offset, record.size, None, record.sha256)
    if isinstance(record, CutRecord):
        how_much: parked_repository.KeptPart = "position" if p.position_only else "cut"
        return _Extent(how_much, None, record.size, record.value_size, record.sha256)
    if not p.position_only:
        return _Extent()
    whole = cut_record(("", 0), 0, 0, record.key, record.value, record.headers)
    return _Extent("position", None, whole.size, whole.value_size, whole.sha256)


def _to_instant(milliseconds: int) -> datetime | None:
    """A record's time, where it is one: a producer may write any number."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds >= 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _encode_header_names(names: list[str]) -> tuple[list[str], list[bytes] | None]:
    """Header names as Postgres takes text; and as they came, where that is not the same."""
    raw = [name.encode("utf-8", "surrogateescape") for name in names]
    text = [name.decode("utf-8", "replace").replace("\x00", "\ufffd") for name in raw]
    return text, None if text == names else raw
