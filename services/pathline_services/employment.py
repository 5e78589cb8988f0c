"""An employment service: coaching that people on a payment must come to."""

from collections.abc import Iterator
from typing import Any, Literal

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms, publish
from pathline import vocabulary as v
from pathline_services import desk

COACHING = desk.Service("coaching", "Job coaching", "compulsory", "enduring")
ORG = desk.Organisation("employment", "Work Forward", "government", (COACHING,))
PSEUDONYMS = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: employment")
SOURCE = "urn:pathline:employment:case"
COMMON: dict[str, Any] = {"service": "coaching", "channel": "in-person"}


class CoachingVisit(desk.Visit):
    what: Literal[
        "came with a slip", "started", "asked for papers", "brought papers", "came to coaching", "missed coaching",
        "excused", "started the course", "found work", "not seen again",
    ]  # fmt: skip


VISIT = CoachingVisit


def payloads_of(visit: CoachingVisit) -> Iterator[v.Payload]:
    """What a visit means to everybody else."""
    match visit.what:
        case "came with a slip":
            yield desk.handoff_accepted(visit, **COMMON)
            yield v.ObligationSet(obligation=visit.matter, kind="look-for-work", initiator="organisation", **COMMON)
        case "started":
            yield v.HandoffStarted(handoff=visit.handoff, **COMMON)
            yield v.PlanAgreed(plan=visit.matter, goals=("employment",), agreed_by=("staff",), **COMMON)
        case "asked for papers":
            yield desk.evidence_requested(visit, **COMMON)
        case "brought papers":
            yield desk.evidence_provided(visit, **COMMON)
        case "came to coaching":
            yield v.AppointmentAttended(appointment=visit.matter, effort=visit.effort, actor="citizen", **COMMON)
        case "missed coaching":
            yield v.AppointmentMissed(appointment=visit.matter, **COMMON)
            yield v.ObligationMissed(obligation=visit.matter, **COMMON)
        case "excused":
            yield v.ObligationExcused(obligation=visit.matter, reason="illness", initiator="citizen", **COMMON)
        case "started the course":
            yield v.ServiceStarted(needs=("employment",), initiator="citizen", coproduction="deliver", **COMMON)
        case "found work":
            yield v.HandoffCompleted(handoff=visit.handoff, outcome="met", **COMMON)
            yield v.OutcomeReported(by="provider", domain="employment", before="no-work", after="work", **COMMON)
        case "not seen again":
            yield v.HandoffFailed(handoff=visit.handoff, reason="cannot-contact", **COMMON)


def interactions(visit: CoachingVisit) -> list[Interaction[v.Payload]]:
    return desk.build_interactions(visit, payloads_of(visit), source=SOURCE, pseudonyms=PSEUDONYMS)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.create_broker(kafka)

    @broker.subscriber("desk.employment", group_id=ORG.code, **desk.SUBSCRIBER_SETTINGS)
    async def handle_visit(visit: CoachingVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
