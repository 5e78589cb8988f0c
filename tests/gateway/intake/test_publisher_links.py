"""The span of a batch is linked to the call of every publisher, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.pipeline import Pipeline
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.telemetry import instruments
from support.intake.history import TOPIC, record, step

PARTITION = (TOPIC, 0)


class Persister:
    async def persist(self, batch: Batch) -> None:
        """It is stored."""


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(instruments, "TRACER", provider.get_tracer("pathline.gateway"))
    yield exporter
    provider.shutdown()


async def spans_of_batch(exporter: InMemorySpanExporter, traceparents: list[str]) -> list[ReadableSpan]:
    """What is exported of a batch of events that were published with these."""
    events = [
        replace(step("clinic", f"c{n}", 1, 1), extensions={"traceparent": each}) for n, each in enumerate(traceparents)
    ]
    records = [record(event, offset) for offset, event in enumerate(events)]
    pipeline = Pipeline(Persister(), "g", lambda _: None)  # type: ignore[arg-type]
    await pipeline._store(Batch({PARTITION: [parse_record(each) for each in records]}, {PARTITION: 0}, {PARTITION: 1}))
    return list(exporter.get_finished_spans())


def traceparents(n: int) -> list[str]:
    return [f"00-{trace:032x}-{trace:016x}-01" for trace in range(1, n + 1)]


def links_of(spans: list[ReadableSpan]) -> list[int]:
    return [link.context.trace_id for span in spans for link in span.links]


@pytest.mark.parametrize("n", [0, 1, 128, 129, 2_000])
async def test_every_call_is_linked_once_and_no_span_has_too_many_links(exporter: InMemorySpanExporter, n: int) -> None:
    spans = await spans_of_batch(exporter, traceparents(n))
    assert sorted(links_of(spans)) == list(range(1, n + 1))
    assert max(len(span.links) for span in spans) <= instruments.MAX_LINKS
    assert not any(span.dropped_links for span in spans)
    assert len(spans) == max(1, -(-n // instruments.MAX_LINKS))


async def test_the_spans_of_a_batch_are_one_trace_below_one_span(exporter: InMemorySpanExporter) -> None:
    *below, top = await spans_of_batch(exporter, traceparents(300))
    assert top.parent is None
    assert {span.parent.span_id for span in below if span.parent is not None} == {top.context.span_id}
    assert len({span.context.trace_id for span in (*below, top)}) == 1


async def test_events_of_one_call_are_one_link(exporter: InMemorySpanExporter) -> None:
    assert links_of(await spans_of_batch(exporter, traceparents(1) * 50)) == [1]
