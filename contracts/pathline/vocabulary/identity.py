"""Identity: evidence that two pseudonyms mean one person, or two."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from pathline.link_methods import Method
from pathline.vocabulary.bounded_lists import Two
from pathline.vocabulary.identifiers import Code, Text
from pathline.vocabulary.numbers import Share
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.shapes import EventRef, Ref


def _require_distinct(refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
    if len(set(refs)) < len(refs):
        raise PydanticCustomError("same_ref_twice", "Write two different refs: a ref says nothing about itself")
    return refs


Refs = Annotated[Two[Ref], AfterValidator(_require_distinct), Field(json_schema_extra={"uniqueItems": True})]
"""Two different pseudonyms."""


class _Identity(Payload, noun="identity"):
    """Something is known of who is who; never a step of a pathway."""

    method: Method | None = None
    """How it became known."""
    confidence: Share | None = None
    """How sure it is, from 0 to 1; 1 when absent."""
    purpose: Code | None = None
    """The purpose for which it may be used."""
    reason: Text | None = None
    """Why."""


class IdentityLinked(_Identity, verb="linked"):
    """Two pseudonyms mean one person."""

    same: Refs
    """The two pseudonyms."""
    method: Method
    """How they were found to mean one person."""


class IdentityDistinguished(_Identity, verb="distinguished"):
    """Two pseudonyms mean two persons."""

    different: Refs
    """The two pseudonyms."""


class IdentityRetracted(_Identity, verb="retracted"):
    """Earlier evidence about identity counts no longer."""

    evidence: EventRef
    """The event that is taken back."""
