"""What operators are answered about what is set aside, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class SetAsideItem(BaseModel):
    """One thing that a background work could not compute. What it is of is told to who has the database alone."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    work: str
    """Which work, as `/v1/status` names it."""
    kind: Literal["evidence", "hand-off", "interaction", "pathway", "subscription"]
    reason: str
    """The class of the error, or a stable word: never a value."""
    first_seen: datetime
    last_tried: datetime
    retry_at: datetime
    """When it is tried again by itself."""
    attempts: int
    version: str
    """Of the gateway that tried it last."""


class SetAsideItems(BaseModel):
    """A page of what is set aside."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[SetAsideItem]
    next: int | None
    """The `after` of the next page; null at the end."""


class RetriedItems(BaseModel):
    """How many are tried again now."""

    retried: int
