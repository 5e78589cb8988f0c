"""What all reference desks share: the visit that a clerk writes down, the slip of paper, and how an app is wired."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypedDict

from fast_depends.exceptions import ValidationError
from faststream import AckPolicy, ExceptionMiddleware
from faststream.kafka import KafkaBroker
from pydantic import AwareDatetime, BaseModel, ConfigDict

from pathline import Interaction, Pseudonyms, Refused, interaction
from pathline.vocabulary import (
    Authority,
    ContactMade,
    Due,
    Effort,
    EventRef,
    EvidenceProvided,
    EvidenceRequested,
    HandoffAccepted,
    HandoffDeclined,
    HandoffOffered,
    Horizon,
    ItemCode,
    NeedCode,
    Participation,
    Party,
    Payload,
)


class SubscriberSettings(TypedDict):
    """Settings of a subscriber."""

    ack_policy: AckPolicy
    auto_offset_reset: Literal["earliest"]
    session_timeout_ms: int
    heartbeat_interval_ms: int


SUBSCRIBER_SETTINGS: Final[SubscriberSettings] = {
    "ack_policy": AckPolicy.NACK_ON_ERROR,  # FastStream's default forgets a visit that was read when it crashes
    "auto_offset_reset": "earliest",  # and skips what came before its first start
    "session_timeout_ms": 6_000,  # Kafka's least: so soon another process takes a dead one's place
    "heartbeat_interval_ms": 500,
}
"""How a desk reads: a visit counts as read when its handler has returned, and is read again when that failed."""

log = logging.getLogger("pathline_services")


@dataclass(frozen=True)
class Service:
    """One entry of an organisation's list of services, as the register shows it."""

    code: str
    title: str
    participation: Participation
    horizon: Horizon


@dataclass(frozen=True)
class Organisation:
    """One entry of the register."""

    code: str
    name: str
    sector: Literal["government", "third-sector", "community-controlled", "business", "citizen"]
    services: tuple[Service, ...]


class Slip(BaseModel):
    """Paper from a numbered pad: the hand-off's id, and the code that proves who was sent.

    The person carries it. The desk that tears it off publishes only the code's hash. The desk that she shows it to
    publishes the code, and so everybody can see that she arrived.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: str
    """The hand-off's id: `<organisation that sends>:<its own number>`."""
    code: str | None = None
    """The single-use token; none on a slip for a service that is not on Pathline."""

    @property
    def token_hash(self) -> str | None:
        """The SHA-256 of the code."""
        return None if self.code is None else hashlib.sha256(self.code.encode()).hexdigest()


class Visit(BaseModel):
    """What a clerk writes down; each service adds `what`, in its own words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    visit: str
    """Unique at this desk: ids of interactions are made from it, so a visit that is told twice changes nothing."""
    person: str
    """The service's own number for her; it stays in the service."""
    at: AwareDatetime
    matter: str
    """The service's own number for the claim, case or question."""
    need: NeedCode | None = None
    items: tuple[ItemCode, ...] = ()
    """Papers that were asked for or brought."""
    slip: Slip | None = None
    """The slip that she brought, or takes along."""
    to: str | None = None
    """The organisation to which she is sent."""
    days: int = 5
    """Days until an answer is expected."""
    minutes: int | None = None
    """Her own time that it took, travel and waiting included."""
    regarding: str | None = None
    """The id of an earlier interaction of this desk, when she asks or complains about it."""

    @property
    def handoff(self) -> str:
        """The number on the slip. Raises ValueError when there is no slip."""
        if self.slip is None:
            raise ValueError("this visit needs a slip")
        return self.slip.number

    @property
    def effort(self) -> tuple[Effort, ...] | None:
        return None if self.minutes is None else (Effort(minutes=self.minutes, by="citizen"),)


def create_broker(kafka: str) -> KafkaBroker:
    """A FastStream broker that lays a visit nobody can read aside, instead of reading it again for ever.

    Everything else that goes wrong (the broker is away, say) is tried again: that is `AckPolicy.NACK_ON_ERROR`.
    """

    async def log_unreadable(unreadable_visits: Exception) -> None:
        # The type only: the message of the error could tell who came.
        log.error("a visit was laid aside: %s", type(unreadable_visits).__name__)

    unreadable_visits = ExceptionMiddleware(
        {ValueError: log_unreadable, ValidationError: log_unreadable, Refused: log_unreadable}
    )
    return KafkaBroker(kafka, middlewares=[unreadable_visits], logger=log, log_level=logging.DEBUG)


def build_interactions(
    visit: Visit, payloads: Iterable[Payload], *, source: str, pseudonyms: Pseudonyms
) -> list[Interaction[Payload]]:
    """The interactions of a visit, the same whenever it is told: ids are the visit's, numbered in order."""
    return [
        interaction(
            payload,
            source=source,
            subject=pseudonyms.subject(visit.person),
            time=_start_of_day(visit.at) if payload.precision == "day" else visit.at,
            id=f"{visit.visit}-{index}",
            recordedtime=visit.at,
        )
        for index, payload in enumerate(payloads)
    ]


def _start_of_day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def contact_made(visit: Visit, source: str, *, angry: bool = False, **fields: Any) -> ContactMade:
    """She asked where it stands, or complained: nothing new was given, but a clerk and she spent the time."""
    return ContactMade(
        kind="complain" if angry else "chase",
        regarding=EventRef(source=source, id=visit.regarding) if visit.regarding else None,
        effort=visit.effort,
        initiator="citizen",
        actor="citizen",
        **fields,
    )


def evidence_requested(visit: Visit, **fields: Any) -> EvidenceRequested:
    """She was asked for papers."""
    due = visit.at + timedelta(days=14)
    return EvidenceRequested(
        items=visit.items, request=visit.matter, due=due, initiator="organisation", actor="staff", **fields
    )


def evidence_provided(visit: Visit, **fields: Any) -> EvidenceProvided:
    """She brought them."""
    return EvidenceProvided(
        items=visit.items, request=visit.matter, effort=visit.effort, initiator="citizen", actor="citizen", **fields
    )


def handoff_offered(visit: Visit, **fields: Any) -> HandoffOffered:
    """She leaves with a slip for another service, which is asked to answer in time."""
    if visit.slip is None or visit.to is None:
        raise ValueError("sending somebody on needs a slip and the organisation that it is for")
    answer_due = visit.at + timedelta(days=visit.days)
    return HandoffOffered(
        handoff=visit.slip.number,
        to=Party(org=visit.to),
        token_sha256=visit.slip.token_hash,
        due=Due(accept=answer_due, contact=answer_due + timedelta(days=7)),
        context_released=True,
        need=visit.need,
        authority=Authority(basis="consent"),
        initiator="organisation",
        actor="staff",
        **fields,
    )


def handoff_accepted(visit: Visit, **fields: Any) -> HandoffAccepted:
    """She showed her slip and is taken on: her code is redeemed under this desk's own pseudonym of her."""
    if visit.slip is None or visit.slip.code is None:
        raise ValueError("accepting needs the slip and its code")
    return HandoffAccepted(
        handoff=visit.slip.number, token=visit.slip.code, need=visit.need, initiator="citizen", actor="staff", **fields
    )


def handoff_declined(visit: Visit, reason: Literal["capacity", "wrong-service"], **fields: Any) -> HandoffDeclined:
    """She showed her slip and was turned away; the desk that sent her sees it."""
    token = visit.slip.code if visit.slip else None
    return HandoffDeclined(
        handoff=visit.handoff, token=token, reason=reason, initiator="organisation", actor="staff", **fields
    )
