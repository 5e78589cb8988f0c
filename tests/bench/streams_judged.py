"""What receivers had, held against the oracle, and how far behind they were. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from bench.streams_load import Load, Receiver, person

Receipt = Sequence[float]
"""Receiver, event, number, and when."""


class Subscribed(Protocol):
    """A receiver, its subscription, and how it takes events."""

    @property
    def receiver(self) -> Receiver: ...
    @property
    def id(self) -> str: ...
    @property
    def fate(self) -> str: ...


def judged(
    load: Load,
    subscribed: Sequence[Subscribed],
    receipts: Iterable[Receipt],
    statuses: Mapping[str, Mapping[str, Any]],
    events: int,
    began: float,
) -> dict[str, Any]:
    """Delays of the healthy in milliseconds, by protocol, and `wrong`: what each who is wrong has wrong."""
    had: defaultdict[int, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        had[int(receipt[0])].append(receipt)
    wrong: list[str] = []
    delays: defaultdict[str, list[float]] = defaultdict(list)
    for n, each in enumerate(subscribed):
        because = fault(each, had[n], statuses.get(each.id), events)
        wrong += [] if because is None else [f"{each.fate} {each.receiver.protocol} {each.receiver.index}: {because}"]
        if each.fate == "healthy":
            delays[each.receiver.protocol] += _delays(had[n], load.rate, began)
    found: dict[str, Any] = {"wrong": wrong[:20], "wrong_count": len(wrong)}
    for protocol, name in (("SSE", "sse"), ("HTTP", "webhook")):
        found |= {f"{name}_received": len(delays[protocol]), f"{name}_delay_ms": quantiles(delays[protocol])}
    dead = [statuses[each.id] for each in subscribed if each.fate == "dead"]
    return {**found, "held_back_for_dead_sinks": sum(each["waiting"] for each in dead)}


def fault(each: Subscribed, had: Sequence[Receipt], status: Mapping[str, Any] | None, events: int) -> str | None:
    """What is wrong with what one receiver had; None where nothing is."""
    expected = set(each.receiver.expected(events))
    if status is not None and status["given"] != len(expected):
        return f"was given {status['given']} of {len(expected)}"
    if each.fate == "dead":
        assert status is not None
        kept = status["waiting"] + status["failures"]
        return None if kept == len(expected) and not had else f"{kept} of {len(expected)} are kept, {len(had)} came"
    found = {int(event) for _, event, _, _ in had}
    if found != expected:
        return f"lacks {len(expected - found)} of {len(expected)}, and has {len(found - expected)} of others"
    if {int(number) for _, _, number, _ in had} != set(range(1, len(expected) + 1)):
        return "has a gap in its numbers"
    return None if in_order(had, each.receiver.protocol) else "has events in the wrong order"


def in_order(had: Sequence[Receipt], protocol: str) -> bool:
    """Whether events first came in order: all of a stream's, and each pathway's of a sink's."""
    last: dict[int, float] = {}
    seen = set()
    for _, event, number, _ in had:
        if number in seen:
            continue
        seen.add(number)
        lane = 0 if protocol == "SSE" else person(int(event))
        if number < last.get(lane, 0):
            return False
        last[lane] = number
    return True


def _delays(had: Sequence[Receipt], rate: int, began: float) -> list[float]:
    """Seconds from when an event was due to when it first came."""
    first: dict[int, float] = {}
    for _, event, _, at in had:
        first.setdefault(int(event), at - (began + event / rate))
    return list(first.values())


def quantiles(delays: Sequence[float]) -> dict[str, float]:
    """Milliseconds: p50, p99 and the longest."""
    ordered = sorted(delays)
    if not ordered:
        return {}
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1e3, 1) for name, q in at.items()}
