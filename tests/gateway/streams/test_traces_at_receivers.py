"""What receivers are told of traces joins nobody; the exported spans join each delivery to the call that published."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.streams.sse.stream import SseStreams
from pathline_gateway.telemetry.instruments import MAX_LINKS
from support.gateways.routes import SECRET, GatewayRoutes, subscriber
from support.gateways.subscriptions import pull_events, subscribe_by_pull
from support.gateways.webhook_workers import run_webhook_workers, subscribe_by_webhook
from support.intake.history import Event, linked, ref, step
from support.intake.life import consent_given, make_event
from support.recorded_spans import record_spans
from support.servers.webhook_receiver import Posted, Reply, listening

PUBLISHED, CALL = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = {"traceparent": f"00-{PUBLISHED}-{CALL}-01", "tracestate": "vendor=of-the-publisher"}


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    with record_spans() as exporter:
        yield exporter


def traced(event: Event) -> Event:
    return replace(event, extensions=TRACED)


def trace_of(told: str) -> str:
    version, trace, _, flags = told.split("-")
    assert (version, flags) == ("00", "01")
    return trace


def hex_ids(span: ReadableSpan) -> tuple[str, str]:
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def links(span: ReadableSpan) -> set[str]:
    return {f"{link.context.trace_id:032x}" for link in span.links}


async def heard(gateway: GatewayRoutes, id: str, count: int) -> list[dict[str, Any]]:
    """The first events of a stream."""
    events: list[dict[str, Any]] = []
    streams = SseStreams(gateway.pool, SECRET, lambda: gateway.now, gateway.listeners)
    frames = streams.listen(UUID(id), 0, auth_disabled=False)
    async with asyncio.timeout(20):
        while len(events) < count:
            frame = await anext(frames)
            data = [line.partition(b"data: ")[2] for line in frame.splitlines() if line.startswith(b"data: ")]
            events += [event for event in map(orjson.loads, data) if "id" in event]
        await anext(frames)  # the frames before it have left
    await frames.aclose()  # type: ignore[attr-defined]
    return events


async def test_no_two_receivers_have_a_trace_in_common_and_each_delivery_is_linked_to_the_publishers(
    gateway: GatewayRoutes, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pathline_gateway.streams.sse.stream._HEARTBEAT_S", 0.01)
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9))
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    await gateway.publish(consent_given())
    clinic, housing = subscriber("clinic"), subscriber("housing")
    contacts = {"exact": {"type": "org.pathline.contact.made.v1"}}
    async with listening() as first, listening() as second, run_webhook_workers(gateway):
        await subscribe_by_webhook(gateway, first, contacts, by=clinic, org="clinic")
        await subscribe_by_webhook(gateway, second, contacts, by=housing, org="housing")
        cursor = await subscribe_by_pull(gateway, housing, "housing", contacts)
        stream = await subscribe_by_pull(gateway, clinic, "clinic", contacts)
        exporter.clear()
        await gateway.publish(
            traced(make_event("clinic", "c1", "contact.made", 1, 8, kind="chase", episode="episode-5"))
        )
        await gateway.dispatch(everything=False)
        await first.until_took(1)
        await second.until_took(1)
        (pulled,) = (await pull_events(gateway, housing, cursor))["events"]
        assert (await pull_events(gateway, housing, cursor))["events"] == [pulled]
        (own,) = await heard(gateway, stream, 1)
        assert (own["id"], pulled["id"] != "c1") == ("c1", True)
    received = [(each.headers["traceparent"], each.event) for each in (first.took[0], second.took[0])]
    told = [received[0][0], received[1][0], pulled["traceparent"], own["traceparent"]]
    assert [event["traceparent"] for _, event in received] == told[:2]
    traces = {trace_of(each) for each in told}
    assert len(traces) == 4
    whole = orjson.dumps([dict(each.headers) for each in (*first.took, *second.took)] + [pulled, own]).decode()
    whole += "".join(each.body.decode() for each in (*first.took, *second.took))
    assert not any(word in whole for word in (PUBLISHED, CALL, "of-the-publisher"))
    spans = {hex_ids(span): span for span in exporter.get_finished_spans()}
    for each in told:
        _, trace, span_id, _ = each.split("-")
        span = spans[trace, span_id]
        assert span.parent is None
        assert [f"{link.context.trace_id:032x}-{link.context.span_id:016x}" for link in span.links] == [
            f"{PUBLISHED}-{CALL}"
        ]
    assert sorted(spans[each.split("-")[1], each.split("-")[2]].name for each in told) == [
        "POST", "POST", "deliver PULL", "deliver SSE"
    ]  # fmt: skip
    (dispatched,) = [span for span in spans.values() if span.name == "dispatch" and span.links]
    assert (links(dispatched), dispatched.parent) == ({PUBLISHED}, None)


async def test_a_retry_is_a_span_of_the_same_trace_with_the_number_of_the_attempt(
    gateway: GatewayRoutes, exporter: InMemorySpanExporter
) -> None:
    def answer(_: Posted) -> Reply:
        return Reply(500 if len(sink.posted) < 3 else 204)

    async with listening() as sink, run_webhook_workers(gateway):
        sink.answer = answer
        await subscribe_by_webhook(gateway, sink)
        await gateway.publish(traced(step("clinic", "c1", 1)))
        await gateway.dispatch()
        await sink.until_took(1)
        told = [each.headers["traceparent"] for each in sink.posted]
    assert len(told) == len(set(told)) == 3
    assert len({trace_of(each) for each in told}) == 1
    posts = {hex_ids(span): span for span in exporter.get_finished_spans() if span.name == "POST"}
    in_order = [posts[each.split("-")[1], each.split("-")[2]] for each in told]
    assert [dict(span.attributes or {}).get("http.request.resend_count") for span in in_order] == [None, 1, 2]
    assert [dict(span.attributes or {})["http.response.status_code"] for span in in_order] == [500, 500, 204]
    assert [span.status.is_ok for span in in_order] == [False, False, True]
    for span in in_order:
        assert (span.kind, span.parent, links(span)) == (SpanKind.CLIENT, None, {PUBLISHED})
        attributes = dict(span.attributes or {})
        assert (attributes["server.address"], attributes["pathline.organisation"]) == ("127.0.0.1", "reader")
        assert not any("events" in str(value) or "of=care" in str(value) for value in attributes.values())


async def test_of_a_page_every_published_trace_is_linked_in_spans_with_room_for_them(
    gateway: GatewayRoutes, exporter: InMemorySpanExporter
) -> None:
    n = 2 * MAX_LINKS + 44
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    published = {f"{each:032x}" for each in range(1, n + 1)}
    await gateway.publish(
        *(
            step("clinic", f"c{each}", each % 7, traceparent=f"00-{each:032x}-{each:016x}-01")
            for each in range(1, n + 1)
        )
    )
    await gateway.dispatch()
    dispatched = [span for span in exporter.get_finished_spans() if span.name == "dispatch"]
    assert set().union(*map(links, dispatched)) == published
    assert sum(len(span.links) for span in dispatched) == n
    assert max(len(span.links) for span in dispatched) == MAX_LINKS
    assert not any(span.dropped_links for span in dispatched)
    assert len({span.context.trace_id for span in dispatched}) == 1
    exporter.clear()
    events = (await pull_events(gateway, AUTH_DISABLED_CALLER, id, limit=1_000))["events"]
    delivered = [span for span in exporter.get_finished_spans() if span.name == "deliver PULL"]
    assert {hex_ids(span)[0] for span in delivered} == {trace_of(each["traceparent"]) for each in events}
    assert [links(span) for span in delivered] == [{f"{int(each['id'].removeprefix('c')):032x}"} for each in events]


async def test_a_marker_is_no_delivery_and_a_thin_event_is_one(
    gateway: GatewayRoutes, exporter: InMemorySpanExporter
) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    await gateway.publish(traced(step("clinic", "c1", 1)))
    await gateway.dispatch()
    (event,) = (await pull_events(gateway, AUTH_DISABLED_CALLER, id))["events"]
    config = {"organisation": "reader", "purpose": "care", "payload": "thin"}
    changed = await gateway.request(
        AUTH_DISABLED_CALLER, "PUT", f"/v1/subscriptions/{id}", json={"protocol": "PULL", "config": config}
    )
    assert changed.status_code == 200
    (thin,) = (await pull_events(gateway, AUTH_DISABLED_CALLER, id))["events"]
    assert thin["traceparent"] == event["traceparent"]
    exporter.clear()
    await gateway.execute("update subscription set pruned_through = 1")
    (marker,) = (await pull_events(gateway, AUTH_DISABLED_CALLER, id))["events"]
    assert marker == {"number": 1, "forgotten": True, "first": 1}
    assert not [span for span in exporter.get_finished_spans() if span.name == "deliver PULL"]
