"""What operators are answered about the register, linkers, concealment and lawful bases, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


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


class ServedChange(BaseModel):
    """A change of a register."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    at: datetime
    changed_by: str
    """A role or organisation, and who of them; never a name."""
    register_: Annotated[str, Field(alias="register")]
    """Which register, such as linker, lawful_basis or concealed_service."""
    change: Literal["insert", "update", "delete"]
    before: dict[str, Any] | None
    """The entry as it was."""
    after: dict[str, Any] | None
    """The entry as it is."""


class RegisterChanges(BaseModel):
    """A page of changes."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    changes: list[ServedChange]
    next: int | None
    """The `after` of the next page; null at the end."""


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
