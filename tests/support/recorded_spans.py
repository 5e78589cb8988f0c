"""What would be exported of spans, kept in memory for as long as a test lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from pathline_gateway.telemetry import instruments
from pathline_gateway.telemetry.exporters import make_provider
from pathline_gateway.telemetry.instruments import DELIVERY_SPANS


@contextmanager
def record_spans(sampler: Sampler = ALWAYS_ON) -> Iterator[InMemorySpanExporter]:
    """Spans of works, of requests and of deliveries."""
    exporter, works = InMemorySpanExporter(), TracerProvider(sampler=sampler)
    usual_tracer, usual_spans = instruments.TRACER, vars(DELIVERY_SPANS).copy()
    providers = (works, make_provider(DELIVERY_SPANS, Resource.create({}), sampler))
    for provider in providers:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    instruments.TRACER = works.get_tracer("pathline.gateway")  # type: ignore[misc]
    try:
        yield exporter
    finally:
        instruments.TRACER = usual_tracer  # type: ignore[misc]
        vars(DELIVERY_SPANS).update(usual_spans)
        for provider in providers:
            provider.shutdown()
