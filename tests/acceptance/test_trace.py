"""One interaction, followed: the agency's call, Kafka, intake, the pull; by links, where a parent would be untrue."""

from __future__ import annotations

from pathlib import Path

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.gateways.process import running
from support.servers.otlp_receiver import OtlpReceiver, receiving

TRACE, CALL = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = {"traceparent": f"00-{TRACE}-{CALL}-01"}
SUBJECT = "v1.AAAAAAAAAAAAAAAAAAAAAA"


def spans(sink: OtlpReceiver, name: str) -> list[Span]:
    scopes = [scope for request in sink.traces for resource in request.resource_spans for scope in resource.scope_spans]
    return [span for scope in scopes for span in scope.spans if span.name == name]


def test_the_call_is_continued_by_parents_to_the_broker_and_by_a_link_from_there(tmp_path: Path) -> None:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "urn:pathline:clinic:desk",
        "type": "org.pathline.contact.made.v1",
        "subject": SUBJECT,
        "time": "2026-03-02T09:00:00Z",
        "data": {"kind": "enquiry"},
    }
    with receiving() as sink:
        with running(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_BSP_SCHEDULE_DELAY="200") as gateway:
            batch = {"content-type": "application/cloudevents-batch+json", **CALLER}
            assert gateway.http.post("/v1/events", json=[event], headers=batch).status_code == 202
            gateway.settled()
            found = gateway.http.post("/v1/pathways/search", json={"org": "clinic", "subject": SUBJECT}).json()
            assert gateway.http.get(f"/v1/pathways/{found['pathway']}", headers=CALLER).status_code == 200
            journey = gateway.http.get(f"/v1/pathways/{found['pathway']}/trace").json()
        (posted,) = spans(sink, "POST /v1/events")
        (sent,) = spans(sink, "send pathline.in.door-1")
        (processed,) = spans(sink, "process pathline.in.*")
        (pulled,) = spans(sink, "GET /v1/pathways/{pathway}")
    assert (posted.trace_id.hex(), posted.parent_span_id.hex()) == (TRACE, CALL)
    assert (sent.trace_id, sent.parent_span_id) == (posted.trace_id, posted.span_id)
    assert (sent.kind, processed.kind) == (Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER)
    assert processed.parent_span_id == b""
    assert processed.trace_id != sent.trace_id
    assert [(link.trace_id, link.span_id) for link in processed.links] == [(sent.trace_id, sent.span_id)]
    assert (pulled.trace_id.hex(), pulled.parent_span_id.hex()) == (TRACE, CALL)
    root, _, leaf = (span for r in journey["resourceSpans"] for span in r["scopeSpans"][0]["spans"])
    assert root["traceId"] not in (TRACE, processed.trace_id.hex())
    assert leaf["links"] == [{"traceId": TRACE, "spanId": sent.span_id.hex()}]
