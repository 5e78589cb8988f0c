"""Hand-offs whose answer is overdue: offered to somebody who publishes here, and past the time for an answer. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from pathline.vocabulary import HandoffOffered
from pathline_gateway.assemble.step import Step
from pathline_gateway.console.wording import lasting, organisation
from pathline_gateway.store.handoffs import Offer
from pathline_gateway.trust.concealment import Concealment
from pathline_gateway.trust.told import Told, told


@dataclass(frozen=True, slots=True)
class Overdue:
    """One hand-off that waits for an answer for longer than was agreed."""

    pathway: UUID
    sender: str
    receiver: str
    need: str | None
    offered: datetime
    due: datetime
    silent: str


def concealed(offer: Offer, hidden: Concealment) -> bool:
    """Whether nobody but its own organisation may know of the offer: as of a step that stands on a pathway."""
    step = Step(
        "", "", HandoffOffered.type, offer.time, None, offer.org, offer.subject,
        None, None, None, None, None, None, None, None, b"{}", offer.data,
    )  # fmt: skip
    said = told(step)
    return hidden.step(Told(step._replace(service=said.said.get("service")), said.said))


def overdue(offers: Iterable[Offer], publishers: Collection[str], now: datetime) -> list[Overdue]:
    """Those past their due instant, the latest first. Who does not publish here cannot be said to be silent."""
    found = [late for offer in offers if (late := _late(offer, publishers, now)) is not None]
    return sorted(found, key=lambda late: (late.due, late.sender, late.receiver), reverse=True)


def _late(offer: Offer, publishers: Collection[str], now: datetime) -> Overdue | None:
    said = offered(offer.data)
    if said is None or said.to is None or said.to.org not in publishers or said.due is None:
        return None
    due = said.due.accept
    if due is None or due > now:
        return None
    return Overdue(
        offer.pathway,
        organisation(offer.org),
        organisation(said.to.org),
        said.need,
        offer.time,
        due,
        lasting(now - due),
    )


def offered(data: bytes) -> HandoffOffered | None:
    """The offer; None when a later version of the contract wrote what this one cannot read."""
    try:
        return HandoffOffered.model_validate_json(data)
    except ValidationError:
        return None
