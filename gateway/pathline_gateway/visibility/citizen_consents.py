"""A citizen's consents as she is told them, and the events by which she gives and withdraws them. Pure.

She is told of every consent about her, whatever its event says of its own safety. Left out is only what the register
conceals: who recorded it, and the organisations that it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

import orjson

from pathline import instant
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.reserved_names import CITIZENS
from pathline_gateway.visibility.consent import About, ConsentEvent, Permission, permissions, standing
from pathline_gateway.visibility.pairwise_ids import ReaderKey

_A_MOMENT = timedelta(microseconds=1)

Counts = Literal["binds", "own-part", "proposal"]
"""For all that it says; for what its organisation holds itself, while the rest is proposed; for nothing yet."""


@dataclass(frozen=True, slots=True)
class OwnConsent:
    """A consent about her, by whoever recorded it."""

    name: str
    """Its id where she gave it herself; a name of her own where an organisation recorded it."""
    event: ConsentEvent
    """As it was given last."""
    holders: tuple[str, ...]
    """Those that it names and that she may be told."""
    recipients: tuple[str, ...]
    given: bool
    """Whether neither who recorded it nor she has withdrawn it."""
    counts: Counts
    live: bool
    """Whether it permits anything now."""
    version: str
    """Tells apart what it says: who agrees names it, so that nobody changes in between what she agrees to."""


def own_consents(
    events: Iterable[ConsentEvent], account: str, concealment: Concealment, key: ReaderKey, now: datetime
) -> list[OwnConsent]:
    """What each consent is now, the newest first, less what the register conceals.

    What she said against an organisation's consent is told as that consent's end, not as one of its own.
    """
    events = [each for each in events if not concealment.ref(each.org, each.subject)]
    last = {each.name: each for each in standing(events, now)}
    said_against = [each for each in last.values() if _hers(each, account) and not each.given]
    agreed = {each.name: each for each in sorted(events, key=lambda e: e.order) if each.given}
    permitted = permissions(events, now)
    found = []
    for of, each in agreed.items():
        withdrawn = of in last and not last[of].given
        against = any(_is_against(said, each, key) for said in said_against)
        told = _told(each, account, concealment, key)
        if told is not None:
            given = not withdrawn and not against
            found.append(replace(told, given=given, live=given and _permits(each, permitted, now)))
    return sorted(found, key=lambda each: each.event.order, reverse=True)


def withdrawal_of(consent: OwnConsent, account: str, key: ReaderKey) -> str:
    """The id under which she withdraws it: its own, or that of a word against it, because it is not hers to end."""
    return consent.event.consent if _hers(consent.event, account) else _against(consent.event, key)


def agreement_to(consent: OwnConsent, account: str, key: ReaderKey) -> str | None:
    """The id of the consent by which she agrees to this one; None to her own, which needs none."""
    return None if _hers(consent.event, account) else _AGREED + _keyed(consent.event, key)


class Timed(Protocol):
    """Something that was said."""

    @property
    def org(self) -> str:
        """Whose it is."""

    @property
    def source(self) -> str:
        """By which system."""

    @property
    def time(self) -> datetime:
        """When."""


def last_word(now: datetime, said: Iterable[Timed], source: str) -> tuple[datetime, str]:
    """Time and sequence by which an event of this source comes after everything that was said from her accounts.

    Events of one source and instant are told apart by their sequence. What others say has no part in it: no clock of
    theirs makes what she says now hold later.
    """
    said = [event for event in said if event.org == CITIZENS]
    times = [event.time if event.source == source else instant.after(event.time, _A_MOMENT) for event in said]
    return max((now, *times)), f"{sum(event.source == source for event in said):09}"


_AGAINST = "against-"
_AGREED = "agreed-"


def _told(event: ConsentEvent, account: str, concealment: Concealment, key: ReaderKey) -> OwnConsent | None:
    """What she is told of it; None where all that it opens, or all to whom, is concealed.

    One concealed name among others hides itself alone: else whoever names a refuge hides what it opens to itself.
    """
    holders = tuple(org for org in event.holders if not concealment.party(org, None))
    recipients = tuple(org for org in event.recipients if not concealment.party(org, None))
    if (event.holders and not holders) or (event.recipients and not recipients):
        return None
    name = event.consent if _hers(event, account) else key.identifier(f"{event.org} {event.subject}", event.consent)
    said = (event.org, event.subject, holders, recipients, event.nouns, event.items, event.purpose, event.until)
    version = key.version(orjson.dumps(said))
    return OwnConsent(name, event, holders, recipients, True, counts(event), False, version)


def counts(event: ConsentEvent) -> Counts:
    """How far it counts."""
    if event.org == CITIZENS or event.holders == (event.org,):
        return "binds"
    return "own-part" if not event.holders or event.org in event.holders else "proposal"


def _permits(event: ConsentEvent, permitted: Mapping[About, Permission], now: datetime) -> bool:
    """Whether anybody is shown anything by it now: by her own as far as the holders' own words go along."""
    if event.time > now or (event.until is not None and event.until <= now):
        return False
    if event.org == CITIZENS:
        return True
    abouts = ((recipient, event.purpose) for recipient in event.recipients if event.purpose is not None)
    found = [permitted[about] for about in abouts if about in permitted]
    return any(event in each.of(event.org, noun) for each in found for noun in event.nouns)


def _is_against(said: ConsentEvent, event: ConsentEvent, key: ReaderKey) -> bool:
    """Whether this word of hers is against this consent as it stands: given anew to others, it is another."""
    same = said.consent == _against(event, key)
    return same and said.purpose == event.purpose and set(event.recipients) <= set(said.recipients)


def _against(event: ConsentEvent, key: ReaderKey) -> str:
    return _AGAINST + _keyed(event, key)


def _keyed(event: ConsentEvent, key: ReaderKey) -> str:
    return key.identifier(f"{event.org} {event.subject}", event.consent)


def _hers(event: ConsentEvent, account: str) -> bool:
    return (event.org, event.subject) == (CITIZENS, account)
