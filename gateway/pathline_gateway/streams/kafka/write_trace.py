"""The trace of a write: its reader is told this one, and never that of whoever published.

One trace id at two receivers would join a person across organisations. So each write begins a trace of its own. Its
span links to those in which its events were published, and that stays on the gateway's side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, format_span_id, format_trace_id

from pathline_gateway.pathways.stored_form import open_payload
from pathline_gateway.telemetry.instruments import MAX_LINKS, link_to, start_span

_SPAN_NAME: Final = "write topic"


def start_write_span(records: int) -> start_span:
    """The span of one write, the first of its trace."""
    return start_span(
        _SPAN_NAME,
        context=Context(),
        kind=SpanKind.PRODUCER,
        attributes={
            "messaging.system": "kafka",
            "messaging.operation.type": "send",
            "messaging.operation.name": "send",
            "messaging.batch.message_count": records,
        },
    )


def traceparent_of(span: Span, payloads: Sequence[bytes]) -> str | None:
    """The trace context for the reader, the span being linked to the publishers'; None where nobody records it."""
    if not span.is_recording():
        return None
    for link in islice(_links(payloads), MAX_LINKS):
        span.add_link(link.context)
    context = span.get_span_context()
    flags = f"{int(context.trace_flags):02x}"
    return f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-{flags}"


def _links(payloads: Iterable[bytes]) -> Iterable[Link]:
    """To the spans that these stored payloads were published in, each once."""
    published = (open_payload(each).traceparent() for each in payloads)
    return (link_to(*each) for each in dict.fromkeys(each for each in published if each is not None))
