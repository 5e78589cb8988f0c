"""A hospital: its ward, and the social worker who sees what else has gone wrong."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms, publish
from pathline import vocabulary as v
from pathline_services import desk

WARD = desk.Service("ward", "Hospital stay", "voluntary", "immediate")
ORG = desk.Organisation("hospital", "Riverside Hospital", "government", (WARD,))
NAMES = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: hospital")
SOURCE = "urn:pathline:hospital:ward-desk"
HERE: dict[str, Any] = {"service": "ward", "channel": "in-person"}


class HospitalVisit(desk.Visit):
    what: Literal[
        "admitted", "need found", "sent on", "discharged", "report given", "came for check-up", "missed check-up",
        "asked again",
    ]  # fmt: skip


VISIT = HospitalVisit


def payloads_of(visit: HospitalVisit) -> Iterator[v.Payload]:
    """What a visit means to everybody else."""
    match visit.what:
        case "admitted":
            ill = visit.at.date()
            yield v.CircumstanceChanged(kind="illness", effective=ill, initiator="citizen", actor="staff", **HERE)
            yield v.ServiceStarted(needs=("health",), initiator="citizen", actor="staff", **HERE)
        case "need found":
            yield v.NeedIdentified(need=visit.matter, code=visit.need or "income", by="staff", actor="staff", **HERE)
        case "sent on":
            yield desk.sent_on(visit, **HERE)
        case "discharged":
            yield v.ServiceEnded(reason="completed", initiator="organisation", actor="staff", **HERE)
            check_up = visit.at + timedelta(days=21)
            yield v.AppointmentBooked(appointment=visit.matter, start=check_up, kind="check-up", actor="staff", **HERE)
        case "report given":
            yield desk.papers_brought(visit, **HERE)
        case "came for check-up":
            yield v.AppointmentAttended(appointment=visit.matter, effort=visit.effort, actor="citizen", **HERE)
            yield v.OutcomeReported(by="provider", domain="health", before=2, after=4, instrument="EQ-5D step", **HERE)
        case "missed check-up":
            yield v.AppointmentMissed(appointment=visit.matter, **HERE)
        case "asked again":
            yield desk.came_back(visit, SOURCE, **HERE)


def interactions(visit: HospitalVisit) -> list[Interaction[v.Payload]]:
    return desk.written(visit, payloads_of(visit), source=SOURCE, names=NAMES)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.broker(kafka)

    @broker.subscriber("desk.hospital", group_id=ORG.code, **desk.NOTHING_LOST)
    async def at_the_counter(visit: HospitalVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
