"""The HTTP door: `POST /v1/events` writes to Kafka, not around it, with a result for every event.

It refuses a request with more events or bytes than `Limits.events` and `Limits.events_bytes` allow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import APIRouter, Depends, Request, Response
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from pathline.cloudevent import CloudEvent
from pathline.codec import http, kafka
from pathline.errors import Refused, TooLarge
from pathline.interaction import Interaction, accept
from pathline.producer import TOPIC_PREFIX, with_trace_context
from pathline.vocabulary import Payload
from pathline.vocabulary.handoffs import HandoffOffered
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.dependencies import EventPublisher
from pathline_gateway.intake.content_digest import DigestedContent, is_same_content
from pathline_gateway.intake.dedup_repository import Identity, find_contents, known_digests
from pathline_gateway.intake.event_notices import build_notices
from pathline_gateway.intake.offer_budget import Offer, find_over_limit
from pathline_gateway.intake.publish_permission import Bounds, check_own_amendments, check_permission, no_bounds
from pathline_gateway.intake.record_parser import build_digested_content, compute_content_digest
from pathline_gateway.intake.schemas import REQUEST, PublishResult
from pathline_gateway.kafka.offset_repository import Partition
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.limits.table import Limits
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.telemetry.instruments import DOOR_EVENTS, start_span
from pathline_gateway.web.context import service
from pathline_gateway.web.problem import Problem

DOOR_TOPIC = f"{TOPIC_PREFIX}door-1"
"""Where the door writes the events of organisations that use only HTTP."""

_OFFER_RETRY_AFTER_S = 60
"""How soon room may be made by whoever withdraws what nobody needs."""
_DURABLE_TIMEOUT_S = 25.0
"""Longest wait for Postgres where the broker's log does not survive a restart."""

_BAD_REQUEST_REASONS = frozenset(("malformed", "unsupported-content-type"))
"""All refused for one of these: 400, the request was not understood; else 422, it was understood and is wrong."""
Refusal = dict[str, Any]
"""A `RefusedEvent`, as it is written."""


@dataclass
class HttpIngest:
    """Takes events in over HTTP."""

    producer: AIOKafkaProducer
    pool: asyncpg.Pool
    progress: Progress
    wait_for_postgres: bool
    register_unknown: bool
    limits: Limits = field(default_factory=Limits)

    async def ingest(
        self,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        publisher: Caller,
        bounds: Bounds = no_bounds,
    ) -> Response:
        """The answer to one request: what was accepted, is a duplicate, was refused and why."""
        events = _decode(headers, body, self.limits)
        items = [check_permission(publisher, _accept_event(item), bounds) for item in events]
        if not publisher.auth_disabled and not publisher.has_any_role(Role.PUBLISHER):
            async with self.pool.acquire() as connection:
                items = await check_own_amendments(connection, items)
        accepted = [(i, item) for i, item in enumerate(items) if not isinstance(item, Refused)]
        if not self.register_unknown:
            accepted = await self._filter_registered(accepted, items)
        await self._check_budgets([item for _, item in accepted])
        duplicate_count, conflicts = await self._find_known([item for _, item in accepted])
        refusals = [_build_refusal(i, events[i], item) for i, item in enumerate(items) if isinstance(item, Refused)]
        await self.write([item for _, item in accepted])
        notices = build_notices(accepted, conflicts)
        return _build_response(len(accepted) - duplicate_count, duplicate_count, refusals, notices)

    async def _check_budgets(self, items: Sequence[Interaction[Payload]]) -> None:
        """The offers among these have room where they would wait. Raises Problem: then none is written."""
        offers = [
            Offer(item.payload.handoff, (item.org, item.subject), item.payload.to.org)
            for item in items
            if isinstance(item.payload, HandoffOffered) and item.payload.handoff is not None
        ]
        if not offers:
            return
        async with self.pool.acquire() as connection:
            over_limit = await find_over_limit(connection, offers, self.limits)
        if over_limit:
            raise self.limits.named_limit(min(over_limit.values())).refusal(_OFFER_RETRY_AFTER_S)

    async def write_and_apply(self, item: Interaction[Payload], seconds: float = _DURABLE_TIMEOUT_S) -> None:
        """An event of the gateway's own making is written and applied: what is read from now on knows of it.

        Raises Problem when the broker does not take it, or it is not applied within so many seconds.
        """
        if not await self.progress.wait(await self._produce([item]), seconds):
            raise _not_durable_problem(seconds)

    async def _filter_registered(
        self, accepted: list[tuple[int, Interaction[Payload]]], items: list[Interaction[Payload] | Refused]
    ) -> list[tuple[int, Interaction[Payload]]]:
        async with self.pool.acquire() as connection:
            registered_orgs = await organisation_repository.known_organisations(
                connection, {item.org for _, item in accepted}
            )
        for i, item in accepted:
            if item.org not in registered_orgs:
                items[i] = UnknownOrganisation("is not on the register: ask the operator to enter it", field="source")
        return [(i, item) for i, item in accepted if item.org in registered_orgs]

    async def _find_known(self, items: Sequence[Interaction[Payload]]) -> tuple[int, list[int]]:
        """How many repeat others or are known, and the places of those that intake will park as conflicts.

        Both are advice: all are written, and an operator can see and replay parked records.
        """
        first: dict[Identity, Interaction[Payload]] = {}
        for item in items:
            first.setdefault((item.source, item.id), item)
        async with self.pool.acquire() as connection:
            digests = await known_digests(connection, list(first))
            changed = [key for key, digest in digests.items() if digest != compute_content_digest(first[key])]
            contents = await find_contents(connection, changed) if changed else {}
        duplicate_count, conflicts = 0, []
        for n, item in enumerate(items):
            identity = (item.source, item.id)
            reference, stored = first[identity], contents.get(identity)
            is_repeat = item is not reference
            duplicate_count += is_repeat or identity in digests
            if stored is None and (not is_repeat or compute_content_digest(item) == compute_content_digest(reference)):
                continue
            earlier = build_digested_content(reference) if stored is None else DigestedContent(*stored)
            if not is_same_content(build_digested_content(item), earlier):
                conflicts.append(n)
        return duplicate_count, conflicts

    async def write(self, items: Sequence[Interaction[Payload]]) -> None:
        """The broker has the events and will not forget them. Raises Problem otherwise: then they may be sent again."""
        ends = await self._produce(items)
        if self.wait_for_postgres and not await self.progress.wait(ends, _DURABLE_TIMEOUT_S):
            raise _not_durable_problem(_DURABLE_TIMEOUT_S)

    async def _produce(self, items: Sequence[Interaction[Payload]]) -> dict[Partition, int]:
        """The broker has the events; where they end."""
        try:
            futures = [await self._send(item) for item in items]
            record_metadata = await asyncio.gather(*futures)
        except KafkaError as error:
            raise Problem(
                503,
                "broker-unavailable",
                "the events were not taken: send the same request again",
                headers={"retry-after": "2"},
            ) from error
        ends: dict[Partition, int] = {}
        for meta in record_metadata:
            partition = (meta.topic, meta.partition)
            ends[partition] = max(ends.get(partition, 0), meta.offset + 1)
        for partition, end in ends.items():
            self.progress.observe_end(partition, end)
        return ends

    async def _send(self, item: Interaction[Payload]) -> asyncio.Future[Any]:
        headers, value = kafka.encode(with_trace_context(item.event))
        future: asyncio.Future[Any] = await self.producer.send(
            DOOR_TOPIC, value, key=item.subject.encode(), headers=headers
        )
        return future


def _not_durable_problem(seconds: float) -> Problem:
    return Problem(
        503,
        "not-durable-yet",
        f"the events did not reach Postgres within {seconds:.0f} s: send the same request again",
        headers={"retry-after": "5"},
    )


class UnknownOrganisation(Refused):
    """The source's organisation is not on the register."""

    reason = "unknown-organisation"


Ingest = Annotated[HttpIngest, Depends(service(HttpIngest))]

router = APIRouter(tags=["events"])


@router.post(
    "/v1/events",
    status_code=202,
    summary="Publish events",
    response_class=Response,
    responses={202: {"model": PublishResult, "description": "Those that were not refused are kept"}},
    openapi_extra=REQUEST,
)
async def publish_events(ingest: Ingest, request: Request, publisher: EventPublisher) -> Response:
    """One event in binary (`ce-` headers) or structured mode, or many in batch mode."""
    body = await request.body()
    headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in request.headers.raw]
    with start_span(
        f"send {DOOR_TOPIC}",
        kind=SpanKind.PRODUCER,
        attributes={
            "messaging.system": "kafka",
            "messaging.operation.type": "send",
            "messaging.operation.name": "send",
        },
    ) as span:
        span.set_attribute("messaging.destination.name", DOOR_TOPIC)
        return await ingest.ingest(headers, body, publisher)


def _decode(headers: Sequence[tuple[str, str]], body: bytes, limits: Limits) -> list[CloudEvent | Refused]:
    try:
        events = http.decode(headers, body)
    except TooLarge as error:
        raise Problem(413, error.reason, str(error), refused=[_build_refusal(0, None, error)]) from None
    except Refused as error:
        return [error]
    if len(events) > limits.events:
        raise limits.named_limit("events").refusal()
    if not events:
        raise Problem(400, "malformed", "the batch is empty: send at least one event")
    return events


def _accept_event(item: CloudEvent | Refused) -> Interaction[Payload] | Refused:
    if isinstance(item, Refused):
        return item
    try:
        interaction = accept(item)
        compute_content_digest(interaction)
    except Refused as error:
        return error
    return interaction


def _build_refusal(index: int, item: CloudEvent | Refused | None, error: Refused) -> Refusal:
    type_name = item.attributes.get("type") if isinstance(item, CloudEvent) else None
    is_known_type = isinstance(type_name, str) and type_name.startswith("org.pathline.") and len(type_name) <= 80
    return {
        "index": index,
        "type": type_name if is_known_type else None,
        "reason": error.reason,
        "field": error.field,
        "detail": str(error),
    }


def _build_response(accepted: int, duplicates: int, refusals: list[Refusal], notices: list[dict[str, Any]]) -> Response:
    DOOR_EVENTS.add(accepted, {"pathline.outcome": "accepted"})
    DOOR_EVENTS.add(duplicates, {"pathline.outcome": "duplicate"})
    for refusal in refusals:
        DOOR_EVENTS.add(1, {"pathline.outcome": "refused", "pathline.reason": refusal["reason"]})
    trace.get_current_span().set_attribute("messaging.batch.message_count", accepted + duplicates)
    counts: dict[str, Any] = {"accepted": accepted, "duplicate": duplicates, "refused": refusals}
    if notices:
        counts["notices"] = notices
    if accepted + duplicates:
        return Response(orjson.dumps(counts), 202, media_type="application/json")
    status = 400 if all(r["reason"] in _BAD_REQUEST_REASONS for r in refusals) else 422
    first = refusals[0]
    raise Problem(
        status, first["reason"], f"event {first['index']}: {first['detail']}", accepted=0, duplicate=0, refused=refusals
    )
