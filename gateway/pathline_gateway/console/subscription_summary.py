"""A subscription in plain words: how its receiving goes, why it does not, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.web.formatting import format_duration, organisation_name

_STATE_WORDING: Final = {
    "active": "active",
    "paused": "paused",
    "failing": "failing: tried again",
    "gone": "stopped: the sink wants nothing more (410)",
    "unreachable": "stopped: the sink took nothing in a week",
    "preparing": "waiting for the broker to make its topic",
}
_STOPPED_STATES: Final = ("gone", "unreachable")
_PROTOCOLS: Final = {"HTTP": "webhook", "KAFKA": "Kafka topic", "PULL": "pull", "SSE": "stream (server-sent events)"}
_REASON_ADVICE: Final = {
    "unreachable": "Nobody answers at its address, or it is no public one. Ask the owner; it is tried again by itself.",
    "timed-out": "It answers too slowly. Ask the owner to answer first and work afterwards.",
    "broker-unavailable": "The broker of topics does not answer. Look at it; the gateway tries again by itself.",
    "not-authorised": "The broker refuses this gateway. Give it the rights that deploy/README.md names.",
    "topic-missing": "The broker does not have its topic any more. The gateway makes it again.",
    "taken-over": "Another gateway writes it now. Nothing to do.",
    "gateway-unavailable": "Postgres did not answer. It is tried again by itself.",
    "gateway-fault": "The gateway fails with one of its events. Look at the log, and tell those who develop Pathline.",
    "bad-answer": "What it answers is no HTTP. Ask the owner what stands at this address.",
    "401": "It does not believe the caller. The owner looks at the secret with which it checks signatures.",
    "403": "It does not believe the caller. The owner looks at the secret with which it checks signatures.",
    "404": "There is nothing at this address. The owner puts the right one.",
    "410": "It wants nothing more. Ask the owner; resume, or end the subscription.",
    "429": "It asks for time, and is given it. Nothing to do unless what waits grows.",
    "503": "It asks for time, and is given it. Nothing to do unless what waits grows.",
}
"""What to do, by the reason of the last failure."""


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """How one series of a subscription goes."""

    series: int
    complete: bool | None
    """Of a replay: whether everything that it will hold was given. None: the first series, which goes on."""
    state: str
    given: int
    delivered: int
    waiting: int
    waiting_for: str | None
    last_success: datetime | None
    """When the sink last took something, or its reader last asked."""
    last_failure: datetime | None
    reason: str | None
    given_up: int
    advice: str


@dataclass(frozen=True, slots=True)
class SubscriptionSummary:
    """A subscription, for the pages."""

    id: str
    owner: str
    protocol: str
    purpose: str
    paused: bool
    stopped: bool
    receiving: SeriesSummary
    replays: Sequence[SeriesSummary]


def summarize_subscription(subscription: Subscription, status: Mapping[str, Any], now: datetime) -> SubscriptionSummary:
    """The subscription; `status`: the answer of `…/status`."""
    return SubscriptionSummary(
        str(subscription.id),
        organisation_name(subscription.org),
        _PROTOCOLS.get(subscription.protocol, subscription.protocol),
        subscription.purpose,
        subscription.is_paused,
        status["state"] in _STOPPED_STATES,
        _summarize_series(status, now),
        [_summarize_series(each, now) for each in status["replays"]],
    )


def _summarize_series(status: Mapping[str, Any], now: datetime) -> SeriesSummary:
    failure = status.get("last_failure")
    waiting_since, last_success = (
        _parse_instant(status["waiting_since"]),
        status.get("last_success") or status.get("last_asked"),
    )
    return SeriesSummary(
        status.get("series", 1),
        status.get("complete"),
        _STATE_WORDING[status["state"]],
        status["given"],
        status["delivered"],
        status["waiting"],
        None if waiting_since is None else format_duration(now - waiting_since),
        _parse_instant(last_success),
        None if failure is None else _parse_instant(failure["at"]),
        None if failure is None else failure["reason"],
        status.get("failures", 0),
        advise(status),
    )


def advise(status: Mapping[str, Any]) -> str:
    """What an operator does about it."""
    reason = (status.get("last_failure") or {}).get("reason", "")
    match status["state"]:
        case "paused":
            return "Somebody paused it: what it would be given waits. Resume it."
        case "gone" | "unreachable":
            return f"{_advise_on_reason(reason)} Resume it once the sink is mended."
        case "preparing":
            return "Look at the broker if it lasts: the log says why it does not make the topic."
        case "failing":
            return _advise_on_reason(reason)
    if n := status.get("failures", 0):
        return (
            f"{'One event was' if n == 1 else f'{n:,} events were'} given up. {_advise_on_reason(reason)} Then redrive."
        )
    if "last_asked" in status and status["last_asked"] is None and status["waiting"]:
        return "Its reader has never asked for events, or only listens to the stream. Ask the owner."
    return "Nothing."


def _advise_on_reason(reason: str) -> str:
    if (advice := _REASON_ADVICE.get(reason)) is not None:
        return advice
    match reason[:1]:
        case "3":
            return f"It sends elsewhere ({reason}), which is not followed. The owner puts the new address."
        case "4":
            return f"It says that what is posted is wrong ({reason}). Ask the owner what it expects."
        case "5":
            return f"It fails by itself ({reason}). Tell the owner; it is tried again by itself."
    return "Ask the owner of the sink."


def _parse_instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
