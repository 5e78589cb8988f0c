"""A delivery's trace is its own, always the same, known again, and nothing of anybody else's."""

from __future__ import annotations

import secrets
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, TraceIdRatioBased

from pathline_gateway.pathways.stored_form import render_payload
from pathline_gateway.streams.dispatch.delivery_trace import DeliveryTraceKey, publisher_trace, traceparent
from pathline_gateway.telemetry.instruments import DELIVERY_SPANS, parse_traceparent
from support.recorded_spans import record_spans

KEY, OTHER = DeliveryTraceKey(b"one secret"), DeliveryTraceKey(b"another")
NUMBERS = st.integers(1, 2**63 - 1)
DELIVERIES = st.tuples(st.uuids(), NUMBERS)


@given(DELIVERIES, DELIVERIES)
def test_two_deliveries_have_nothing_in_common_and_one_has_always_the_same(
    one: tuple[UUID, int], two: tuple[UUID, int]
) -> None:
    first, second = KEY.trace(*one), KEY.trace(*two)
    assert (first == second) is (one == two)
    assert (first.trace_id == second.trace_id) is (one == two)
    assert first.publisher is None


@given(DELIVERIES, st.binary(min_size=1, max_size=32))
def test_a_trace_is_known_again_by_whoever_made_it_alone(one: tuple[UUID, int], entropy: bytes) -> None:
    for made in (KEY.trace(*one), KEY.make_trace(entropy)):
        assert KEY.has_made(made.trace_id)
        assert not OTHER.has_made(made.trace_id)
        assert not KEY.has_made(made.trace_id ^ 1)
        assert not KEY.has_made(made.trace_id ^ 1 << 127)


def test_traces_of_others_are_not_taken_for_ours() -> None:
    assert not any(KEY.has_made(secrets.randbits(128)) for _ in range(1_000))


@given(DELIVERIES, st.booleans())
def test_what_is_told_is_valid_and_says_whether_it_is_recorded(one: tuple[UUID, int], is_sampled: bool) -> None:
    made = KEY.trace(*one)
    told = traceparent(made.trace_id, made.span_id, is_sampled=is_sampled)
    assert parse_traceparent(told) == (made.trace_id.to_bytes(16), made.span_id.to_bytes(8))
    assert told.endswith("-01" if is_sampled else "-00")


def test_the_publishers_call_is_found_in_what_is_stored_where_it_said_one() -> None:
    told = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    said, empty = b'{"tracestate":"a=b","traceparent":"%s"}' % told.encode(), b"{}"
    assert publisher_trace({"payload": render_payload(None, None, said, empty)}) == parse_traceparent(told)
    for attributes, data in ((empty, said), (b'{"traceparent":"wrong"}', empty)):
        assert publisher_trace({"payload": render_payload(None, None, attributes, data)}) is None
    assert publisher_trace({"payload": None}) is None
    assert publisher_trace({}) is None


def test_the_sampler_decides_by_the_trace_and_without_an_exporter_nothing_is_recorded() -> None:
    traces = [KEY.trace(UUID(int=7), number).trace_id for number in range(1, 2_001)]
    assert not DELIVERY_SPANS.is_recorded
    assert not any(map(DELIVERY_SPANS.is_sampled, traces))
    for sampler, least, most in ((ALWAYS_ON, 2_000, 2_000), (ALWAYS_OFF, 0, 0), (TraceIdRatioBased(0.25), 400, 600)):
        with record_spans(sampler):
            sampled = [each for each in traces if DELIVERY_SPANS.is_sampled(each)]
            assert sampled == [each for each in traces if DELIVERY_SPANS.is_sampled(each)]
            assert least <= len(sampled) <= most
