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
PSEUDONYMS = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: money-help")
SOURCE = "urn:pathline:money-help:counselling"
COMMON: dict[str, Any] = {"service": "counselling", "channel": "in-person"}


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
            yield desk.handoff_accepted(visit, **COMMON)
        case "turned away":
            yield desk.handoff_declined(visit, "capacity", **COMMON)
        case "walked in":
            yield v.NeedExpressed(need=visit.matter, code="debt", by="citizen", initiator="citizen", **COMMON)
        case "put on the list":
            yield v.ServiceWaitlisted(needs=("debt",), expected=visit.at + timedelta(days=visit.days), **COMMON)
        case "asked for papers":
            yield desk.evidence_requested(visit, **COMMON)
        case "brought papers":
            yield desk.evidence_provided(visit, **COMMON)
        case "sat down together":
            yield v.AssessmentMade(assessment=visit.matter, kind="budget", coproduction="design", **COMMON)
            yield v.PlanAgreed(plan=visit.matter, goals=("debt",), agreed_by=("citizen", "staff"), **COMMON)
        case "sent on":
            yield desk.handoff_offered(visit, **COMMON)
        case "debts settled":
            if visit.slip:
                yield v.HandoffCompleted(handoff=visit.handoff, outcome="met", **COMMON)
            yield v.OutcomeReported(by="provider", domain="debt", before="arrears", after="settled", **COMMON)
        case "not seen again":
            yield v.HandoffFailed(handoff=visit.handoff, reason="cannot-contact", **COMMON)


def interactions(visit: CounsellingVisit) -> list[Interaction[v.Payload]]:
    return desk.build_interactions(visit, payloads_of(visit), source=SOURCE, pseudonyms=PSEUDONYMS)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.create_broker(kafka)

    @broker.subscriber("desk.money-help", group_id=ORG.code, **desk.SUBSCRIBER_SETTINGS)
    async def handle_visit(visit: CounsellingVisit) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
