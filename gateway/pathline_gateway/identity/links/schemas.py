"""What a person is answered who links herself, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pathline.vocabulary.shapes import EventRef


class ServedToken(BaseModel):
    """A token, shown once."""

    token: str
    expires_at: datetime


class LinkReceipt(BaseModel):
    """A link by tokens, and how far it has come."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    evidence: EventRef
    """The event that says it: by it the link is taken back."""
    state: Literal["on-its-way", "bound", "in-review", "retracted", "interrupted"]
    """`interrupted`: show the same tokens again."""
    look: str
    """Where to see how far it has come."""


class RetractionReceipt(BaseModel):
    """A link was taken back."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    evidence: EventRef
    """The event that says so."""
    bound: bool
    """Whether membership follows it already."""
