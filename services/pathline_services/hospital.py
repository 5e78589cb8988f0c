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
PSEUDONYMS = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: hospital")
SOURCE = "urn:pathline:hospital:ward-desk"
COMMON: dict[str, Any] = {"service": "ward", "channel": "in-person"}


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
            since = visit.at.date()
            yield v.CircumstanceChanged(kind="illness", effective=since, initiator="citizen", actor="staff", **COMMON)
            yield v.ServiceStarted(needs=("health",), initiator="citizen", actor="staff", **COMMON)
        case "need found":
            code = visit.need or "income"
            yield v.NeedIdentified(need=visit.matter, code=code, by="staff", actor="staff", **COMMON)
        case "sent on":
            yield desk.handoff_offered(visit, **COMMON)
        case "discharged":
            yield v.ServiceEnded(reason="completed", initiator="organisation", actor="staff", **COMMON)
            yield v.AppointmentBooked(
                appointment=visit.matter, start=visit.at + timedelta(days=21), kind="check-up", actor="staff", **COMMON
            )
        case "report given":
            yield desk.evidence_provided(visit, **COMMON)
        case "came for check-up":
            yield v.AppointmentAttended(appointment=visit.matter, effort=visit.effort, actor="citizen", **COMMON)
            yield v.OutcomeReported(
                by="provider", domain="health", before=2, after=4, instrument="EQ-5D step", **COMMON
            )
        case "missed check-up":
            yield v.AppointmentMissed(appointment=visit.matter, **COMMON)
        case "asked again":
            yield desk.contact_made(visit, SOURCE, **COMMON)


def interactions(visit: HospitalVisit) -> list[Interaction[v.Payload]]:
    return desk.build_interactions(visit, payloads_of(visit), source=SOURCE, pseudonyms=PSEUDONYMS)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.create_broker(kafka)

    @broker.subscriber("desk.hospital", group_id=ORG.code, **desk.SUBSCRIBER_SETTINGS)
    async def handle_visit(visit: HospitalVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
