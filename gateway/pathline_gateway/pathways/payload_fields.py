"""What kind of thing each field of a payload holds, as the models of the vocabulary declare it. Pure.

There is no list of fields by hand: the annotation of a new field says what it holds. What the tables below do not
explain is `unknown`, and redaction leaves it out.
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
from pathline.vocabulary.error_advice import WithAdvice
from pathline.vocabulary.shapes import About, EventRef, Party, Ref

Kind = Literal[
    "word", "number", "moment", "code", "text", "identifier", "subject", "handoff", "secret",
    "about", "event", "party", "ref", "parts", "unknown",
]  # fmt: skip
"""`word`: of a list of the vocabulary's own. `parts`: a value with fields of its own.

`text`: other organisations read it as it was written.
"""

_KIND_BY_REASON: Final[Mapping[str, Kind]] = {
    "identifier": "identifier",
    "subject": "subject",
    "handoff_id": "handoff",
    "token": "secret",
    "token_hash": "secret",
    "code": "code",
    "instant": "moment",
    "date": "moment",
    "duration": "moment",
    "text": "text",
    "activity": "text",  # the name of a step, of no person
    "clause": "text",  # a place in a rule that was published
    "noun_verb": "text",  # a noun and a verb of the vocabulary
    "scalar": "text",  # what a fact is worth: a text, a number or a truth
    "value": "text",  # the same, or a list of them
    "score": "text",  # of an instrument: a text or a number
}
"""By the `reason` of the value's `WithAdvice`. What can name a person must not be `text`."""
_KIND_BY_MODEL: Final[Mapping[type, Kind]] = {About: "about", EventRef: "event", Party: "party", Ref: "ref"}
_KIND_BY_TYPE: Final[Mapping[Any, Kind]] = {
    bool: "number",
    int: "number",
    float: "number",
    datetime: "moment",
    date: "moment",
}
_TEXT_LIKE_KINDS: Final = frozenset[Kind](("word", "number", "moment", "code", "text"))
"""Of a choice between these, a text is the one that tells most."""


@dataclass(frozen=True, slots=True)
class PayloadField:
    """What a field holds: one, or several in a list."""

    kind: Kind
    is_list: bool = False
    fields: Mapping[str, PayloadField] | None = None


@lru_cache(maxsize=1024)
def fields_of(type_name: str) -> Mapping[str, PayloadField]:
    """The fields of this event type; none when it is not known, so that nothing of it is taken for harmless."""
    model = TYPES.get(type_name)
    return {} if model is None else fields_of_model(model)


def fields_of_model(model: type[BaseModel]) -> dict[str, PayloadField]:
    """The fields that the model declares, by the names that they have in JSON."""
    hints = get_type_hints(model, include_extras=True)
    return {info.alias or name: _field_from_hint(hints[name]) for name, info in model.model_fields.items()}


def values_of_kind(fields: Mapping[str, PayloadField], data: Mapping[str, Any], kind: Kind) -> Iterator[Any]:
    """Every value of this kind in the data."""
    for name, value in data.items():
        field = fields.get(name)
        if field is None or value is None:
            continue
        for each in value if field.is_list else (value,):
            if field.kind == kind:
                yield each
            elif field.fields is not None:
                yield from values_of_kind(field.fields, each, kind)


def _field_from_hint(hint: Any) -> PayloadField:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        reasons = [note.reason for note in arguments[1:] if isinstance(note, WithAdvice)]
        return PayloadField(_KIND_BY_REASON.get(reasons[0], "unknown")) if reasons else _field_from_hint(arguments[0])
    if origin in (Union, types.UnionType):
        return _merge_choices([_field_from_hint(each) for each in arguments if each is not type(None)])
    if origin is tuple:
        inner = _field_from_hint(arguments[0])
        return PayloadField(inner.kind, True, inner.fields)
    if origin is dict:
        # The publisher chooses its names: whatever the values are, the whole tells no less than a text.
        return _merge_choices([_field_from_hint(arguments[1]), PayloadField("text")])
    if origin is Literal:
        return PayloadField("word")
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        # Offers alone hold models that hold themselves, and they concern nobody: their fields are not asked for.
        return PayloadField(_KIND_BY_MODEL.get(hint, "parts"), fields=fields_of_model(hint))
    return PayloadField(_KIND_BY_TYPE.get(hint, "unknown"))


def _merge_choices(choices: list[PayloadField]) -> PayloadField:
    if all(each == choices[0] for each in choices):
        return choices[0]
    is_text_like = all(each.kind in _TEXT_LIKE_KINDS and not each.is_list for each in choices)
    return PayloadField("text" if is_text_like else "unknown")
