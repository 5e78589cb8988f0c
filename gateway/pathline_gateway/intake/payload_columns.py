"""What of a payload has a column of its own, and which payloads are looked at beyond those. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from pathline.vocabulary import ActivityRecorded, HandoffAccepted, HandoffDeclined, Payload
from pathline_gateway.intake.event_classes import NOT_STEPS

TOKEN_PAYLOADS: Final[tuple[type[Payload], ...]] = (HandoffAccepted, HandoffDeclined)
"""What shows a hand-off's token."""


class PayloadColumns(NamedTuple):
    """What a payload says in columns of its own, or under names that are served."""

    service: str | None
    activity: str | None
    channel: str | None
    initiator: str | None
    actor: str | None
    handoff: str | None


def extract_columns(payload: Payload) -> PayloadColumns:
    """What this payload says in columns."""
    return PayloadColumns(
        payload.service,
        payload.activity if type(payload) is ActivityRecorded else None,
        payload.channel,
        payload.initiator,
        payload.actor,
        payload.handoff,
    )


def needs_payload(model: type[Payload]) -> bool:
    """Whether payloads of this model say what intake acts on, and no column holds."""
    return model.noun in NOT_STEPS or model in TOKEN_PAYLOADS
