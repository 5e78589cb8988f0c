"""The stages of a hand-off that one audience still waits for. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from pathline_gateway.handoffs.deadlines import Stage
from pathline_gateway.handoffs.projection_row import HandoffRow

UNRESTRICTED_AUDIENCE: Final = ""
"""The audience of those who see everything, and of sides from which nothing of a hand-off was ever concealed."""


class OpenStages(NamedTuple):
    """A row of `handoff_side`; or of `handoff`, as far as silence is told from it."""

    handoff: str
    audience: str
    """The side that may know it so, or EVERYTHING."""
    sender: str
    receiver: str | None
    offer_ref: int | None
    accept_due_at: datetime | None
    contact_due_at: datetime | None
    accept_answered_at: datetime | None
    contact_answered_at: datetime | None
    accept_due_known_at: datetime | None
    contact_due_known_at: datetime | None

    def due_at(self, stage: Stage) -> datetime | None:
        """By when the stage is to be answered."""
        return self.accept_due_at if stage == "accept" else self.contact_due_at

    def answered_at(self, stage: Stage) -> datetime | None:
        """When the stage was answered."""
        return self.accept_answered_at if stage == "accept" else self.contact_answered_at

    def due_known_at(self, stage: Stage) -> datetime | None:
        """When it became known here by when it is to be answered."""
        return self.accept_due_known_at if stage == "accept" else self.contact_due_known_at


def open_stages_of(row: HandoffRow, audience: str = UNRESTRICTED_AUDIENCE) -> OpenStages:
    """What this record says is waited for."""
    return OpenStages(
        row.handoff,
        audience,
        row.sender,
        row.receiver,
        row.offer_ref,
        row.accept_due_at,
        row.contact_due_at,
        row.accept_answered_at,
        row.contact_answered_at,
        row.accept_due_known_at,
        row.contact_due_known_at,
    )


def without_open_stages(handoff: str, audience: str) -> OpenStages:
    """What is waited for where this audience may know of no event."""
    missing = None
    return OpenStages(
        handoff,
        audience,
        handoff.partition(":")[0],
        missing,
        missing,
        missing,
        missing,
        missing,
        missing,
        missing,
        missing,
    )
