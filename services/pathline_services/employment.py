"""An employment service: coaching that people on a payment must come to."""

from collections.abc import Iterator
from typing import Any, Literal

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms, publish
from pathline import vocabulary as v
from pathline_services import desk

COACHING = desk.Service("coaching", "Job coaching", "compulsory", "enduring")
ORG = desk.Organisation("employment", "Work Forward", "government", (COACHING,))
NAMES = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: employment")
SOURCE = "urn:pathline:employment:case"
HERE: dict[str, Any] = {"service": "coaching", "channel": "in-person"}


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
            yield desk.accepted(visit, **HERE)
            yield v.ObligationSet(obligation=visit.matter, kind="look-for-work", initiator="organisation", **HERE)
        case "started":
            yield v.HandoffStarted(handoff=visit.handoff, **HERE)
            yield v.PlanAgreed(plan=visit.matter, goals=("employment",), agreed_by=("staff",), **HERE)
        case "asked for papers":
            yield desk.papers_asked(visit, **HERE)
        case "brought papers":
            yield desk.papers_brought(visit, **HERE)
        case "came to coaching":
            yield v.AppointmentAttended(appointment=visit.matter, effort=visit.effort, actor="citizen", **HERE)
        case "missed coaching":
            yield v.AppointmentMissed(appointment=visit.matter, **HERE)
            yield v.ObligationMissed(obligation=visit.matter, **HERE)
        case "excused":
            yield v.ObligationExcused(obligation=visit.matter, reason="illness", initiator="citizen", **HERE)
        case "started the course":
            yield v.ServiceStarted(needs=("employment",), initiator="citizen", coproduction="deliver", **HERE)
        case "found work":
            yield v.HandoffCompleted(handoff=visit.handoff, outcome="met", **HERE)
            yield v.OutcomeReported(by="provider", domain="employment", before="no-work", after="work", **HERE)
        case "not seen again":
            yield v.HandoffFailed(handoff=visit.handoff, reason="cannot-contact", **HERE)


def interactions(visit: CoachingVisit) -> list[Interaction[v.Payload]]:
    return desk.written(visit, payloads_of(visit), source=SOURCE, names=NAMES)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.broker(kafka)

    @broker.subscriber("desk.employment", group_id=ORG.code, **desk.NOTHING_LOST)
    async def at_the_counter(visit: CoachingVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
