"""What a person has agreed to be shown, judged at the moment of reading. Pure.

A consent is what its last event says: given again, it says something else; withdrawn, it permits nothing. What counts
of it is in the table of `authority`: the person's own word, and a holder's about what it holds itself. Of those refs
that have spoken about the same recipient and purpose, and count for a holder, each must permit: the strictest wins
when pathways join, and no longer when they part, because only the refs that are together now are looked at. What
anybody else says is a proposal: it neither permits nor forbids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pathline_gateway.visibility.authority import opens

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
    given: bool
    consent: str
    """Its id, unique in the organisation."""
    holders: tuple[str, ...] = ()
    """Who may show; everybody when empty."""
    recipients: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    purpose: str | None = None
    until: datetime | None = None

    @property
    def order(self) -> tuple[datetime, str, bool, str, str]:
        """Where it stands among others."""
        return self.time, self.source, self.sequence is not None, self.sequence or "", self.id

    @property
    def name(self) -> tuple[str, str, str]:
        """Which consent it is of: unique under its ref."""
        return self.org, self.subject, self.consent

    def about(self, recipient: str, purpose: str) -> bool:
        """Whether it speaks of showing something to this organisation for this purpose."""
        return recipient in self.recipients and purpose == self.purpose

    def permits(self, holder: str, noun: str, now: datetime) -> bool:
        """Whether this holder may show interactions of this noun."""
        return (
            self.given
            and (self.until is None or self.until > now)
            and (not self.holders or holder in self.holders)
            and noun in self.nouns
        )


def standing(events: Iterable[ConsentEvent], now: datetime) -> list[ConsentEvent]:
    """What each consent is now: its last event. One that is given in the future is not yet; a withdrawal is at once."""
    last: dict[tuple[str, str, str], ConsentEvent] = {}
    for event in sorted(events, key=lambda e: e.order):
        if not event.given or event.time <= now:
            last[event.name] = event
    return list(last.values())


@dataclass(frozen=True, slots=True)
class Permission:
    """What one reader may be shown for one purpose: the consents of each ref that has spoken about that."""

    by_ref: Mapping[Ref, Sequence[ConsentEvent]]
    now: datetime

    def of(self, holder: str, noun: str) -> list[ConsentEvent]:
        """The consents by which this holder shows interactions of this noun; none where it may not."""
        counting = [said for (org, _), said in self.by_ref.items() if opens(org, holder)]
        found = [[c for c in said if c.permits(holder, noun, self.now)] for said in counting]
        return [consent for each in found for consent in each] if found and all(found) else []


About = tuple[str, str]
"""A recipient and a purpose."""


def permissions(events: Iterable[ConsentEvent], now: datetime, only: About | None = None) -> dict[About, Permission]:
    """What these consents, of all the refs of a pathway, come to for each recipient and purpose, or for one alone."""
    events = list(events)
    found: defaultdict[About, dict[Ref, list[ConsentEvent]]] = defaultdict(dict)
    for event in events:
        if not event.given or event.time <= now:
            for about in _about(event, only):
                found[about].setdefault((event.org, event.subject), [])
    for consent in standing(events, now):
        for about in _about(consent, only):
            found[about][consent.org, consent.subject].append(consent)
    return {about: Permission(by_ref, now) for about, by_ref in found.items()}


def permission(events: Iterable[ConsentEvent], recipient: str, purpose: str, now: datetime) -> Permission:
    """The same for this reader."""
    return permissions(events, now, (recipient, purpose)).get((recipient, purpose), Permission({}, now))


def _about(event: ConsentEvent, only: About | None) -> Iterable[About]:
    """Of what it speaks."""
    if only is not None:
        return (only,) if event.about(*only) else ()
    return () if event.purpose is None else {(recipient, event.purpose) for recipient in event.recipients}
