"""What a citizen does from her own account: she pulls, links, agrees, and says what it was worth."""

from collections.abc import Iterator
from typing import Any, Literal

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms, publish
from pathline import vocabulary as v
from pathline_services import desk

ACCOUNT = desk.Service("account", "My own account", "voluntary", "enduring")
ORG = desk.Organisation("citizen", "Citizens", "citizen", (ACCOUNT,))
PSEUDONYMS = Pseudonyms(ORG.code, b"DEMO KEY, never for real people: citizen")
SOURCE = "urn:pathline:citizen:me"
COMMON: dict[str, Any] = {"service": "account", "channel": "web", "initiator": "citizen"}


class CitizenAction(desk.Visit):
    what: Literal[
        "showed who she is", "agreed to have shown", "asked what there is", "was told", "claimed", "proposed",
        "it was worth it", "it was not worth it", "better now",
    ]  # fmt: skip
    known: v.Ref | None = None
    found: v.Answer | None = None
    burden: v.Burden | None = None


VISIT = CitizenAction


def payloads_of(visit: CitizenAction) -> Iterator[v.Payload]:
    """What a visit means to everybody else."""
    match visit.what:
        case "showed who she is" if visit.known:
            own_ref = v.Ref(org=ORG.code, subject=PSEUDONYMS.subject(visit.person))
            yield v.IdentityLinked(same=(own_ref, visit.known), method="citizen-token", purpose="own-pathway")
        case "agreed to have shown":
            recipients, items = ("housing", "money-help"), visit.items
            yield v.ConsentGiven(
                consent=visit.matter, holders=("income-support",), recipients=recipients, items=items, purpose="care"
            )
        case "asked what there is":
            yield v.PullRequested(pull=visit.matter, need=visit.need or "income", actor="citizen", **COMMON)
        case "was told" if visit.found:
            yield v.PullAnswered(pull=visit.matter, answer=visit.found, actor="system", **COMMON)
        case "claimed":
            yield v.PullClaimed(pull=visit.matter, offer="course", to=v.Party(org=visit.to or ORG.code), **COMMON)
        case "proposed":
            yield v.CoproductionProposed(proposal=visit.matter, kind="design", coproduction="design", **COMMON)
        case "it was worth it" | "it was not worth it":
            value: Literal["confirmed", "denied"] = "confirmed" if visit.what == "it was worth it" else "denied"
            yield v.ExperienceShared(value=value, need=visit.need, burden=visit.burden, coproduction="assess", **COMMON)
        case "better now":
            yield v.OutcomeReported(by="citizen", domain=visit.need or "income", before=2, after=4, **COMMON)


def interactions(visit: CitizenAction) -> list[Interaction[v.Payload]]:
    return desk.build_interactions(visit, payloads_of(visit), source=SOURCE, pseudonyms=PSEUDONYMS)


def app(kafka: str, out: Producer) -> FastStream:
    """Reads its front desk's topic; a visit counts as read when all that it means is published."""
    broker = desk.create_broker(kafka)

    @broker.subscriber("desk.citizen", group_id=ORG.code, **desk.SUBSCRIBER_SETTINGS)
    async def handle_visit(visit: CitizenAction) -> None:
        for each in interactions(visit):
            await publish(out, each)

    return FastStream(broker)
