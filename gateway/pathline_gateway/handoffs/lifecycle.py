"""The state of a hand-off: a fold over what was published about it, in pathway order. Pure.

States are codes of FHIR Task. An event that is not legal where it stands leaves the state alone and is an anomaly. An
event whose time is a day or a month has two tries: at its first instant, and after its end.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal, NamedTuple

from pathline import instant
from pathline_gateway.handoffs.event import HandoffEvent, HandoffStep, handoff_event_from_step
from pathline_gateway.pathways.step import Step
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION

State = Literal[
    "requested", "received", "accepted", "rejected", "in-progress", "on-hold", "completed", "failed", "cancelled"
]
OPEN_STATES: Final = frozenset[State](("requested", "received", "accepted", "in-progress", "on-hold"))
"""States in which somebody has still something to do."""

_Role = Literal["from", "to", "citizen"]
_PENDING_STATES: Final = frozenset[State](("requested", "received"))
_ACCEPTED_STATES: Final = frozenset[State](("accepted", "in-progress", "on-hold"))


class _Rule(NamedTuple):
    target_state: State
    source_states: frozenset[State]
    allowed_roles: frozenset[_Role]


def _make_rule(target_state: State, source_states: Iterable[State], *allowed_roles: _Role) -> _Rule:
    return _Rule(target_state, frozenset(source_states), frozenset(allowed_roles))


# Vocabulary: hand-offs. `offered` is legal from nothing, and a redirect after a refusal by either side.
_TRANSITION_RULES: Final = {
    "seen": _make_rule("received", ("requested",), "to"),
    "accepted": _make_rule("accepted", _PENDING_STATES, "to"),
    "declined": _make_rule("rejected", _PENDING_STATES, "to"),
    "redirected": _make_rule("requested", _PENDING_STATES, "to"),
    "started": _make_rule("in-progress", ("accepted", "on-hold"), "to"),
    "paused": _make_rule("on-hold", ("accepted", "in-progress"), "to"),
    "resumed": _make_rule("in-progress", ("on-hold",), "to"),
    "completed": _make_rule("completed", _ACCEPTED_STATES, "to"),
    "failed": _make_rule("failed", _ACCEPTED_STATES, "to"),
    "cancelled": _make_rule("cancelled", OPEN_STATES | {"rejected"}, "from", "citizen"),
    "expired": _make_rule("cancelled", _PENDING_STATES, "from"),
}
_REDIRECT_AFTER_REFUSAL_RULE: Final = _make_rule("requested", ("rejected",), "from", "to")


class TokenUse(NamedTuple):
    """A token that was live, and was shown."""

    event: HandoffEvent
    """By which it was shown."""
    offer: HandoffEvent
    """What it redeems."""
    issuer: str
    """The organisation that made the token: who offers, or who passed the hand-off on."""

    @property
    def is_self_issued(self) -> bool:
        """Whether who shows it has made it: it proves nothing, because nobody else gave it."""
        return self.issuer == self.event.org


@dataclass
class Lifecycle:
    """A hand-off after all events about it."""

    handoff: str
    state: State | None = None
    """None until it was offered."""
    receiver: str | None = None
    """The organisation that is asked now."""
    token: bytes | None = None
    """The hash of the secret that redeems it now; None where the receiver is not on Pathline."""
    transitions: list[HandoffEvent] = field(default_factory=list)
    """What moved the state, in the order in which it did."""
    anomalies: list[HandoffEvent] = field(default_factory=list)
    """What was not legal where it stood."""
    redemptions: list[TokenUse] = field(default_factory=list)
    """Who showed the token that was live then, with the offer that it redeems."""

    @property
    def sender(self) -> str:
        """The organisation that offers it."""
        return self.handoff.partition(":")[0]

    @property
    def offer(self) -> HandoffEvent | None:
        """The event that began it."""
        return self.transitions[0] if self.transitions else None

    @property
    def last_sender(self) -> str | None:
        """Who asked the organisation that is asked now: the one that offers, or one that passed it on."""
        return next((e.org for e in reversed(self.transitions) if e.verb in ("offered", "redirected")), None)

    @property
    def sides(self) -> frozenset[str]:
        """Who has a part in it: who offers, whoever was asked, and the person herself. Nobody else's word is of it."""
        return frozenset(
            (self.sender, CITIZEN_ORGANISATION, *(e.receiver for e in self.transitions if e.receiver is not None))
        )

    @property
    def is_context_released(self) -> bool:
        """Whether the receiver may see what led here: who offers releases; who receives may only want less."""
        released = False
        for event in self.transitions:
            value = event.data.get("context_released")
            if value is not None:
                released = bool(value) if event.org == self.sender else released and bool(value)
        return released

    def apply(self, event: HandoffEvent, is_final_attempt: bool) -> bool:
        """Whether the event is settled; at its final attempt it always is."""
        rule = self._find_rule(event)
        if rule is None and not is_final_attempt:
            return False
        self._record_redemption(event)
        if rule is None:
            self.anomalies.append(event)
            return True
        self.state = rule.target_state
        self.transitions.append(event)
        if event.verb in ("offered", "redirected"):
            self.receiver, self.token = event.receiver, event.token
        return True

    def _find_rule(self, event: HandoffEvent) -> _Rule | None:
        """The rule by which the event is legal here."""
        if event.verb == "offered":
            return _OFFER_RULE if self.state is None and event.org == self.sender else None
        roles = self._roles_of(event.org)
        rules = [
            _TRANSITION_RULES.get(event.verb),
            _REDIRECT_AFTER_REFUSAL_RULE if event.verb == "redirected" else None,
        ]
        return next(
            (
                candidate
                for candidate in rules
                if candidate and self.state in candidate.source_states and roles & candidate.allowed_roles
            ),
            None,
        )

    def _roles_of(self, org: str) -> frozenset[_Role]:
        roles: tuple[tuple[_Role, str | None], ...] = (
            ("from", self.sender),
            ("to", self.receiver),
            ("citizen", CITIZEN_ORGANISATION),
        )
        return frozenset(role for role, name in roles if name == org)

    def _record_redemption(self, event: HandoffEvent) -> None:
        if event.verb in ("accepted", "declined") and self.offer and event.token and event.token == self.token:
            self.redemptions.append(TokenUse(event, self.offer, self.last_sender or self.sender))


_NEXT: Final = timedelta(microseconds=1)
_OFFER_RULE: Final = _make_rule("requested", ())


def _by_clock_of_offer(events: Sequence[HandoffEvent]) -> Iterator[HandoffEvent]:
    """The events; an answer that shows a token comes after what gave the token out, whatever its own clock said.

    Nobody shows a token before it was made. So the clocks differ, and the answer counts as of the next instant.
    """
    issued_by: dict[bytes, HandoffEvent] = {}
    for event in sorted(events, key=lambda e: e.sort_key):
        if event.verb in ("offered", "redirected") and event.token is not None:
            issued_by.setdefault(event.token, event)
    for event in events:
        issue = issued_by.get(event.token) if event.verb in ("accepted", "declined") and event.token else None
        if issue is not None and event.sort_key < issue.sort_key and event.end <= issue.time:
            at = instant.add(issue.time, _NEXT)
            yield event._replace(sort_key=(at, *event.sort_key[1:]), end=at)
        else:
            yield event


def compute_lifecycle(handoff: str, events: Iterable[HandoffEvent]) -> Lifecycle:
    """The hand-off after these events: the same for every order of them."""
    folded = Lifecycle(handoff)
    deferred: list[tuple[object, object, HandoffEvent]] = []
    for event in sorted(_by_clock_of_offer(list(events)), key=lambda e: e.sort_key):
        while deferred and deferred[0][0] <= event.time:  # type: ignore[operator]
            folded.apply(heapq.heappop(deferred)[2], is_final_attempt=True)
        if not folded.apply(event, is_final_attempt=not event.is_interval):
            heapq.heappush(deferred, (event.end, event.sort_key, event))
    while deferred:
        folded.apply(heapq.heappop(deferred)[2], is_final_attempt=True)
    return folded


def group_by_handoff(steps: Iterable[Step], only: Container[str] | None = None) -> dict[str, list[HandoffStep]]:
    """The steps of each hand-off that these are about, in their order; `only`: of these hand-offs."""
    grouped: defaultdict[str, list[HandoffStep]] = defaultdict(list)
    for step in steps:
        event = handoff_event_from_step(step)
        if event is not None and event.handoff is not None and (only is None or event.handoff in only):
            grouped[event.handoff].append(HandoffStep(step, event))
    return dict(grouped)


def compute_lifecycles(steps: Iterable[Step], only: Container[str] | None = None) -> dict[str, Lifecycle]:
    """Each hand-off that these steps are about, after all of them; `only`: of these hand-offs."""
    return {
        handoff: compute_lifecycle(handoff, [each.event for each in handoff_steps])
        for handoff, handoff_steps in group_by_handoff(steps, only).items()
    }
