"""What decides who sees a pathway, as it stood when something was told; and when time changes it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import orjson

from pathline import instant
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.lawful_basis import LawfulBasis

_MANDATE_TYPE_PREFIX: Final = "org.pathline.mandate."


class PolicyRevisions(NamedTuple):
    """While these stand, and no instant passes that counts, each reader of a pathway is told the same of it."""

    refs: Sequence[int]
    """The refs of the pathway, by number."""
    steps: Sequence[int]
    """The revision of what stands under each, hand-offs that it names included."""
    consents: Sequence[int]
    """The revision of the consents under each."""
    register: int
    """The revision of what operators enter: concealment, lawful bases, registrars."""


def next_policy_instant(
    steps: Iterable[Step], consents: Iterable[ConsentEvent], bases: Iterable[LawfulBasis], now: datetime
) -> datetime:
    """The first instant after now from which a mandate, consent or lawful basis may count otherwise."""
    instants = (*_mandate_instants(steps), *_consent_instants(consents), *(basis.until for basis in bases))
    return min((each for each in instants if each is not None and each > now), default=instant.LATEST)


def _mandate_instants(steps: Iterable[Step]) -> Iterator[datetime]:
    for step in steps:
        if step.type.startswith(_MANDATE_TYPE_PREFIX):
            yield step.time
            until = orjson.loads(step.data).get("until")
            if until is not None:
                yield instant.parse(until)


def _consent_instants(consents: Iterable[ConsentEvent]) -> Iterator[datetime | None]:
    for consent in consents:
        yield consent.time
        yield consent.until
