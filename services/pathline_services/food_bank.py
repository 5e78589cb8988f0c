"""A food bank run by volunteers: parcels for whoever is hungry. Its paper book knows the day, never the hour."""

from collections.abc import Iterator
from typing import Any, Literal

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms, publish
from pathline import vocabulary as v
from pathline_services import desk

PARCELS = desk.Service("parcels", "Food parcels", "voluntary", "immediate")
ORG = desk.Organisation("food-bank", "Northside Food Bank", "third-sector", (PARCELS,))
NAMES = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: food-bank")
SOURCE = "urn:pathline:food-bank:paper-book"
HERE: dict[str, Any] = {"service": "parcels", "channel": "in-person", "precision": "day"}


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
            yield v.NeedExpressed(need=visit.matter, code="food", urgency="urgent", by="citizen", **HERE)
        case "came with a slip":
            yield desk.accepted(visit, **HERE)
        case "turned away":
            yield desk.declined(visit, "capacity", **HERE)
        case "got a parcel":
            yield v.ServiceDelivered(quantity=1, unit="parcel", needs=("food",), coproduction="deliver", **HERE)
        case "fed":
            yield v.HandoffCompleted(handoff=visit.handoff, outcome="met", actor="staff", **HERE)
        case "helped out":
            yield v.CoproductionContributed(kind="time", initiator="citizen", effort=visit.effort, **HERE)
        case "sent on":
            yield desk.sent_on(visit, **HERE)
        case "stayed away":
            yield v.ServiceEnded(reason="lost-contact", needs=("food",), actor="staff", **HERE)


def interactions(visit: ParcelVisit) -> list[Interaction[v.Payload]]:
    return desk.written(visit, payloads_of(visit), source=SOURCE, names=NAMES)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.broker(kafka)

    @broker.subscriber("desk.food-bank", group_id=ORG.code, **desk.NOTHING_LOST)
    async def at_the_counter(visit: ParcelVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
