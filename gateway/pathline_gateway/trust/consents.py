"""What a person has agreed to be shown, judged at the moment of reading. Pure.

A consent is what its last event says: given again, it says something else; withdrawn, it permits nothing. Of several
refs of one person that have spoken about the same recipient and purpose each must permit: the strictest wins when
pathways join, and no longer when they part, because only the refs that are together now are looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

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
    concealed: bool = False

    @property
    def order(self) -> tuple[datetime, str, bool, str, str]:
        """Where it stands among others."""
        return self.time, self.source, self.sequence is not None, self.sequence or "", self.id

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
            last[event.org, event.subject, event.consent] = event
    return list(last.values())


@dataclass(frozen=True, slots=True)
class Permission:
    """What one reader may be shown for one purpose: the consents of each ref that has spoken about that."""

    by_ref: Mapping[Ref, Sequence[ConsentEvent]]
    now: datetime

    @property
    def concealed(self) -> bool:
        """Whether it comes of a consent that others must not know of."""
        return any(consent.concealed for said in self.by_ref.values() for consent in said)

    def of(self, holder: str, noun: str) -> list[ConsentEvent]:
        """The consents by which this holder shows interactions of this noun; none where it may not."""
        found = [[c for c in said if c.permits(holder, noun, self.now)] for said in self.by_ref.values()]
        return [consent for each in found for consent in each] if found and all(found) else []


def permission(events: Iterable[ConsentEvent], recipient: str, purpose: str, now: datetime) -> Permission:
    """What these consents, of all the refs of a pathway, come to for this reader."""
    events = list(events)
    spoken = {(e.org, e.subject) for e in events if e.about(recipient, purpose) and (not e.given or e.time <= now)}
    by_ref: defaultdict[Ref, list[ConsentEvent]] = defaultdict(list)
    for ref in spoken:
        by_ref[ref] = []
    for consent in standing(events, now):
        if consent.about(recipient, purpose):
            by_ref[consent.org, consent.subject].append(consent)
    return Permission(dict(by_ref), now)
