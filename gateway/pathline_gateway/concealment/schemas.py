"""What is answered about concealments, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class ConcealedPlace(BaseModel):
    """An organisation that is concealed, or one service of it."""

    org: str
    service: str | None


class PendingLift(BaseModel):
    """Somebody asks that a concealment be lifted."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    org: str
    service: str | None
    asked_by: str
    """A role, and who of them; never a name. Another has to agree within a day."""
    asked_at: datetime


class ServedConcealmentChange(BaseModel):
    """What became of a concealment."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    at: datetime
    changed_by: str
    """A role or organisation, and who of them; never a name."""
    change: Literal["concealed", "lifted", "lift-asked", "lift-closed"]
    service: str | None
    subject: str | None


class ConcealedPlaces(BaseModel):
    """All that are concealed; which persons are is told to their own organisation alone."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    concealed: list[ConcealedPlace]
    waiting: list[PendingLift]
    """The requests to lift a concealment that wait for another to agree."""
    changes: list[ServedConcealmentChange]
    """Of one's own organisation in the last year, the latest first; empty for operators."""


class LiftRequested(BaseModel):
    """A request to lift a concealment, which waits for another's."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    state: Literal["waiting"]
    needs: str
    """Who has to agree."""
