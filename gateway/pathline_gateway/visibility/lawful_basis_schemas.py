"""What operators are answered about lawful bases, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class ServedBasis(BaseModel):
    """A lawful basis, as it stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    reader: str
    """The organisation that may be shown something."""
    basis: Literal["law", "serious-threat", "mandate"]
    instrument: str
    purpose: str
    holders: list[str]
    """Who may show; everybody when empty."""
    nouns: list[str]
    until: datetime | None
    """When it ends by itself, or was ended."""
    entered_by: str
    """By which role or organisation: never a name."""
    entered_at: datetime


class LawfulBases(BaseModel):
    """A page of lawful bases, ended ones too."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    lawful_bases: list[ServedBasis]
    next: int | None
    """The `after` of the next page; null at the end."""


class EnteredBasis(BaseModel):
    """The basis has been entered."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    """Its number."""
