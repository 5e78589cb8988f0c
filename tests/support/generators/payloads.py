"""Any valid payload of the vocabulary, as the JSON object that a publisher would send."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from pathline.vocabulary import TYPES, Authority, Compared, Payload
from pathline.vocabulary.error_advice import WithAdvice
from pathline.vocabulary.payload import NOUNS_WITHOUT_STEPS

Json = st.SearchStrategy[Any]

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LARGEST = 2**53 - 1

codes = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,6}", fullmatch=True) | st.sampled_from(["a" * 64, "0", "a-b"])
identifiers = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)
subjects = st.builds(
    "v{}.{}{}".format,
    st.integers(1, 9999),
    st.text(BASE64URL, min_size=21, max_size=21),
    st.sampled_from("AQgw"),
)
_local = st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"])
numbers = st.integers(-LARGEST, LARGEST)
scalars = text | numbers | st.booleans()


def _written(moment: datetime, minutes: int, digits: str, t: str, z: bool) -> str:
    fraction = f".{digits}" if digits else ""
    hours, rest = divmod(abs(minutes), 60)
    offset = "Z" if z else f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
    return moment.isoformat(sep=t, timespec="seconds") + fraction + offset


instants = st.builds(
    _written,
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-1439, 1439),
    st.text("0123456789", max_size=12),
    st.sampled_from("Tt"),
    st.booleans(),
) | st.sampled_from(
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00.000-23:59",
        "9999-12-31T23:59:59.999999999z",
        "9999-12-31T23:59:59+23:59",
        "2026-01-31T09:00:00-00:00",
    ]
)
days = st.dates().map(str)
durations = st.sampled_from(
    ["P1D", "PT48H", "P2W", "P1Y2M3DT4H5M6.5S", "P1Y3D", "PT0S", "P0D", "P999999999M", "PT1H1S"]
)

STEP_TYPES = [
    f"{cls.noun}.{cls.verb}" for cls in TYPES.values() if cls.noun not in NOUNS_WITHOUT_STEPS and cls.noun != "pull"
]
"""What a rule may ask for."""

VALUES_BY_REASON: dict[str, Json] = {
    "code": codes,
    "identifier": identifiers,
    "handoff_id": st.builds("{}:{}".format, codes, st.text(_local, min_size=1, max_size=100)),
    "subject": subjects,
    "token": st.text(BASE64URL, min_size=22, max_size=200),
    "token_hash": st.text("0123456789abcdef", min_size=64, max_size=64),
    "clause": st.lists(st.sampled_from(["/of", "/of/0", "/of/63"]), max_size=5).map("".join),
    "noun_verb": st.sampled_from(STEP_TYPES),
    "text": text | st.just("\N{GRINNING FACE}" * 2000),
    "activity": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200),
    "instant": instants,
    "date": days,
    "duration": durations,
    "scalar": scalars,
    "value": scalars | st.lists(scalars, max_size=3),
    "score": text | numbers,
}
"""Strings and unions of scalars, by the `reason` of their `WithAdvice`."""


def payload(cls: type[Payload]) -> Json:
    """Any valid payload of the type; optional fields are there, absent or null."""
    return _object(cls)


def complete(cls: type[Payload]) -> Json:
    """A valid payload of the type in which no field is missing and none is null."""
    return st.fixed_dictionaries({name: values for name, (values, _) in _fields(cls).items()})


def vocabulary_payloads() -> st.SearchStrategy[tuple[type[Payload], Any]]:
    """Any type of the vocabulary with any valid payload of it."""
    return st.sampled_from(list(TYPES.values())).flatmap(lambda cls: st.tuples(st.just(cls), payload(cls)))


def _object(cls: type[BaseModel]) -> Json:
    if cls not in _OBJECTS:
        fields = _fields(cls)
        required = {name: values for name, (values, needed) in fields.items() if needed}
        optional = {name: values | st.none() for name, (values, needed) in fields.items() if not needed}
        _OBJECTS[cls] = st.fixed_dictionaries(required, optional=optional).map(_RULES.get(cls, _as_it_is))
    return _OBJECTS[cls]


def _fields(cls: type[BaseModel]) -> dict[str, tuple[Json, bool]]:
    hints = get_type_hints(cls, include_extras=True)
    return {info.alias or name: (_values(hints[name]), info.is_required()) for name, info in cls.model_fields.items()}


def _values(hint: Any) -> Json:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(*arguments)
    if origin in (Union, UnionType):
        return st.one_of([_values(part) for part in arguments if part is not NoneType])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is dict:
        return st.dictionaries(_values(arguments[0]), _values(arguments[1]), max_size=3)
    return _PLAIN[hint] if hint in _PLAIN else st.deferred(lambda: _object(hint))


def _annotated(plain: Any, *metadata: Any) -> Json:
    for note in metadata:
        if isinstance(note, WithAdvice):
            return _values_of_reason(note.reason)
    bounds = _bounds(metadata)
    if get_origin(plain) is tuple:
        least, most = bounds.get("min_length", 0), min(bounds["max_length"], 3)
        return st.lists(_values(get_args(plain)[0]), min_size=least, max_size=most, unique_by=_sorted)
    if plain is int:
        return st.integers(bounds["ge"], bounds["le"])
    return st.floats(bounds["ge"], bounds["le"]) if plain is float else _values(plain)


def _values_of_reason(reason: str) -> Json:
    if reason not in VALUES_BY_REASON:
        raise LookupError(
            f"no values of reason {reason!r}: add them to VALUES_BY_REASON in tests/support/generators/payloads.py"
        )
    return VALUES_BY_REASON[reason]


def _sorted(value: Any) -> str:
    """Equal for what is equal whatever the order of its fields."""
    return json.dumps(value, sort_keys=True)


def _bounds(metadata: tuple[Any, ...]) -> dict[str, int]:
    constraints = [constraint for note in metadata if isinstance(note, FieldInfo) for constraint in note.metadata]
    names = ("ge", "le", "min_length", "max_length")
    return {name: getattr(one, name) for one in constraints for name in names if hasattr(one, name)}


def _as_it_is(value: dict[str, Any]) -> dict[str, Any]:
    return value


def _with_instrument(authority: dict[str, Any]) -> dict[str, Any]:
    named = authority["basis"] == "consent" or authority.get("instrument") is not None
    return authority if named else {**authority, "instrument": "an act"}


def _with_fitting_value(compared: dict[str, Any]) -> dict[str, Any]:
    value = compared["value"]
    if compared["cmp"] == "in":
        return {**compared, "value": value if isinstance(value, list) else [value]}
    return {**compared, "value": len(value) if isinstance(value, list) else value}


_RULES: dict[type[BaseModel], Callable[[dict[str, Any]], dict[str, Any]]] = {
    Authority: _with_instrument,
    Compared: _with_fitting_value,
}
"""What a valid object of these types has beyond valid fields."""

_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
_PLAIN: dict[Any, Json] = {bool: st.booleans(), str: text, JsonValue: _json_values}
_OBJECTS: dict[type[BaseModel], Json] = {}


def nested(depth: int) -> dict[str, Any]:
    """A condition of this depth."""
    node: dict[str, Any] = {"op": "exists", "fact": "income"}
    for _ in range(depth - 1):
        node = {"op": "not", "of": node} if node["op"] == "all" else {"op": "all", "of": [node]}
    return node
