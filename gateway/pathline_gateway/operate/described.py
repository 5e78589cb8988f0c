"""What operators are answered about the register, linkers, concealment and lawful bases, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict


class ServedOrganisation(BaseModel):
    """An organisation, as it stands on the register."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    org: str
    """Its code, as it stands in the sources of its events."""
    name: str | None
    sector: str | None
    abn: str | None
    directory: dict[str, str]
    """Its ids in directories of services, by directory."""
    registered_by: Literal["operator", "first-event"]
    """`first-event` when nobody has entered it yet."""
    registered_at: datetime


class Organisations(BaseModel):
    """A page of the register."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    organisations: list[ServedOrganisation]
    next: str | None
    """The `after` of the next page; null at the end."""


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


class ConcealedPlace(BaseModel):
    """An organisation that is concealed, or one service of it."""

    org: str
    service: str | None


class ConcealedPlaces(BaseModel):
    """All that are concealed; which persons are is told to nobody."""

    concealed: list[ConcealedPlace]


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


class Bases(BaseModel):
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
