"""Spans and metrics of the gateway: every name once, with its unit and the question that it answers.

No span, metric label or log line carries a subject, a pathway or an event id. In particular
`messaging.kafka.message.key` and `cloudevents.event_subject` are never recorded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from opentelemetry import metrics, trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from pathline_gateway.telemetry.series_bound import BoundedCounter, BoundedHistogram, MetricSeries

TRACER: Final = trace.get_tracer("pathline.gateway")
"""Spans are made with `start_span`, which keeps the messages of exceptions out of them."""
_METER: Final = metrics.get_meter("pathline.gateway")

MAX_LINKS: Final = 128
"""The SDK cuts links beyond this without a word."""

_DURATION_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Buckets of durations, in seconds. The SDK's own are for milliseconds: the first would hold everything."""

INTAKE_RECORDS: Final = BoundedCounter(
    _METER.create_counter(
        "pathline.intake.records", unit="{record}", description="What became of the records that intake consumed?"
    ),
    attribute_keys=("pathline.outcome", "pathline.reason"),
)
INTAKE_BATCH_DURATION: Final = BoundedHistogram(
    _METER.create_histogram(
        "pathline.intake.batch.duration",
        unit="s",
        description="How long does a batch take from poll to commit?",
        explicit_bucket_boundaries_advisory=_DURATION_BUCKETS_S,
    ),
    attribute_keys=(),
)
INTAKE_LOGS: Final = BoundedCounter(
    _METER.create_counter(
        "pathline.intake.logs", unit="{partition}", description="How often was a log replaced, or did it expire unread?"
    ),
    attribute_keys=("pathline.reason",),
)
INTAKE_REBUILDS: Final = BoundedCounter(
    _METER.create_counter(
        "pathline.intake.rebuilds", unit="{rebuild}", description="How often was a consumer rebuilt, and why?"
    ),
    attribute_keys=("pathline.reason",),
)
PROCESS_RESTARTS: Final = BoundedCounter(
    _METER.create_counter(
        "pathline.process.restarts", unit="{restart}", description="How often did a process end and was started again?"
    ),
    attribute_keys=("pathline.process",),
)
DOOR_EVENTS: Final = BoundedCounter(
    _METER.create_counter(
        "pathline.door.events", unit="{event}", description="What did the HTTP door answer to the events sent to it?"
    ),
    attribute_keys=("pathline.outcome", "pathline.reason"),
)
LINK_TOKENS: Final = BoundedCounter(
    _METER.create_counter(
        "pathline.identity.tokens", unit="{token}", description="What became of the tokens by which people link?"
    ),
    attribute_keys=("pathline.outcome",),
)
_LONG_DURATION_BUCKETS_S: Final = tuple(
    hours * 3_600.0 for hours in (1, 4, 24, 48, 120, 168, 336, 672, 1_440, 2_160, 4_320, 8_760)
)
"""Buckets of what takes hours to a year, in seconds."""

HANDOFF_DURATION: Final = BoundedHistogram(
    _METER.create_histogram(
        "pathline.handoff.duration",
        unit="s",
        description="How long does a hand-off take from its offer to its end, between whom, and how does it end?",
        explicit_bucket_boundaries_advisory=_LONG_DURATION_BUCKETS_S,
    ),
    attribute_keys=("pathline.from", "pathline.to", "pathline.outcome"),
)
HANDOFFS: Final = BoundedCounter(
    _METER.create_counter(
        "pathline.handoff.outcomes",
        unit="{handoff}",
        description="How many hand-offs were silent, declined, expired or otherwise ended, between whom?",
    ),
    attribute_keys=("pathline.from", "pathline.to", "pathline.outcome"),
)
PULL_DURATION: Final = BoundedHistogram(
    _METER.create_histogram(
        "pathline.pull.duration",
        unit="s",
        description="How long does a pull take, by kind of pull?",
        explicit_bucket_boundaries_advisory=_DURATION_BUCKETS_S,
    ),
    attribute_keys=("pathline.pull",),
)

WEBHOOK_REQUESTS: Final = BoundedCounter(
    _METER.create_counter(
        "pathline.webhook.requests", unit="{request}", description="How did requests to the sinks of subscriptions end?"
    ),
    attribute_keys=("pathline.organisation", "pathline.outcome"),
)
WEBHOOK_DELAY: Final = BoundedHistogram(
    _METER.create_histogram(
        "pathline.webhook.delay",
        unit="s",
        description="How long after it was given to a subscription does an event arrive at its sink?",
        explicit_bucket_boundaries_advisory=(*_DURATION_BUCKETS_S, 60, 600, 3_600, 86_400),
    ),
    attribute_keys=("pathline.organisation",),
)

TOPIC_RECORDS: Final = BoundedCounter(
    _METER.create_counter(
        "pathline.topic.records",
        unit="{record}",
        description="How many records were written to topics of subscriptions?",
    ),
    attribute_keys=("pathline.organisation",),
)
TOPIC_DELAY: Final = BoundedHistogram(
    _METER.create_histogram(
        "pathline.topic.delay",
        unit="s",
        description="How long after it was given to a subscription is the oldest event of a write in its topic?",
        explicit_bucket_boundaries_advisory=(*_DURATION_BUCKETS_S, 60, 600, 3_600, 86_400),
    ),
    attribute_keys=("pathline.organisation",),
)

REFUSALS: Final = BoundedCounter(
    _METER.create_counter(
        "pathline.limit.refusals",
        unit="{refusal}",
        description="How often did a caller go past a limit, and past which?",
    ),
    attribute_keys=("pathline.limit",),
)

_Attributes = tuple[tuple[str, str], ...]


class ObservedGauge:
    """A number for each set of attributes, as it was last looked at; what has gone is told as 0."""

    def __init__(self, name: str, *, unit: str, description: str, attribute_keys: Collection[str]) -> None:
        self._values: dict[_Attributes, int] = {}
        self._series = MetricSeries(attribute_keys)
        _METER.create_observable_gauge(name, [self._observe], unit, description)

    def replace_all(self, levels: Iterable[tuple[Mapping[str, str], int]]) -> None:
        """From now on these are told."""
        values = Counter(dict.fromkeys(self._values, 0))
        for attributes, n in levels:
            values[tuple(sorted(self._series.bound_attributes(attributes).items()))] += n
        self._values = dict(values)

    def current_values(self) -> Mapping[_Attributes, int]:
        """The exported values, by attributes."""
        return self._values

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(n, dict(attributes)) for attributes, n in self._values.items()]


PARKED: Final = ObservedGauge(
    "pathline.parked",
    unit="{record}",
    description="How many records are parked now, by whom and for what reason?",
    attribute_keys=("pathline.organisation", "pathline.reason"),
)
WORK_FAILING: Final = ObservedGauge(
    "pathline.work.failing",
    unit="{record}",
    description="How many records has a background work set aside (1 where it fails as a whole)?",
    attribute_keys=("pathline.work",),
)
ISSUER_KEYS: Final = ObservedGauge(
    "pathline.issuer.keys",
    unit="{key}",
    description="How many keys of the issuer are used, or left out, and why?",
    attribute_keys=("pathline.outcome", "pathline.reason"),
)


class start_span:
    """A span around a block. An exception is recorded by its type alone: its message may hold what somebody sent.

    A class, and not a generator: it is entered for every request.
    """

    __slots__ = ("_span", "_token")

    def __init__(
        self,
        name: str,
        *,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AttributeValue] | None = None,
        links: Sequence[Link] = (),
    ) -> None:
        self._span = TRACER.start_span(name, context, kind, attributes, links, record_exception=False)

    def __enter__(self) -> Span:
        self._token = attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        detach(self._token)
        if isinstance(error, Exception):
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def link_all(span: Span, name: str, links: Sequence[Link]) -> None:
    """A recorded span has each of these links once. Spans of this name below it have those beyond `MAX_LINKS`."""
    links = list({(each.context.trace_id, each.context.span_id): each for each in links}.values())
    for link in links[:MAX_LINKS]:
        span.add_link(link.context)
    for start in range(MAX_LINKS, len(links), MAX_LINKS):
        below = trace.set_span_in_context(span)
        with start_span(name, context=below, links=links[start : start + MAX_LINKS]):
            pass  # it is there for its links


class FinishedSpans:
    """Makes spans of things that are over, with ids of their own. The same thing twice is one span.

    They go nowhere until `use_tracer` has said where.
    """

    def __init__(self) -> None:
        self._tracer: trace.Tracer = trace.NoOpTracer()
        self._ids: tuple[int, int] = (0, 0)
        self._is_sampled: Callable[[int], bool] | None = None

    def use_tracer(self, tracer: trace.Tracer, is_sampled: Callable[[int], bool] = lambda _: True) -> None:
        """From now on they are made by this tracer, whose ids are `trace_id` and `span_id`.

        `is_sampled`: whether it records the spans of this trace.
        """
        self._tracer, self._is_sampled = tracer, is_sampled

    @property
    def is_recorded(self) -> bool:
        """Whether any of them goes anywhere."""
        return self._is_sampled is not None

    def is_sampled(self, trace_id: int) -> bool:
        """Whether a span of this trace is recorded, and goes somewhere."""
        return self._is_sampled is not None and self._is_sampled(trace_id)

    def generate_trace_id(self) -> int:
        """Of the span that is being made."""
        return self._ids[0]

    def generate_span_id(self) -> int:
        """The same."""
        return self._ids[1]

    def record_span(
        self,
        name: str,
        ids: tuple[int, int],
        times: tuple[int, int],
        attributes: Mapping[str, AttributeValue],
        links: Sequence[Link],
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        error: str | None = None,
    ) -> Context:
        """A span from one time to another (nanoseconds), which has ended; returns its context, for an exemplar.

        `error`: in a few words why it failed, if it did.
        """
        self._ids = ids
        span = self._tracer.start_span(
            name, Context(), kind, attributes, links, start_time=times[0], record_exception=False
        )
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR))
        span.end(times[1])
        return trace.set_span_in_context(span, Context())


FINISHED_SPANS: Final = FinishedSpans()
"""Of hand-offs. None is sampled."""
DELIVERY_SPANS: Final = FinishedSpans()
"""Of deliveries to subscribers, each in a trace of its own. Sampled as `OTEL_TRACES_SAMPLER` says."""

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}.*", re.ASCII)


def parse_traceparent(value: object) -> tuple[bytes, bytes] | None:
    """Trace id and span id of a W3C traceparent; None when it is absent or not valid."""
    match = _TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else (bytes.fromhex(match[1]), bytes.fromhex(match[2]))


def link_to(trace_id: bytes, span_id: bytes) -> Link:
    """A link to the span that an event was published in."""
    context = SpanContext(
        int.from_bytes(trace_id), int.from_bytes(span_id), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return Link(context)
