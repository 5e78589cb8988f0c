"""What a person has agreed to be shown, judged at the moment of reading. Pure.

A consent is what its last event says: given again, it says something else; withdrawn, it permits nothing. What counts
of it is in the table of `authority`: the person's own word, and a holder's about what it holds itself. Each ref that
has spoken about the same recipient and purpose, and counts for a holder, must permit. So the strictest wins when
pathways join, and no longer when they part: only the refs that are together now count. What anybody else says is a
proposal: it neither permits nor forbids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pathline_gateway.visibility.authority import consent_is_effective

Ref = tuple[str, str]
"""Organisation and subject."""


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """A consent that was given or withdrawn, under a ref of the pathway."""

    org: str
    subject: str
    source: str
    id: str
    time: datetime
    sequence: str | None
    is_given: bool
    consent_id: str
    """Its id, unique in the organisation."""
    holders: tuple[str, ...] = ()
    """Who may show; everybody when empty."""
    recipients: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    purpose: str | None = None
    until: datetime | None = None

    @property
    def sort_key(self) -> tuple[datetime, str, bool, str, str]:
        """Where it stands among others."""
        return self.time, self.source, self.sequence is not None, self.sequence or "", self.id

    @property
    def consent_key(self) -> tuple[str, str, str]:
        """Which consent it is of: unique under its ref."""
        return self.org, self.subject, self.consent_id

    def concerns(self, recipient: str, purpose: str) -> bool:
        """Whether it speaks of showing something to this organisation for this purpose."""
        return recipient in self.recipients and purpose == self.purpose

    def permits(self, holder: str, noun: str, now: datetime) -> bool:
        """Whether this holder may show interactions of this noun."""
        return (
            self.is_given
            and (self.until is None or self.until > now)
            and (not self.holders or holder in self.holders)
            and noun in self.nouns
        )


def latest_consents(events: Iterable[ConsentEvent], now: datetime) -> list[ConsentEvent]:
    """What each consent is now: its last event. One that is given in the future is not yet; a withdrawal is at once."""
    latest: dict[tuple[str, str, str], ConsentEvent] = {}
    for event in sorted(events, key=lambda e: e.sort_key):
        if not event.is_given or event.time <= now:
            latest[event.consent_key] = event
    return list(latest.values())


@dataclass(frozen=True, slots=True)
class Permission:
    """What one reader may be shown for one purpose: the consents of each ref that has spoken about that."""

    by_ref: Mapping[Ref, Sequence[ConsentEvent]]
    now: datetime

    def granting_consents(self, holder: str, noun: str) -> list[ConsentEvent]:
        """The consents by which this holder shows interactions of this noun; none where it may not."""
        effective = [consents for (org, _), consents in self.by_ref.items() if consent_is_effective(org, holder)]
        granting = [
            [candidate for candidate in consents if candidate.permits(holder, noun, self.now)] for consents in effective
        ]
        return [consent for each in granting for consent in each] if granting and all(granting) else []


Use = tuple[str, str]
"""A recipient and a purpose."""


def compute_permissions(
    events: Iterable[ConsentEvent], now: datetime, only_use: Use | None = None
) -> dict[Use, Permission]:
    """What these consents, of all the refs of a pathway, come to for each recipient and purpose, or for one alone."""
    events = list(events)
    consents_by_use: defaultdict[Use, dict[Ref, list[ConsentEvent]]] = defaultdict(dict)
    for event in events:
        if not event.is_given or event.time <= now:
            for use in _uses_of(event, only_use):
                consents_by_use[use].setdefault((event.org, event.subject), [])
    for consent in latest_consents(events, now):
        for use in _uses_of(consent, only_use):
            consents_by_use[use][consent.org, consent.subject].append(consent)
    return {use: Permission(by_ref, now) for use, by_ref in consents_by_use.items()}


def compute_permission(events: Iterable[ConsentEvent], recipient: str, purpose: str, now: datetime) -> Permission:
    """The same for this reader."""
    return compute_permissions(events, now, (recipient, purpose)).get((recipient, purpose), Permission({}, now))


def _uses_of(event: ConsentEvent, only_use: Use | None) -> Iterable[Use]:
    """Of what it speaks."""
    if only_use is not None:
        return (only_use,) if event.concerns(*only_use) else ()
    return () if event.purpose is None else {(recipient, event.purpose) for recipient in event.recipients}
