"""What operators are answered about those who may register mandates, for OpenAPI."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class ServedRegistrar(BaseModel):
    """An organisation that may register mandates."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    org: str
    """The organisation whose mandates count."""
    entered_by: str
    """By which role or organisation: never a name."""
    entered_at: datetime


class Registrars(BaseModel):
    """A page of those who may register mandates."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    registrars: list[ServedRegistrar]
    next: str | None
    """The `after` of the next page; null at the end."""
