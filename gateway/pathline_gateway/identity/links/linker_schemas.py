"""What operators are answered about rights to link, for OpenAPI."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class ServedLinker(BaseModel):
    """A right to link."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    org: str
    """The organisation that links."""
    of: str
    """The organisation whose subjects it may link."""
    entered_by: str
    """By which role or organisation: never a name."""
    entered_at: datetime


class Linkers(BaseModel):
    """A page of rights to link."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    linkers: list[ServedLinker]
    next: str | None
    """The `after` of the next page; null at the end."""
