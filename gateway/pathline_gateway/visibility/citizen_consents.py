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
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION
from pathline_gateway.visibility.consent import ConsentEvent, Permission, Use, compute_permissions, latest_consents
from pathline_gateway.visibility.pairwise_ids import ReaderKey

_TICK = timedelta(microseconds=1)

Validity = Literal["binds", "own-part", "proposal"]
"""For all that it says; for what its organisation holds itself, while the rest is proposed; for nothing yet."""


@dataclass(frozen=True, slots=True)
class OwnConsent:
    """A consent about her, by whoever recorded it."""

    consent_id: str
    """Its id where she gave it herself; a name of her own where an organisation recorded it."""
    event: ConsentEvent
    """As it was given last."""
    holders: tuple[str, ...]
    """Those that it names and that she may be told."""
    recipients: tuple[str, ...]
    is_given: bool
    """Whether neither who recorded it nor she has withdrawn it."""
    validity: Validity
    is_live: bool
    """Whether it permits anything now."""
    version: str
    """Tells apart what it says: who agrees names it, so that nobody changes in between what she agrees to."""


def list_own_consents(
    events: Iterable[ConsentEvent], account: str, concealment: Concealment, key: ReaderKey, now: datetime
) -> list[OwnConsent]:
    """What each consent is now, the newest first, less what the register conceals.

    What she said against an organisation's consent is told as that consent's end, not as one of its own.
    """
    events = [each for each in events if not concealment.conceals_ref(each.org, each.subject)]
    latest_by_key = {each.consent_key: each for each in latest_consents(events, now)}
    objections = [each for each in latest_by_key.values() if _is_own(each, account) and not each.is_given]
    given_by_key = {each.consent_key: each for each in sorted(events, key=lambda e: e.sort_key) if each.is_given}
    permission_by_use = compute_permissions(events, now)
    listed = []
    for consent_key, each in given_by_key.items():
        is_withdrawn = consent_key in latest_by_key and not latest_by_key[consent_key].is_given
        is_objected = any(_is_objection_to(said, each, key) for said in objections)
        own_consent = _build_own_consent(each, account, concealment, key)
        if own_consent is not None:
            is_given = not is_withdrawn and not is_objected
            listed.append(
                replace(own_consent, is_given=is_given, is_live=is_given and _permits_now(each, permission_by_use, now))
            )
    return sorted(listed, key=lambda each: each.event.sort_key, reverse=True)


def withdrawal_id(consent: OwnConsent, account: str, key: ReaderKey) -> str:
    """The id under which she withdraws it: its own, or that of an objection where it is not hers to end."""
    return consent.event.consent_id if _is_own(consent.event, account) else _objection_id(consent.event, key)


def agreement_id(consent: OwnConsent, account: str, key: ReaderKey) -> str | None:
    """The id of the consent by which she agrees to this one; None to her own, which needs none."""
    return None if _is_own(consent.event, account) else _AGREEMENT_PREFIX + _keyed_id(consent.event, key)


class TimedEvent(Protocol):
    """Something that was said."""

    @property
    def org(self) -> str:
        """Whose it is."""

    @property
    def source(self) -> str:
        """By which system."""

    @property
    def time(self) -> datetime:
        """When it happened."""


def next_event_position(now: datetime, events: Iterable[TimedEvent], source: str) -> tuple[datetime, str]:
    """Time and sequence by which an event of this source comes after everything that was said from her accounts.

    Events of one source and instant are told apart by their sequence. What others say has no part in it: no clock of
    theirs makes what she says now hold later.
    """
    events = [event for event in events if event.org == CITIZEN_ORGANISATION]
    times = [event.time if event.source == source else instant.add(event.time, _TICK) for event in events]
    return max((now, *times)), f"{sum(event.source == source for event in events):09}"


_OBJECTION_PREFIX = "against-"
_AGREEMENT_PREFIX = "agreed-"


def _build_own_consent(
    event: ConsentEvent, account: str, concealment: Concealment, key: ReaderKey
) -> OwnConsent | None:
    """What she is told of it; None where all that it opens, or all to whom, is concealed.

    One concealed name among others hides itself alone: else whoever names a refuge hides what it opens to itself.
    """
    holders = tuple(org for org in event.holders if not concealment.conceals_party(org, None))
    recipients = tuple(org for org in event.recipients if not concealment.conceals_party(org, None))
    if (event.holders and not holders) or (event.recipients and not recipients):
        return None
    consent_id = (
        event.consent_id
        if _is_own(event, account)
        else key.identifier(f"{event.org} {event.subject}", event.consent_id)
    )
    version_parts = (
        event.org,
        event.subject,
        holders,
        recipients,
        event.nouns,
        event.items,
        event.purpose,
        event.until,
    )
    version = key.version(orjson.dumps(version_parts))
    return OwnConsent(consent_id, event, holders, recipients, True, validity_of(event), False, version)


def validity_of(event: ConsentEvent) -> Validity:
    """How far it counts."""
    if event.org == CITIZEN_ORGANISATION or event.holders == (event.org,):
        return "binds"
    return "own-part" if not event.holders or event.org in event.holders else "proposal"


def _permits_now(event: ConsentEvent, permission_by_use: Mapping[Use, Permission], now: datetime) -> bool:
    """Whether anybody is shown anything by it now: by her own as far as the holders' own words go along."""
    if event.time > now or (event.until is not None and event.until <= now):
        return False
    if event.org == CITIZEN_ORGANISATION:
        return True
    uses = ((recipient, event.purpose) for recipient in event.recipients if event.purpose is not None)
    granted = [permission_by_use[about] for about in uses if about in permission_by_use]
    return any(event in each.granting_consents(event.org, noun) for each in granted for noun in event.nouns)


def _is_objection_to(objection: ConsentEvent, event: ConsentEvent, key: ReaderKey) -> bool:
    """Whether this word of hers is against this consent as it stands: given anew to others, it is another."""
    has_same_id = objection.consent_id == _objection_id(event, key)
    return has_same_id and objection.purpose == event.purpose and set(event.recipients) <= set(objection.recipients)


def _objection_id(event: ConsentEvent, key: ReaderKey) -> str:
    return _OBJECTION_PREFIX + _keyed_id(event, key)


def _keyed_id(event: ConsentEvent, key: ReaderKey) -> str:
    return key.identifier(f"{event.org} {event.subject}", event.consent_id)


def _is_own(event: ConsentEvent, account: str) -> bool:
    return (event.org, event.subject) == (CITIZEN_ORGANISATION, account)
