"""A financial counselling charity: somebody sits down with you and your letters."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms, publish
from pathline import vocabulary as v
from pathline_services import desk

COUNSEL = desk.Service("counselling", "Financial counselling", "voluntary", "enduring")
ORG = desk.Organisation("money-help", "Money Help", "third-sector", (COUNSEL,))
NAMES = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: money-help")
SOURCE = "urn:pathline:money-help:counselling"
HERE: dict[str, Any] = {"service": "counselling", "channel": "in-person"}


class CounsellingVisit(desk.Visit):
    what: Literal[
        "came with a slip", "turned away", "walked in", "put on the list", "asked for papers", "brought papers",
        "sat down together", "sent on", "debts settled", "not seen again",
    ]  # fmt: skip


VISIT = CounsellingVisit


def payloads_of(visit: CounsellingVisit) -> Iterator[v.Payload]:
    """What a visit means to everybody else."""
    match visit.what:
        case "came with a slip":
            yield desk.accepted(visit, **HERE)
        case "turned away":
            yield desk.declined(visit, "capacity", **HERE)
        case "walked in":
            yield v.NeedExpressed(need=visit.matter, code="debt", by="citizen", initiator="citizen", **HERE)
        case "put on the list":
            yield v.ServiceWaitlisted(needs=("debt",), expected=visit.at + timedelta(days=visit.days), **HERE)
        case "asked for papers":
            yield desk.papers_asked(visit, **HERE)
        case "brought papers":
            yield desk.papers_brought(visit, **HERE)
        case "sat down together":
            yield v.AssessmentMade(assessment=visit.matter, kind="budget", coproduction="design", **HERE)
            yield v.PlanAgreed(plan=visit.matter, goals=("debt",), agreed_by=("citizen", "staff"), **HERE)
        case "sent on":
            yield desk.sent_on(visit, **HERE)
        case "debts settled":
            if visit.slip:
                yield v.HandoffCompleted(handoff=visit.handoff, outcome="met", **HERE)
            yield v.OutcomeReported(by="provider", domain="debt", before="arrears", after="settled", **HERE)
        case "not seen again":
            yield v.HandoffFailed(handoff=visit.handoff, reason="cannot-contact", **HERE)


def interactions(visit: CounsellingVisit) -> list[Interaction[v.Payload]]:
    return desk.written(visit, payloads_of(visit), source=SOURCE, names=NAMES)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.broker(kafka)

    @broker.subscriber("desk.money-help", group_id=ORG.code, **desk.NOTHING_LOST)
    async def at_the_counter(visit: CounsellingVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
