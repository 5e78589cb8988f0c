"""The small values that many payloads share."""

from typing import Self

from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from pathline.vocabulary.codes import AboutRole, Basis, Person
from pathline.vocabulary.identifiers import Code, Identifier, Subject, Text
from pathline.vocabulary.numbers import Count
from pathline.vocabulary.strict_model import StrictModel
from pathline.vocabulary.time_types import Instant


class Ref(StrictModel):
    """A person as one organisation knows her."""

    org: Code
    """The organisation whose pseudonym this is."""
    subject: Subject
    """Its pseudonym of the person."""


class Party(StrictModel):
    """An organisation, or one of its services; it need not be on the register."""

    org: Code
    """The organisation."""
    service: Code | None = None
    """The one service of it that is meant."""


class EventRef(StrictModel):
    """One event, named by its identity."""

    source: Identifier
    """The `source` of the event."""
    id: Identifier
    """The `id` of the event."""


class About(StrictModel):
    """Another person whom a step concerns; never evidence of who anybody is."""

    subject: Subject
    """The publisher's own pseudonym of that person."""
    role: AboutRole
    """What that person is to the subject."""


class Authority(StrictModel):
    """What allows the step to be taken or the data to be shown."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"basis": {"not": {"const": "consent"}}}},
            "then": {"required": ["instrument"], "properties": {"instrument": {"type": "string"}}},
        }
    )

    basis: Basis
    """The kind of authority."""
    instrument: Text | None = None
    """The law, order or mandate relied on; required unless the basis is consent."""
    until: Instant | None = None
    """When the authority ends."""

    @model_validator(mode="after")
    def _names_its_instrument(self) -> Self:
        if self.basis != "consent" and self.instrument is None:
            raise PydanticCustomError("instrument_required", "Name the instrument: only consent needs none")
        return self


class Effort(StrictModel):
    """Time that one kind of person spent on a step."""

    minutes: Count
    """How long it took, travel and waiting included."""
    by: Person
    """Whose time it was."""


class Due(StrictModel):
    """By when a hand-off is to be answered."""

    accept: Instant | None = None
    """When it is to be accepted, declined or redirected."""
    contact: Instant | None = None
    """When the person is to have been contacted."""
