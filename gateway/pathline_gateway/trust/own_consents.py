"""A citizen's consents as she is told them, and the events by which she gives and withdraws them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pathline import instant
from pathline_gateway.identity.rights import CITIZENS
from pathline_gateway.trust.concealment import Concealment
from pathline_gateway.trust.consents import ConsentEvent, standing
from pathline_gateway.trust.pairwise import ReaderKey

_A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class OwnConsent:
    """A consent about her, by whoever recorded it."""

    name: str
    """Its id where she gave it herself; a name of her own where an organisation recorded it."""
    event: ConsentEvent

    def live(self, now: datetime) -> bool:
        """Whether it permits anything now."""
        return self.event.given and self.event.time <= now and (self.event.until is None or self.event.until > now)


def own_consents(
    events: Iterable[ConsentEvent], account: str, concealment: Concealment, key: ReaderKey, now: datetime
) -> list[OwnConsent]:
    """What each consent is now, the newest first, less what is concealed or names what is.

    What she said against an organisation's consent is told as that consent's end, not as one of its own.
    """
    events = list(events)
    last = {_key(each): each for each in standing(events, now)}
    against = {each.consent for each in last.values() if _hers(each, account) and not each.given}
    agreed = {_key(each): each for each in sorted(events, key=lambda e: e.order) if each.given}
    told = [
        OwnConsent(
            _name(each, account, key),
            replace(each, given=last[of].given and _against(each, key) not in against) if of in last else each,
        )
        for of, each in agreed.items()
        if not _is_concealed(each, concealment)
    ]
    return sorted(told, key=lambda each: each.event.order, reverse=True)


def withdrawal_of(consent: OwnConsent, account: str, key: ReaderKey) -> str:
    """The id under which she withdraws it: its own, or that of a word against it, because it is not hers to end."""
    return consent.event.consent if _hers(consent.event, account) else _against(consent.event, key)


def last_word(now: datetime, said: Iterable[ConsentEvent], source: str) -> tuple[datetime, str]:
    """Time and sequence by which an event of this source comes after everything that was said before.

    Later than others' events, whoever's clock ran ahead; its own of one instant are told apart by their sequence.
    """
    said = list(said)
    times = [event.time if event.source == source else instant.after(event.time, _A_MOMENT) for event in said]
    return max((now, *times)), f"{sum(event.source == source for event in said):09}"


_AGAINST = "against-"


def _against(event: ConsentEvent, key: ReaderKey) -> str:
    return _AGAINST + key.identifier(f"{event.org} {event.subject}", event.consent)


def _key(event: ConsentEvent) -> tuple[str, str, str]:
    return event.org, event.subject, event.consent


def _hers(event: ConsentEvent, account: str) -> bool:
    return (event.org, event.subject) == (CITIZENS, account)


def _name(event: ConsentEvent, account: str, key: ReaderKey) -> str:
    return event.consent if _hers(event, account) else key.identifier(event.org, event.consent)


def _is_concealed(event: ConsentEvent, concealment: Concealment) -> bool:
    named = (*event.holders, *event.recipients)
    return (
        event.concealed
        or concealment.ref(event.org, event.subject)
        or any(concealment.party(org, None) for org in named)
    )
