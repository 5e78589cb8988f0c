"""A food bank run by volunteers: parcels for whoever is hungry. Its paper book knows the day, never the hour."""

from collections.abc import Iterator
from typing import Any, Literal

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms, publish
from pathline import vocabulary as v
from pathline_services import desk

PARCELS = desk.Service("parcels", "Food parcels", "voluntary", "immediate")
ORG = desk.Organisation("food-bank", "Northside Food Bank", "third-sector", (PARCELS,))
PSEUDONYMS = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: food-bank")
SOURCE = "urn:pathline:food-bank:paper-book"
COMMON: dict[str, Any] = {"service": "parcels", "channel": "in-person", "precision": "day"}


class ParcelVisit(desk.Visit):
    what: Literal[
        "asked for food", "came with a slip", "turned away", "got a parcel", "fed", "helped out", "sent on",
        "stayed away",
    ]  # fmt: skip


VISIT = ParcelVisit


def payloads_of(visit: ParcelVisit) -> Iterator[v.Payload]:
    """What a visit means to everybody else."""
    match visit.what:
        case "asked for food":
            yield v.NeedExpressed(need=visit.matter, code="food", urgency="urgent", by="citizen", **COMMON)
        case "came with a slip":
            yield desk.handoff_accepted(visit, **COMMON)
        case "turned away":
            yield desk.handoff_declined(visit, "capacity", **COMMON)
        case "got a parcel":
            yield v.ServiceDelivered(quantity=1, unit="parcel", needs=("food",), coproduction="deliver", **COMMON)
        case "fed":
            yield v.HandoffCompleted(handoff=visit.handoff, outcome="met", actor="staff", **COMMON)
        case "helped out":
            yield v.CoproductionContributed(kind="time", initiator="citizen", effort=visit.effort, **COMMON)
        case "sent on":
            yield desk.handoff_offered(visit, **COMMON)
        case "stayed away":
            yield v.ServiceEnded(reason="lost-contact", needs=("food",), actor="staff", **COMMON)


def interactions(visit: ParcelVisit) -> list[Interaction[v.Payload]]:
    return desk.build_interactions(visit, payloads_of(visit), source=SOURCE, pseudonyms=PSEUDONYMS)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.create_broker(kafka)

    @broker.subscriber("desk.food-bank", group_id=ORG.code, **desk.SUBSCRIBER_SETTINGS)
    async def handle_visit(visit: ParcelVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
