"""Income support: a payment for people without work, claimed on line."""

from collections.abc import Iterator
from typing import Any, Literal

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms, publish
from pathline import vocabulary as v
from pathline_services import desk

PAYMENT = desk.Service("payment", "Income support payment", "voluntary", "enduring")
ORG = desk.Organisation("income-support", "Income Support", "government", (PAYMENT,))
PSEUDONYMS = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: income-support")
SOURCE = "urn:pathline:income-support:claims"
COMMON: dict[str, Any] = {"service": "payment", "channel": "web"}


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
            yield v.CircumstanceChanged(kind="job-lost", effective=visit.at.date(), initiator="citizen", **COMMON)
            yield v.NeedExpressed(need=visit.matter, code="income", urgency="urgent", by="citizen", **COMMON)
        case "claimed":
            yield v.RequestLodged(
                request=visit.matter, kind="payment", effort=visit.effort, initiator="citizen", **COMMON
            )
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
        case "slip done":
            yield v.HandoffCompleted(handoff=visit.handoff, actor="staff", **COMMON)
        case "sent on":
            yield desk.handoff_offered(visit, **COMMON, participation="compulsory")
        case "asked again" | "complained":
            yield desk.contact_made(visit, SOURCE, angry=visit.what == "complained", **COMMON)
        case "gave up":
            yield v.RequestWithdrawn(request=visit.matter, reason="lost-contact", **COMMON)


def interactions(visit: ClaimVisit) -> list[Interaction[v.Payload]]:
    return desk.build_interactions(visit, payloads_of(visit), source=SOURCE, pseudonyms=PSEUDONYMS)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.create_broker(kafka)

    @broker.subscriber("desk.income-support", group_id=ORG.code, **desk.SUBSCRIBER_SETTINGS)
    async def handle_visit(visit: ClaimVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
