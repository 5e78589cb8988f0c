"""Trace context of the publishing call, when the agency's process has OpenTelemetry; nothing otherwise."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

_propagate: Any = import_module("opentelemetry.propagate") if find_spec("opentelemetry") else None


def current_trace_context() -> dict[str, str]:
    """`traceparent` and `tracestate` of the current span; empty without OpenTelemetry or outside a span."""
    carrier: dict[str, str] = {}
    if _propagate is not None:
        _propagate.inject(carrier)
    return {name: value for name, value in carrier.items() if name in ("traceparent", "tracestate")}
