"""What is stored of an accepted interaction, a row a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from pathline.interaction import organisation_of
from pathline.vocabulary import (
    IdentityDistinguished,
    IdentityLinked,
    IdentityRetracted,
    InteractionCorrected,
    InteractionVoided,
    Payload,
)
from pathline_gateway.intake.reading import Accepted, Parked
from pathline_gateway.store import amendments, interactions, links, parked
from pathline_gateway.store.refs import Key
from pathline_gateway.telemetry import parse_traceparent

Numbers = Mapping[str, int]
"""Numbers of sources or of types, by name."""


def named_refs(payload: Payload) -> Iterable[Key]:
    """The refs that evidence about identity names."""
    if isinstance(payload, IdentityLinked):
        return [(ref.org, ref.subject) for ref in payload.same]
    if isinstance(payload, IdentityDistinguished):
        return [(ref.org, ref.subject) for ref in payload.different]
    return ()


def target_source(payload: Payload) -> str | None:
    """The source of the event that this evidence is about."""
    if isinstance(payload, IdentityRetracted):
        return payload.evidence.source
    if isinstance(payload, InteractionVoided | InteractionCorrected):
        return payload.source
    return None


def named_organisations(accepted: Accepted) -> set[str]:
    """The organisations that must be on the register before this can be stored, besides its own."""
    if accepted.step:
        return set()
    named = {org for org, _ in named_refs(accepted.interaction.payload)}
    target = target_source(accepted.interaction.payload)
    return named if target is None else named | {organisation_of(target)}


def interaction_row(
    accepted: Accepted, sources: Numbers, types: Numbers, refs: Mapping[Key, int]
) -> interactions.InteractionRow:
    """The row of a step."""
    it, payload = accepted.interaction, accepted.interaction.payload
    trace_id, span_id = _trace(accepted)
    return interactions.InteractionRow(
        ref=refs[accepted.ref],
        time=it.time,
        recordedtime=it.recordedtime,
        source=sources[it.source],
        type=types[it.type],
        id=it.id,
        sequence=it.sequence,
        service=payload.service,
        activity=getattr(payload, "activity", None),
        channel=payload.channel,
        initiator=payload.initiator,
        actor=payload.actor,
        phase=payload.coproduction,
        participation=payload.participation,
        horizon=payload.horizon,
        handoff=payload.handoff,
        trace_id=trace_id,
        span_id=span_id,
        payload=accepted.payload,
    )


def evidence_row(accepted: Accepted, sources: Numbers, types: Numbers) -> interactions.EvidenceRow:
    """The row of what is no step."""
    it = accepted.interaction
    trace_id, span_id = _trace(accepted)
    return interactions.EvidenceRow(
        source=sources[it.source],
        id=it.id,
        type=types[it.type],
        subject=it.subject,
        time=it.time,
        recordedtime=it.recordedtime,
        sequence=it.sequence,
        trace_id=trace_id,
        span_id=span_id,
        payload=accepted.payload,
    )


def link_rows(accepted: Iterable[Accepted], sources: Numbers, refs: Mapping[Key, int]) -> Iterable[links.LinkRow]:
    """The evidence about identity among these."""
    for a in accepted:
        it, payload = a.interaction, a.interaction.payload
        at = (sources[it.source], it.id)
        if isinstance(payload, IdentityRetracted):
            target = sources[payload.evidence.source], payload.evidence.id
            yield links.LinkRow(*at, "retracted", None, None, None, 1.0, it.time, *target)
        elif pair := list(named_refs(payload)):
            left, right = (refs[key] for key in pair)
            confidence = payload.confidence if isinstance(payload, IdentityLinked) else None
            method = payload.method if isinstance(payload, IdentityLinked) else None
            kind = "same" if isinstance(payload, IdentityLinked) else "different"
            yield links.LinkRow(
                *at, kind, left, right, method, 1.0 if confidence is None else confidence, it.time, None, None
            )


def amendment_rows(accepted: Iterable[Accepted], sources: Numbers) -> Iterable[amendments.AmendmentRow]:
    """The voids and corrections among these."""
    for a in accepted:
        it, payload = a.interaction, a.interaction.payload
        if isinstance(payload, InteractionVoided | InteractionCorrected):
            target = sources[payload.source], payload.id
            yield amendments.AmendmentRow(sources[it.source], it.id, payload.verb, *target)


def parked_row(p: Parked, epoch: int) -> parked.ParkedRow:
    """The row of a record that could not be accepted, as it came."""
    record = p.record
    return parked.ParkedRow(
        log_epoch=epoch,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        at=_instant(record.timestamp),
        key=record.key,
        value=record.value,
        header_names=[_storable(name) for name, _ in record.headers],
        header_values=[value for _, value in record.headers],
        reason=p.reason,
        field=p.field,
        detail=p.detail,
        org=p.org,
    )


def _trace(accepted: Accepted) -> tuple[bytes | None, bytes | None]:
    context = parse_traceparent(accepted.interaction.event.attributes.get("traceparent"))
    return (None, None) if context is None else context


def _instant(milliseconds: int) -> datetime | None:
    """A record's time, where it is one: a producer may write any number."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds >= 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _storable(name: str) -> str:
    """A header's name as Postgres takes text: no NUL, no lone surrogate."""
    return name.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
