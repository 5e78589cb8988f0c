"""A public housing office: help to keep a tenancy when the rent is behind."""

from collections.abc import Iterator
from typing import Any, Literal

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms, publish
from pathline import vocabulary as v
from pathline_services import desk

TENANCY = desk.Service("tenancy-help", "Help to keep a tenancy", "voluntary", "enduring")
ORG = desk.Organisation("housing", "City Housing", "government", (TENANCY,))
PSEUDONYMS = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: housing")
SOURCE = "urn:pathline:housing:counter"
COMMON: dict[str, Any] = {"service": "tenancy-help", "channel": "in-person"}


class HousingVisit(desk.Visit):
    what: Literal[
        "behind with rent", "came with a slip", "asked for papers", "brought papers", "granted",
        "refused", "sent on", "slip lapsed", "rent is paid", "asked again", "complained", "lost touch",
    ]  # fmt: skip


VISIT = HousingVisit


def payloads_of(visit: HousingVisit) -> Iterator[v.Payload]:
    """What a visit means to everybody else."""
    match visit.what:
        case "behind with rent":
            yield v.NeedExpressed(need=visit.matter, code="housing", urgency="urgent", by="citizen", **COMMON)
            yield v.RequestLodged(request=visit.matter, kind="rent-help", effort=visit.effort, **COMMON)
        case "came with a slip":
            yield desk.handoff_accepted(visit, **COMMON)
        case "asked for papers":
            yield desk.evidence_requested(visit, **COMMON)
        case "brought papers":
            yield desk.evidence_provided(visit, **COMMON)
        case "granted" | "refused":
            yield v.DecisionMade(
                decision=visit.matter, request=visit.matter, result=visit.what, actor="staff", **COMMON
            )
        case "sent on":
            yield desk.handoff_offered(visit, **COMMON)
        case "slip lapsed":
            yield v.HandoffExpired(handoff=visit.handoff, actor="system", **COMMON)
        case "rent is paid":
            yield v.NeedMet(need=visit.matter, code="housing", **COMMON)
            if visit.slip:
                yield v.HandoffCompleted(handoff=visit.handoff, outcome="met", **COMMON)
        case "asked again" | "complained":
            yield desk.contact_made(visit, SOURCE, angry=visit.what == "complained", **COMMON)
        case "lost touch":
            yield v.ServiceEnded(reason="lost-contact", actor="staff", **COMMON)


def interactions(visit: HousingVisit) -> list[Interaction[v.Payload]]:
    return desk.build_interactions(visit, payloads_of(visit), source=SOURCE, pseudonyms=PSEUDONYMS)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.create_broker(kafka)

    @broker.subscriber("desk.housing", group_id=ORG.code, **desk.SUBSCRIBER_SETTINGS)
    async def handle_visit(visit: HousingVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
