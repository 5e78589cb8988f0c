"""What a field holds: each annotation of the vocabulary is explained, and what is not explained is shown to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, create_model

from pathline.vocabulary import TYPES, Code, Duration, HandoffId, Identifier, Party, Ref, Subject, Text, Token
from pathline.vocabulary.error_advice import WithAdvice
from pathline.vocabulary.numbers import Integer
from pathline_gateway.intake.event_classes import NOT_STEPS
from pathline_gateway.pathways.payload_fields import PayloadField, fields_of, fields_of_model

TABLE: Final = "a table of gateway/pathline_gateway/pathways/payload_fields.py"
OPEN: Final = (Code, Text, Integer, Duration, bool)
CLOSED: Final = (Subject, Identifier, HandoffId, Token, Ref, Party, tuple[Subject, ...], str)
OPEN_KINDS: Final = ("word", "number", "moment", "code", "text")


def field_of(annotation: Any) -> PayloadField:
    """What a field so annotated holds."""
    return fields_of_model(create_model("Sample", value=(annotation, ...)))["value"]


def reasons_in(hint: Any, seen: set[type]) -> Iterator[str]:
    """The reasons that an annotation gives, and those of the fields of its models."""
    if get_origin(hint) is Annotated:
        yield from (note.reason for note in get_args(hint)[1:] if isinstance(note, WithAdvice))
    if isinstance(hint, type) and issubclass(hint, BaseModel) and hint not in seen:
        seen.add(hint)
        for each in get_type_hints(hint, include_extras=True).values():
            yield from reasons_in(each, seen)
    for part in get_args(hint):
        yield from reasons_in(part, seen)


REASONS: Final = sorted({reason for cls in TYPES.values() for reason in reasons_in(cls, set())})


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_the_vocabulary_has_a_kind(reason: str) -> None:
    kind = field_of(Annotated[str, WithAdvice(reason, "Write a value")]).kind
    assert kind != "unknown", f"say in _KIND_BY_REASON, {TABLE}, what a value of the reason {reason!r} is"


@pytest.mark.parametrize("type_name", [name for name, cls in TYPES.items() if cls.noun not in NOT_STEPS])
def test_every_field_of_a_step_is_explained(type_name: str) -> None:
    unknown = sorted(unknown_fields(fields_of(type_name), ""))
    assert unknown == [], f"add their annotations to {TABLE}; until then no other organisation is told their values"


def unknown_fields(fields: Any, path: str) -> Iterator[str]:
    """The paths of fields of which nothing is known."""
    for name, field in fields.items():
        if field.kind == "unknown":
            yield path + name
        yield from unknown_fields(field.fields or {}, f"{path}{name}.")


def test_a_reason_that_no_table_has_is_unknown_and_so_is_a_bare_text() -> None:
    name = Annotated[str, WithAdvice("name_of_person", "Write a name")]
    assert {field_of(each).kind for each in (name, str, name | None, dict[Identifier, name])} == {"unknown"}
    assert field_of(tuple[name, ...]) == PayloadField("unknown", is_list=True)


@given(st.lists(st.sampled_from(OPEN + CLOSED), min_size=1, max_size=4))
def test_a_choice_is_open_only_where_each_of_its_options_is(options: list[Any]) -> None:
    is_open = field_of(reduce(or_, options)).kind in OPEN_KINDS
    assert is_open == all(option in OPEN for option in options)
