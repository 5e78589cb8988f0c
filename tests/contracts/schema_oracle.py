"""What a schema and a model accept, and payloads that are spoilt in one place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from jsonschema import FormatChecker, ValidationError
from jsonschema.protocols import Validator
from pydantic import ValidationError as Refused

from pathline.vocabulary import Payload
from support.generators.payloads import codes, days, durations, instants, subjects, text, vocabulary_payloads

formats = FormatChecker(formats=())


def ecma_pattern(validator: Validator, pattern: str, value: object, schema: object) -> Iterator[ValidationError]:
    """In ECMA-262 `$` is the end; in Python it is also before a last line break."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError("does not match the pattern")


def model_accepts(cls: type[Payload], data: Any) -> bool:
    try:
        cls.model_validate_json(json.dumps(data))
    except Refused:
        return False
    return True


# Whole numbers written as fractions are left out: JSON Schema cannot tell 1.0 from 1, the models can.
fractions = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
whole = st.integers(-3, 7) | st.sampled_from([2**53 - 1, 2**53, -(2**53), 2**70])


spellings = st.sampled_from(
    [
        "",
        "a\n",
        "2026-02-30",
        "2026-02-30T00:00:00Z",
        "2026-01-31T09:00:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "P",
        "P1DT",
    ]
)


strings = text | codes | days | instants | durations | subjects | spellings
scalars = st.none() | st.booleans() | fractions | whole | strings


anything = (
    scalars | st.lists(scalars, max_size=2) | st.dictionaries(codes, scalars, max_size=2) | st.just(["other"] * 101)
)


undeclared = codes | st.sampled_from(["from_", "not_", "", "until", "instrument", "value", "where"])


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value within a payload."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        yield (*path, key)
        yield from places(value, (*path, key))


@st.composite
def mutated(draw: st.DrawFn) -> tuple[type[Payload], Any]:
    """A payload in which one field, at any depth, was dropped, added or given something else."""
    cls, data = draw(vocabulary_payloads())
    data = deepcopy(data)
    *above, last = draw(st.sampled_from([*places(data), (draw(undeclared),)]))
    inside = data
    for key in above:
        inside = inside[key]
    if isinstance(inside, dict):
        last = draw(st.just(last) | undeclared)
    if draw(st.booleans()) and (isinstance(inside, list) or last in inside):
        del inside[last]
    else:
        inside[last] = draw(anything)
    return cls, data
