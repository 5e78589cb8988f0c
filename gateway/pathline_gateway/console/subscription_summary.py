"""A subscription in plain words: how its receiving goes, why it does not, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.web.formatting import lasting, organisation

_STATES: Final = {
    "active": "active",
    "paused": "paused",
    "failing": "failing: tried again",
    "gone": "stopped: the sink wants nothing more (410)",
    "unreachable": "stopped: the sink took nothing in a week",
}
_STOPPED: Final = ("gone", "unreachable")
_PROTOCOLS: Final = {"HTTP": "webhook", "PULL": "pull", "SSE": "stream (server-sent events)"}
_REASONS: Final = {
    "unreachable": "Nobody answers at its address, or it is no public one. Ask the owner; it is tried again by itself.",
    "timed-out": "It answers too slowly. Ask the owner to answer first and work afterwards.",
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
    do: str


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


def stream(found: Subscription, standing: Mapping[str, Any], now: datetime) -> SubscriptionSummary:
    """The subscription; `standing`: the answer of `…/status`."""
    return SubscriptionSummary(
        str(found.id),
        organisation(found.org),
        _PROTOCOLS.get(found.protocol, found.protocol),
        found.purpose,
        found.paused,
        standing["state"] in _STOPPED,
        _receiving(standing, now),
        [_receiving(each, now) for each in standing["replays"]],
    )


def _receiving(said: Mapping[str, Any], now: datetime) -> SeriesSummary:
    failure = said.get("last_failure")
    since, succeeded = _instant(said["waiting_since"]), said.get("last_success") or said.get("last_asked")
    return SeriesSummary(
        said.get("series", 1),
        said.get("complete"),
        _STATES[said["state"]],
        said["given"],
        said["delivered"],
        said["waiting"],
        None if since is None else lasting(now - since),
        _instant(succeeded),
        None if failure is None else _instant(failure["at"]),
        None if failure is None else failure["reason"],
        said.get("failures", 0),
        to_do(said),
    )


def to_do(said: Mapping[str, Any]) -> str:
    """What an operator does about it."""
    reason = (said.get("last_failure") or {}).get("reason", "")
    match said["state"]:
        case "paused":
            return "Somebody paused it: what it would be given waits. Resume it."
        case "gone" | "unreachable":
            return f"{_because(reason)} Resume it once the sink is mended."
        case "failing":
            return _because(reason)
    if n := said.get("failures", 0):
        return f"{'One event was' if n == 1 else f'{n:,} events were'} given up. {_because(reason)} Then redrive."
    if "last_asked" in said and said["last_asked"] is None and said["waiting"]:
        return "Its reader has never asked for events, or only listens to the stream. Ask the owner."
    return "Nothing."


def _because(reason: str) -> str:
    if (known := _REASONS.get(reason)) is not None:
        return known
    match reason[:1]:
        case "3":
            return f"It sends elsewhere ({reason}), which is not followed. The owner puts the new address."
        case "4":
            return f"It says that what is posted is wrong ({reason}). Ask the owner what it expects."
        case "5":
            return f"It fails by itself ({reason}). Tell the owner; it is tried again by itself."
    return "Ask the owner of the sink."


def _instant(served: str | None) -> datetime | None:
    return None if served is None else datetime.fromisoformat(served)
