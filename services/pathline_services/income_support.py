"""Income support: a payment for people without work, claimed on line."""

from collections.abc import Iterator
from typing import Any, Literal

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms, publish
from pathline import vocabulary as v
from pathline_services import desk

PAYMENT = desk.Service("payment", "Income support payment", "voluntary", "enduring")
ORG = desk.Organisation("income-support", "Income Support", "government", (PAYMENT,))
NAMES = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: income-support")
SOURCE = "urn:pathline:income-support:claims"
HERE: dict[str, Any] = {"service": "payment", "channel": "web"}


class ClaimVisit(desk.Visit):
    what: Literal[
        "lost her job", "claimed", "came with a slip", "asked for papers", "brought papers", "granted",
        "refused", "slip done", "sent on", "asked again", "complained", "gave up",
    ]  # fmt: skip


VISIT = ClaimVisit


def payloads_of(visit: ClaimVisit) -> Iterator[v.Payload]:
    """What a visit means to everybody else."""
    match visit.what:
        case "lost her job":
            yield v.CircumstanceChanged(kind="job-lost", effective=visit.at.date(), initiator="citizen", **HERE)
            yield v.NeedExpressed(need=visit.matter, code="income", urgency="urgent", by="citizen", **HERE)
        case "claimed":
            yield v.RequestLodged(
                request=visit.matter, kind="payment", effort=visit.effort, initiator="citizen", **HERE
            )
        case "came with a slip":
            yield desk.accepted(visit, **HERE)
        case "asked for papers":
            yield desk.papers_asked(visit, **HERE)
        case "brought papers":
            yield desk.papers_brought(visit, **HERE)
        case "granted" | "refused":
            yield v.DecisionMade(decision=visit.matter, request=visit.matter, result=visit.what, actor="staff", **HERE)
        case "slip done":
            yield v.HandoffCompleted(handoff=visit.handoff, actor="staff", **HERE)
        case "sent on":
            yield desk.sent_on(visit, **HERE, participation="compulsory")
        case "asked again" | "complained":
            yield desk.came_back(visit, SOURCE, angry=visit.what == "complained", **HERE)
        case "gave up":
            yield v.RequestWithdrawn(request=visit.matter, reason="lost-contact", **HERE)


def interactions(visit: ClaimVisit) -> list[Interaction[v.Payload]]:
    return desk.written(visit, payloads_of(visit), source=SOURCE, names=NAMES)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.broker(kafka)

    @broker.subscriber("desk.income-support", group_id=ORG.code, **desk.NOTHING_LOST)
    async def at_the_counter(visit: ClaimVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
