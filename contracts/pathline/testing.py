"""What an agency's own tests need: a producer that records, and an example of every type.

out = RecordingProducer()
await publish(out, example(NeedExpressed, code="food"))
assert out.interactions[0].payload.code == "food"
"""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from pathline.codec import kafka
from pathline.interaction import Interaction, accept, interaction
from pathline.vocabulary import Exists, Payload
from pathline.vocabulary.error_advice import WithAdvice

P = TypeVar("P", bound=Payload)

ORG: Final = "example-agency"
SOURCE: Final = f"urn:pathline:{ORG}:system"
SUBJECT: Final = "v1.AAAAAAAAAAAAAAAAAAAAAA"
"""Nobody's pseudonym."""
TIME: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as it was handed to the producer."""

    topic: str
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass
class RecordingProducer:
    """A `pathline.Producer` that keeps what it is given, in order, instead of sending it."""

    sent: list[Sent] = field(default_factory=list)
    fails: Exception | None = None
    """Raised by every `send` while it is set: how does your code bear a broker that is away?"""

    async def send(self, topic: str, *, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        """The record is kept."""
        if self.fails is not None:
            raise self.fails
        self.sent.append(Sent(topic, key, value, headers))

    @property
    def interactions(self) -> list[Interaction[Payload]]:
        """What was published, read as the gateway would. Raises Refused where the gateway would refuse it."""
        return [accept(kafka.decode(record.headers, record.value)) for record in self.sent]


def example(
    cls: type[P],
    *,
    source: str = SOURCE,
    subject: str = SUBJECT,
    time: datetime = TIME,
    id: str | None = None,
    every_field: bool = False,
    **fields: Any,
) -> Interaction[P]:
    """A valid interaction of this type: required fields, or all, filled with plain values, and `fields` as given."""
    data = _sample_fields(cls, source, every_field) | fields
    return interaction(cls.model_validate(data), source=source, subject=subject, time=time, id=id)


_SAMPLE_VALUES: Final[dict[str, object]] = {
    "code": "example",
    "identifier": "example-1",
    "subject": SUBJECT,
    "token": "A" * 24,
    "token_hash": "0" * 64,
    "clause": "/of/1",
    "noun_verb": "service.delivered",
    "text": "example",
    "activity": "Example",
    "instant": "2026-03-02T09:30:00Z",
    "date": "2026-03-02",
    "duration": "P1D",
    "scalar": 1,
    "value": 1,
    "score": 1,
}
"""A plain value by the `reason` of the annotation's `WithAdvice`."""


def _sample_fields(cls: type[BaseModel], source: str, every_field: bool) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {
        info.alias or name: _sample_value(name, hints[name], source, every_field)
        for name, info in cls.model_fields.items()
        if every_field or info.is_required()
    }


def _sample_value(name: str, hint: Any, source: str, every_field: bool) -> Any:
    if name == "source":
        return source
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _sample_annotated(name, arguments, source, every_field)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return _sample_value(name, _simplest_option(arguments), source, every_field)
    if origin is tuple:
        return [_sample_value(name, arguments[0], source, every_field)]
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _sample_fields(hint, source, every_field)
    return _DEFAULT_BY_TYPE.get(hint, {})


def _simplest_option(options: tuple[Any, ...]) -> Any:
    """The first, unless these are conditions: of them, the one that holds no other."""
    return Exists if Exists in options else options[0]


def _sample_annotated(name: str, arguments: tuple[Any, ...], source: str, every_field: bool) -> Any:
    plain, *metadata = arguments
    for note in metadata:
        if isinstance(note, WithAdvice):
            # A hand-off's id begins with the organisation that offers it.
            return f"{source.split(':')[2]}:1" if note.reason == "handoff_id" else _value_of_reason(note.reason)
    if get_origin(plain) is tuple:
        return _distinct_members(
            _sample_value(name, get_args(plain)[0], source, every_field), max(_min_length(metadata), int(every_field))
        )
    return _sample_value(name, plain, source, every_field)


def _value_of_reason(reason: str) -> object:
    if reason not in _SAMPLE_VALUES:
        raise LookupError(f"no example of reason {reason!r}: add one to _SAMPLE_VALUES in pathline/testing.py")
    return _SAMPLE_VALUES[reason]


def _min_length(notes: list[Any]) -> int:
    """How many members a list so annotated has at least."""
    constraints = (constraint for note in notes for constraint in (note, *getattr(note, "metadata", ())))
    return max((getattr(constraint, "min_length", None) or 0 for constraint in constraints), default=0)


def _distinct_members(member: Any, count: int) -> list[Any]:
    """Different members, where a list must have more than one: the same person twice is no link."""
    further_members = [{**member, "org": f"{member['org']}-{n}"} for n in range(2, count + 1)]
    return [member, *further_members][:count]


_DEFAULT_BY_TYPE: Final[dict[Any, Any]] = {bool: True, int: 1, float: 1.0, str: "example"}
