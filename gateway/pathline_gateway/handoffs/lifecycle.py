"""The state of a hand-off: a fold over what was published about it, in pathway order. Pure.

States are codes of FHIR Task. An event that is not legal where it stands leaves the state alone and is an anomaly; one
whose time is a day or a month is tried at its first instant and again when the interval has ended.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.reserved_names import CITIZENS

State = Literal[
    "requested", "received", "accepted", "rejected", "in-progress", "on-hold", "completed", "failed", "cancelled"
]
OPEN: Final = frozenset[State](("requested", "received", "accepted", "in-progress", "on-hold"))
"""States in which somebody has still something to do."""

_Who = Literal["from", "to", "citizen"]
_ASKED: Final = frozenset[State](("requested", "received"))
_TAKEN: Final = frozenset[State](("accepted", "in-progress", "on-hold"))


class _Rule(NamedTuple):
    after: State
    legal: frozenset[State]
    by: frozenset[_Who]


def _rule(after: State, legal: Iterable[State], *by: _Who) -> _Rule:
    return _Rule(after, frozenset(legal), frozenset(by))


# Vocabulary: hand-offs. `offered` is legal from nothing, and a redirect after a refusal by either side.
_RULES: Final = {
    "seen": _rule("received", ("requested",), "to"),
    "accepted": _rule("accepted", _ASKED, "to"),
    "declined": _rule("rejected", _ASKED, "to"),
    "redirected": _rule("requested", _ASKED, "to"),
    "started": _rule("in-progress", ("accepted", "on-hold"), "to"),
    "paused": _rule("on-hold", ("accepted", "in-progress"), "to"),
    "resumed": _rule("in-progress", ("on-hold",), "to"),
    "completed": _rule("completed", _TAKEN, "to"),
    "failed": _rule("failed", _TAKEN, "to"),
    "cancelled": _rule("cancelled", OPEN | {"rejected"}, "from", "citizen"),
    "expired": _rule("cancelled", _ASKED, "from"),
}
_REDIRECTED_AFTER_REFUSAL: Final = _rule("requested", ("rejected",), "from", "to")


class Redeemed(NamedTuple):
    """A token that was live, and was shown."""

    event: HandoffEvent
    """By which it was shown."""
    offer: HandoffEvent
    """What it redeems."""
    made_by: str
    """The organisation that made the token: who offers, or who passed the hand-off on."""

    @property
    def of_ones_own(self) -> bool:
        """Whether who shows it has made it: it proves nothing, because nobody else gave it."""
        return self.made_by == self.event.org


@dataclass
class Lifecycle:
    """A hand-off after everything that was said of it."""

    handoff: str
    state: State | None = None
    """None until it was offered."""
    to: str | None = None
    """The organisation that is asked now."""
    token: bytes | None = None
    """The hash of the secret that redeems it now; None where the receiver is not on Pathline."""
    legal: list[HandoffEvent] = field(default_factory=list)
    """What moved the state, in the order in which it did."""
    anomalies: list[HandoffEvent] = field(default_factory=list)
    """What was not legal where it stood."""
    redeemed: list[Redeemed] = field(default_factory=list)
    """Who showed the token that was live then, with the offer that it redeems."""

    @property
    def by(self) -> str:
        """The organisation that offers it."""
        return self.handoff.partition(":")[0]

    @property
    def offer(self) -> HandoffEvent | None:
        """The event that began it."""
        return self.legal[0] if self.legal else None

    @property
    def asked_by(self) -> str | None:
        """Who asked the organisation that is asked now: the one that offers, or one that passed it on."""
        return next((e.org for e in reversed(self.legal) if e.verb in ("offered", "redirected")), None)

    @property
    def sides(self) -> frozenset[str]:
        """Who has a part in it: who offers, whoever was asked, and the person herself. Nobody else's word is of it."""
        return frozenset((self.by, CITIZENS, *(e.to for e in self.legal if e.to is not None)))

    @property
    def context_released(self) -> bool:
        """Whether the receiver may see what led here: who offers releases; who receives may only want less."""
        released = False
        for event in self.legal:
            value = event.said.get("context_released")
            if value is not None:
                released = bool(value) if event.org == self.by else released and bool(value)
        return released

    def meet(self, event: HandoffEvent, last: bool) -> bool:
        """Whether the event is settled; at its `last` try it always is."""
        rule = self._rule(event)
        if rule is None and not last:
            return False
        self._redeem(event)
        if rule is None:
            self.anomalies.append(event)
            return True
        self.state = rule.after
        self.legal.append(event)
        if event.verb in ("offered", "redirected"):
            self.to, self.token = event.to, event.token
        return True

    def _rule(self, event: HandoffEvent) -> _Rule | None:
        """The rule by which the event is legal here."""
        if event.verb == "offered":
            return _OFFERED if self.state is None and event.org == self.by else None
        who = self._who(event.org)
        rules = [_RULES.get(event.verb), _REDIRECTED_AFTER_REFUSAL if event.verb == "redirected" else None]
        return next((r for r in rules if r and self.state in r.legal and who & r.by), None)

    def _who(self, org: str) -> frozenset[_Who]:
        roles: tuple[tuple[_Who, str | None], ...] = (("from", self.by), ("to", self.to), ("citizen", CITIZENS))
        return frozenset(role for role, name in roles if name == org)

    def _redeem(self, event: HandoffEvent) -> None:
        if event.verb in ("accepted", "declined") and self.offer and event.token and event.token == self.token:
            self.redeemed.append(Redeemed(event, self.offer, self.asked_by or self.by))


_OFFERED: Final = _rule("requested", ())


def lifecycle(handoff: str, events: Iterable[HandoffEvent]) -> Lifecycle:
    """The hand-off after these events: the same for every order of them."""
    found = Lifecycle(handoff)
    again: list[tuple[object, object, HandoffEvent]] = []
    for event in sorted(events, key=lambda e: e.order):
        while again and again[0][0] <= event.time:  # type: ignore[operator]
            found.meet(heapq.heappop(again)[2], last=True)
        if not found.meet(event, last=not event.coarse):
            heapq.heappush(again, (event.end, event.order, event))
    while again:
        found.meet(heapq.heappop(again)[2], last=True)
    return found
