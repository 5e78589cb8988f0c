"""Where spans and metrics go: OTLP by the standard `OTEL_…` variables, and `/metrics` for Prometheus."""

from __future__ import annotations

import os

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, Sampler

from pathline_gateway.telemetry.instruments import DELIVERY_SPANS, FINISHED_SPANS, FinishedSpans
from pathline_gateway.telemetry.series_bound import METRIC_ATTRIBUTES

PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MAX_FINISHED_SPANS = 4_096
"""Spans of what is over that wait to be sent; no more are made at once."""
_MAX_DELIVERY_SPANS = 8_192
"""Of deliveries; those beyond are lost while the receiver of spans is slower than deliveries are."""
_FINISHED_PROVIDERS: list[TracerProvider] = []
_DELIVERY_PROVIDERS: list[TracerProvider] = []
_OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")


def configure() -> None:
    """Spans and metrics of this process are kept and exported. Call once, before anything else is started."""
    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "pathline-gateway")})
    # Spans that nobody will see still have ids to pass on; recording them would be for nothing.
    tracer_provider = TracerProvider(sampler=None if _is_exported("TRACES") else ALWAYS_OFF, resource=resource)
    if _is_exported("TRACES"):
        tracer_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(tracer_provider)
    if _is_exported("TRACES"):
        _FINISHED_PROVIDERS.append(_export(FINISHED_SPANS, resource, ALWAYS_ON, _MAX_FINISHED_SPANS))
        _DELIVERY_PROVIDERS.append(_export(DELIVERY_SPANS, resource, None, _MAX_DELIVERY_SPANS))
    readers: list[MetricReader] = [PrometheusMetricReader()]
    if _is_exported("METRICS"):
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    # The SDK has no limit on cardinality: only the declared attributes pass.
    views = [View(instrument_name="*", attribute_keys=set(METRIC_ATTRIBUTES))]
    metrics.set_meter_provider(MeterProvider(readers, resource, views=views))


def make_provider(spans: FinishedSpans, resource: Resource, sampler: Sampler | None = None) -> TracerProvider:
    """Makes these spans from now on. `sampler`: None is that of `OTEL_TRACES_SAMPLER`."""
    provider = TracerProvider(sampler=sampler, resource=resource, id_generator=_IdsOfFinished(spans))

    def is_sampled(trace_id: int) -> bool:
        decision = provider.sampler.should_sample(Context(), trace_id, "").decision
        return decision is Decision.RECORD_AND_SAMPLE

    spans.use_tracer(provider.get_tracer("pathline.gateway"), is_sampled)
    return provider


def _export(spans: FinishedSpans, resource: Resource, sampler: Sampler | None, queue_size: int) -> TracerProvider:
    provider = make_provider(spans, resource, sampler)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=queue_size))
    return provider


class _IdsOfFinished(IdGenerator):
    """The ids that things that are over have of themselves."""

    def __init__(self, spans: FinishedSpans) -> None:
        self._spans = spans

    def generate_trace_id(self) -> int:
        return self._spans.generate_trace_id()

    def generate_span_id(self) -> int:
        return self._spans.generate_span_id()


def flush_finished() -> None:
    """Spans of what is over have left the process, or their receiver does not answer."""
    for provider in _FINISHED_PROVIDERS:
        provider.force_flush()


def shut_down() -> None:
    """What is still in memory is exported."""
    for provider in (
        trace.get_tracer_provider(),
        metrics.get_meter_provider(),
        *_FINISHED_PROVIDERS,
        *_DELIVERY_PROVIDERS,
    ):
        if isinstance(provider, TracerProvider | MeterProvider):
            provider.shutdown()


def _is_exported(signal: str) -> bool:
    if os.environ.get(f"OTEL_{signal}_EXPORTER", "otlp") != "otlp":
        return False
    return any(os.environ.get(name.format(signal=signal)) for name in _OTLP_ENDPOINTS)
