"""What kind of thing each field of a payload holds, as the models of the vocabulary declare it. Pure.

Nothing here is listed by hand: a new field is known by its type, and one that no type explains is told as text.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from pathline.vocabulary import TYPES
from pathline.vocabulary.explained import Explained
from pathline.vocabulary.shapes import About, EventRef, Party, Ref

Kind = Literal[
    "word", "number", "moment", "code", "text", "identifier", "subject", "handoff", "secret",
    "about", "event", "party", "ref", "parts",
]  # fmt: skip
"""`word`: of a list of the vocabulary's own. `parts`: a value with fields of its own."""

_EXPLAINED: Final[Mapping[str, Kind]] = {
    "identifier": "identifier",
    "subject": "subject",
    "handoff_id": "handoff",
    "token": "secret",
    "token_hash": "secret",
    "code": "code",
    "instant": "moment",
    "date": "moment",
    "duration": "moment",
}
_MODELS: Final[Mapping[type, Kind]] = {About: "about", EventRef: "event", Party: "party", Ref: "ref"}
_PLAIN: Final[Mapping[Any, Kind]] = {bool: "number", int: "number", float: "number", datetime: "moment", date: "moment"}


@dataclass(frozen=True, slots=True)
class PayloadField:
    """What a field holds: one, or several in a list."""

    kind: Kind
    several: bool = False
    parts: Mapping[str, PayloadField] | None = None


@lru_cache(maxsize=1024)
def fields_of(type_name: str) -> Mapping[str, PayloadField]:
    """The fields of this event type; none when it is not known, so that nothing of it is taken for harmless."""
    model = TYPES.get(type_name)
    return {} if model is None else _fields(model)


def named(fields: Mapping[str, PayloadField], data: Mapping[str, Any], kind: Kind) -> Iterator[Any]:
    """Every value of this kind in the data."""
    for name, value in data.items():
        field = fields.get(name)
        if field is None or value is None:
            continue
        for each in value if field.several else (value,):
            if field.kind == kind:
                yield each
            elif field.parts is not None:
                yield from named(field.parts, each, kind)


def _fields(model: type[BaseModel]) -> dict[str, PayloadField]:
    hints = get_type_hints(model, include_extras=True)
    return {info.alias or name: _field(hints[name]) for name, info in model.model_fields.items()}


def _field(hint: Any) -> PayloadField:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        explained = [note.reason for note in arguments[1:] if isinstance(note, Explained)]
        known = [_EXPLAINED[reason] for reason in explained if reason in _EXPLAINED]
        return PayloadField(known[0]) if known else _field(arguments[0])
    if origin in (Union, types.UnionType):
        return _either([_field(each) for each in arguments if each is not type(None)])
    if origin is tuple:
        inner = _field(arguments[0])
        return PayloadField(inner.kind, True, inner.parts)
    if origin is Literal:
        return PayloadField("word")
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        # Offers alone hold models that hold themselves, and they concern nobody: their fields are not asked for.
        return PayloadField(_MODELS.get(hint, "parts"), parts=_fields(hint))
    return PayloadField(_PLAIN.get(hint, "text"))


def _either(choices: list[PayloadField]) -> PayloadField:
    return choices[0] if all(each == choices[0] for each in choices) else PayloadField("text")
