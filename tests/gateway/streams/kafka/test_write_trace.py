"""A reader is told the trace of the delivery; the link to the publisher's stays with the gateway."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pathline_gateway.pathways.stored_form import render_payload
from pathline_gateway.streams.kafka.write_trace import start_write_span, traceparent_of
from pathline_gateway.telemetry import instruments

PUBLISHED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def payload(traceparent: str | None) -> bytes:
    attributes = b"{}" if traceparent is None else b'{"traceparent":"' + traceparent.encode() + b'"}'
    return render_payload(None, None, attributes, b"{}")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(instruments, "TRACER", provider.get_tracer("test"))
    return exporter


def test_each_write_has_a_trace_of_its_own_that_links_to_the_publishers_and_tells_nothing_of_them(
    spans: InMemorySpanExporter,
) -> None:
    told = []
    for _ in range(2):
        with start_write_span(3) as span:
            told.append(traceparent_of(span, [payload(PUBLISHED), payload(PUBLISHED), payload(None)]))
    one, other = told
    assert one is not None
    assert other is not None
    assert one[3:35] != other[3:35]
    assert PUBLISHED[3:35] not in one + other
    for finished, traceparent in zip(spans.get_finished_spans(), told, strict=True):
        assert finished.context is not None
        assert f"{finished.context.trace_id:032x}" == str(traceparent)[3:35]
        assert finished.parent is None
        (link,) = finished.links
        assert f"{link.context.trace_id:032x}" == PUBLISHED[3:35]


def test_links_are_no_more_than_a_span_may_have(spans: InMemorySpanExporter) -> None:
    many = [payload(f"00-{n:032x}-b7ad6b7169203331-01") for n in range(1, 300)]
    with start_write_span(300) as span:
        traceparent_of(span, many)
    assert len(spans.get_finished_spans()[0].links) == instruments.MAX_LINKS


def test_where_nobody_records_the_reader_is_told_no_trace() -> None:
    with start_write_span(1) as span:
        assert traceparent_of(span, [payload(PUBLISHED)]) is None
