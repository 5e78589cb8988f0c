"""What is answered about the register of organisations and its changes, for OpenAPI."""

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
