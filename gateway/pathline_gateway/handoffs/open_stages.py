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
    ref: int | None
    due_accept: datetime | None
    due_contact: datetime | None
    answered_accept: datetime | None
    answered_contact: datetime | None
    known_accept: datetime | None
    known_contact: datetime | None

    def due_at(self, stage: Stage) -> datetime | None:
        """By when the stage is to be answered."""
        return self.due_accept if stage == "accept" else self.due_contact

    def answered_at(self, stage: Stage) -> datetime | None:
        """When it was."""
        return self.answered_accept if stage == "accept" else self.answered_contact

    def due_known_at(self, stage: Stage) -> datetime | None:
        """When it became known here by when it is to be answered."""
        return self.known_accept if stage == "accept" else self.known_contact


def open_stages_of(row: HandoffRow, audience: str = UNRESTRICTED_AUDIENCE) -> OpenStages:
    """What this record says is waited for."""
    return OpenStages(
        row.handoff,
        audience,
        row.sender,
        row.receiver,
        row.ref,
        row.due_accept,
        row.due_contact,
        row.answered_accept,
        row.answered_contact,
        row.known_accept,
        row.known_contact,
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
