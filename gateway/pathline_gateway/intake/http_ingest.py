"""The HTTP door: `POST /v1/events` writes to Kafka, not around it, with a result for every event."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import APIRouter, Request, Response
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from pathline.cloudevent import CloudEvent
from pathline.codec import http, kafka
from pathline.errors import Refused, TooLarge
from pathline.interaction import Interaction, accept
from pathline.producer import TOPIC_PREFIX, traced
from pathline.vocabulary import Payload
from pathline.vocabulary.handoffs import HandoffOffered
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.middleware import Asker
from pathline_gateway.intake.content_digest import DigestedContent, same
from pathline_gateway.intake.dedup_repository import Identity, contents, known_digests
from pathline_gateway.intake.offer_budget import Offer, beyond
from pathline_gateway.intake.publish_permission import Bounds, allowed, amending_own, unbounded
from pathline_gateway.intake.record_parser import content_digest, content_of
from pathline_gateway.intake.schemas import REQUEST, Published
from pathline_gateway.kafka.offset_repository import Partition
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.limits.table import Limits
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.telemetry.instruments import DOOR_EVENTS, spanning
from pathline_gateway.web.problem import Problem

DOOR_TOPIC = f"{TOPIC_PREFIX}door-1"
"""Where the door writes the events of organisations that use only HTTP."""

_WITHDRAWN_S = 60
"""How soon room may be made by whoever withdraws what nobody needs."""
_DURABLE_S = 25.0
"""Longest wait for Postgres where the broker's log does not survive a restart."""

_UNREADABLE = frozenset(("malformed", "unsupported-content-type"))
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

    async def take(
        self,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        publisher: Caller,
        bounds: Bounds = unbounded,
    ) -> Response:
        """The answer to one request: what was accepted, is a duplicate, was refused and why."""
        decoded = _decode(headers, body, self.limits)
        read = [allowed(publisher, _read(item), bounds) for item in decoded]
        if not publisher.open and not publisher.may_be(Role.PUBLISHER):
            async with self.pool.acquire() as connection:
                read = await amending_own(connection, read)
        good = [(i, item) for i, item in enumerate(read) if not isinstance(item, Refused)]
        if not self.register_unknown:
            good = await self._of_registered(good, read)
        refused = [_refusal(i, decoded[i], item) for i, item in enumerate(read) if isinstance(item, Refused)]
        await self._within_budgets([item for _, item in good])
        known = await self._duplicates([item for _, item in good])
        await self.write([item for _, item in good])
        return _answer(len(good) - known, known, refused)

    async def _within_budgets(self, items: Sequence[Interaction[Payload]]) -> None:
        """The offers among these have room where they would wait. Raises Problem: then none is written."""
        offers = [
            Offer(item.payload.handoff, (item.org, item.subject), item.payload.to.org)
            for item in items
            if isinstance(item.payload, HandoffOffered) and item.payload.handoff is not None
        ]
        if not offers:
            return
        async with self.pool.acquire() as connection:
            full = await beyond(connection, offers, self.limits)
        if full:
            raise self.limits.named(min(full.values())).refusal(_WITHDRAWN_S)

    async def put(self, item: Interaction[Payload], seconds: float = _DURABLE_S) -> None:
        """An event of the gateway's own making is written and applied: what is read from now on knows of it.

        Raises Problem when the broker does not take it, or it is not applied within so many seconds.
        """
        if not await self.progress.wait(await self._written([item]), seconds):
            raise _not_durable_yet(seconds)

    async def _of_registered(
        self, good: list[tuple[int, Interaction[Payload]]], read: list[Interaction[Payload] | Refused]
    ) -> list[tuple[int, Interaction[Payload]]]:
        async with self.pool.acquire() as connection:
            registered = await organisation_repository.known_organisations(connection, {item.org for _, item in good})
        for i, item in good:
            if item.org not in registered:
                read[i] = UnknownOrganisation("is not on the register: ask the operator to enter it", field="source")
        return [(i, item) for i, item in good if item.org in registered]

    async def _duplicates(self, items: list[Interaction[Payload]]) -> int:
        """How many are repeated in the request or known with equal content: advice, they are written all the same."""
        first: dict[Identity, Interaction[Payload]] = {}
        for item in items:
            first.setdefault((item.source, item.id), item)
        async with self.pool.acquire() as connection:
            digests = await known_digests(connection, list(first))
            changed = [identity for identity, digest in digests.items() if digest != content_digest(first[identity])]
            kept = await contents(connection, changed) if changed else {}
        same_otherwise = sum(
            same(content_of(first[identity]), DigestedContent(*said)) for identity, said in kept.items()
        )
        return len(items) - len(first) + len(digests) - len(changed) + same_otherwise

    async def write(self, items: Sequence[Interaction[Payload]]) -> None:
        """The broker has the events and will not forget them. Raises Problem otherwise: then they may be sent again."""
        ends = await self._written(items)
        if self.wait_for_postgres and not await self.progress.wait(ends, _DURABLE_S):
            raise _not_durable_yet(_DURABLE_S)

    async def _written(self, items: Sequence[Interaction[Payload]]) -> dict[Partition, int]:
        """The broker has the events; where they end."""
        try:
            sent = [await self._send(item) for item in items]
            written = await asyncio.gather(*sent)
        except KafkaError as failed:
            raise Problem(
                503,
                "broker-unavailable",
                "the events were not taken: send the same request again",
                headers={"retry-after": "2"},
            ) from failed
        ends: dict[Partition, int] = {}
        for meta in written:
            partition = (meta.topic, meta.partition)
            ends[partition] = max(ends.get(partition, 0), meta.offset + 1)
        for partition, end in ends.items():
            self.progress.seen(partition, end)
        return ends

    async def _send(self, item: Interaction[Payload]) -> asyncio.Future[Any]:
        headers, value = kafka.encode(traced(item.event))
        future: asyncio.Future[Any] = await self.producer.send(
            DOOR_TOPIC, value, key=item.subject.encode(), headers=headers
        )
        return future


def _not_durable_yet(seconds: float) -> Problem:
    return Problem(
        503,
        "not-durable-yet",
        f"the events did not reach Postgres within {seconds:.0f} s: send the same request again",
        headers={"retry-after": "5"},
    )


class UnknownOrganisation(Refused):
    """The source's organisation is not on the register."""

    reason = "unknown-organisation"


def routes(door: HttpIngest) -> APIRouter:
    """`POST /v1/events`."""
    router = APIRouter(tags=["events"])

    @router.post(
        "/v1/events",
        status_code=202,
        summary="Publish events",
        response_class=Response,
        responses={202: {"model": Published, "description": "Those that were not refused are kept"}},
        openapi_extra=REQUEST,
    )
    async def publish(request: Request, publisher: Asker) -> Response:
        """One event in binary (`ce-` headers) or structured mode, or many in batch mode."""
        body = await request.body()
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in request.headers.raw]
        with spanning(
            f"send {DOOR_TOPIC}",
            kind=SpanKind.PRODUCER,
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "send",
                "messaging.operation.name": "send",
            },
        ) as span:
            span.set_attribute("messaging.destination.name", DOOR_TOPIC)
            return await door.take(headers, body, publisher)

    return router


def _decode(headers: Sequence[tuple[str, str]], body: bytes, limits: Limits) -> list[CloudEvent | Refused]:
    try:
        decoded = http.decode(headers, body)
    except TooLarge as large:
        raise Problem(413, large.reason, str(large), refused=[_refusal(0, None, large)]) from None
    except Refused as refused:
        return [refused]
    if len(decoded) > limits.events:
        raise limits.named("events").refusal()
    if not decoded:
        raise Problem(400, "malformed", "the batch is empty: send at least one event")
    return decoded


def _read(item: CloudEvent | Refused) -> Interaction[Payload] | Refused:
    if isinstance(item, Refused):
        return item
    try:
        interaction = accept(item)
        content_digest(interaction)
    except Refused as refused:
        return refused
    return interaction


def _refusal(index: int, item: CloudEvent | Refused | None, refused: Refused) -> Refusal:
    type_name = item.attributes.get("type") if isinstance(item, CloudEvent) else None
    known = isinstance(type_name, str) and type_name.startswith("org.pathline.") and len(type_name) <= 80
    return {
        "index": index,
        "type": type_name if known else None,
        "reason": refused.reason,
        "field": refused.field,
        "detail": str(refused),
    }


def _answer(accepted: int, duplicates: int, refused: list[Refusal]) -> Response:
    DOOR_EVENTS.add(accepted, {"pathline.outcome": "accepted"})
    DOOR_EVENTS.add(duplicates, {"pathline.outcome": "duplicate"})
    for refusal in refused:
        DOOR_EVENTS.add(1, {"pathline.outcome": "refused", "pathline.reason": refusal["reason"]})
    trace.get_current_span().set_attribute("messaging.batch.message_count", accepted + duplicates)
    counts = {"accepted": accepted, "duplicate": duplicates, "refused": refused}
    if accepted + duplicates:
        return Response(orjson.dumps(counts), 202, media_type="application/json")
    status = 400 if all(r["reason"] in _UNREADABLE for r in refused) else 422
    first = refused[0]
    raise Problem(
        status, first["reason"], f"event {first['index']}: {first['detail']}", accepted=0, duplicate=0, refused=refused
    )
