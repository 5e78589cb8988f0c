"""Every type of the vocabulary with the largest, smallest and oddest values of every field that its contract takes.

Types, fields and attributes come from the models and the table of attributes: what is added there is tried here, and a
reason of `WithAdvice` that this catalogue does not know fails the test.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, JsonValue

from pathline.asyncapi.attributes import attribute_schemas
from pathline.vocabulary import TYPES, Authority, Compared, Exists, Payload
from pathline.vocabulary.bounded_lists import MAX_ENTRIES
from pathline.vocabulary.eligibility import MAX_DEPTH
from pathline.vocabulary.error_advice import WithAdvice
from support.generators.payloads import LARGEST, _bounds, nested

ORG: Final = "extreme"
SOURCE: Final = f"urn:pathline:{ORG}:{'s' * 64}"
ORGS: Final = ("0", "a-b", "z" * 64)
"""Every other organisation that is named."""
ROUNDS: Final = 18
"""So many events of each type: no field has more values."""

ASTRAL, LAST = "\N{GRINNING FACE}", "\U0010fffd"
INSTANTS: Final = (
    "9999-12-31T23:59:59Z",
    "2026-03-02T09:30:00+11:00",
    "9999-12-31T23:59:59.999999999z",
    "0001-01-01T00:00:00Z",
    "9999-12-31t23:59:59+23:59",
    "9999-12-01T00:00:00Z",
    "0001-01-01T00:00:00-23:59",
    "9999-12-31T00:00:00.0000000000001Z",
    "1969-12-31T23:59:59.999999Z",
    "2554-07-21T23:34:33.709551Z",
    "9999-11-30T12:00:00-12:00",
    "2026-01-31T09:00:00-00:00",
    "0001-02-28T23:59:59.999999+00:01",
)
_ODD: Final = (
    "a",
    " ",
    "\x01\x08\x0b\x1b\x7f\x85\u2028\u2029\ufeff\u202e\ufffe\uffff\U0010ffff",
    "\r\n\r\nevent: end\ndata: x\n\n",
    "<script>alert(1)</script>&\"'`{{7*7}}{% raw %}${7*7}",
    "'; drop table interaction; --%00%n\\u0000\\ud800",
    "e\u0301\u0341 \u05d0\u0627 " * 10,
    "null",
)
_PRINTED: Final = ("a", "\u2028\ufeff\ufffe", "'\"<>&%2f/../?#", "a b", "0", "NULL", "__proto__")
_TOKENS: Final = ("A" * 22, "-_" * 100, "a1" * 20)
EXTREMES_BY_REASON: Final[Mapping[str, Sequence[Any]]] = {
    "code": ORGS,
    "identifier": (*_PRINTED, ASTRAL * 200, LAST * 200),
    "handoff_id": (*(f"{ORG}:{n}" for n in ("1", "a:b:c", "%00/..", "'\"<&>")), f"{ORG}:{ASTRAL * 192}"),
    "subject": ("v1.{}A", "v9999.{}w"),
    "token": _TOKENS,
    "token_hash": tuple(hashlib.sha256(each.encode()).hexdigest() for each in _TOKENS),
    "clause": ("", "/of/63" * 31, "/of/0/of"),
    "noun_verb": ("need.met", "coproduction.contributed"),
    "text": (*_ODD, ASTRAL * 2_000),
    "activity": (*_ODD, ASTRAL * 200),
    "instant": INSTANTS,
    "date": ("9999-12-31", "0001-01-01", "2024-02-29"),
    "duration": ("P999999999Y999999999M999999999D", "PT999999999.999999999S", "PT0S", "P999999999W"),
    "scalar": (LARGEST, -LARGEST, True, ASTRAL * 2_000, *_ODD),
    "value": (LARGEST, "a", [LARGEST, -LARGEST, False, *_ODD], ["a"] * MAX_ENTRIES),
    "score": (LARGEST, -LARGEST, ASTRAL * 2_000, "0"),
}
"""The outermost values, by the `reason` of the annotation's `WithAdvice`."""
_ENVELOPE: Final[Mapping[str, Sequence[str]]] = {
    "recordedtime": INSTANTS,
    "expirytime": INSTANTS[::-1],
    "sequence": ("0", "-1", "\u2028", "9" * 200),
    "traceparent": (
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "ff-00000000000000000000000000000000-0000000000000000-00",
        "00-\uff11",
    ),
    "datacontenttype": ("application/json", "text/vnd.a+json; charset=utf-8", "APPLICATION/JSON"),
}
_FITTED: Final = frozenset(("specversion", "id", "source", "type", "subject", "time", "datacontenttype"))

Filled = Callable[[int], Any]


def events_of(cls: type[Payload]) -> list[dict[str, Any]]:
    """As many events of this type as there are rounds, each in structured mode."""
    return [event_of(cls, n) for n in range(ROUNDS)]


def event_of(cls: type[Payload], n: int) -> dict[str, Any]:
    """The event of this type in this round."""
    head = {
        "specversion": "1.0",
        "id": id_of(cls, n),
        "source": SOURCE,
        "type": cls.type,
        "subject": subject_of(n),
        "time": _turn(INSTANTS, f"{cls.type} time", n),
    }
    more = {
        name: _turn(_ENVELOPE.get(name, _TEXTS), f"{cls.type} {name}", n)
        for name in attribute_schemas()
        if name not in head
    }
    texts = [name for name in more if name not in ("recordedtime", "expirytime", "datacontenttype")]
    more[texts[n % len(texts)]] = ASTRAL * 2_048
    # Names that the gateway gives to what it adds, and a value of each other kind.
    own = {"count": 2**31 - 1, "batch": -(2**31), "hidden": True, "route": "x", "z" * 64: False}
    return {**head, **more, **own, "data": data_of(cls, n)}


_TEXTS: Final = ("a", "'\"<>&%2f/../?#", "\u2028\ufeff")


def id_of(cls: type[Payload], n: int) -> str:
    """Its id in this round: up to the longest there is."""
    name = f"{n}-{cls.noun}.{cls.verb}"
    return name + str(_turn(("", " '\"<>&%2f/../?#", ASTRAL * (200 - len(name))), name, n))


def subject_of(n: int) -> str:
    """Whom the events of a round are about."""
    return f"v{(1, 9999)[n % 2]}.{n:021d}A"


def data_of(cls: type[Payload], n: int) -> dict[str, Any]:
    """The data of a type in this round: no field is the same in the next."""
    data: dict[str, Any] = _object(cls, cls.type, n)
    match cls.type.removeprefix("org.pathline."):
        case "interaction.voided.v1":
            return {**data, "source": SOURCE, "id": id_of(TYPES["org.pathline.activity.recorded.v1"], n)}
        case "interaction.corrected.v1":
            targets = [each for each in TYPES.values() if each.noun not in ("interaction", "identity")]
            target = _turn(targets, "target", n)
            said = _turn([data_of(target, n + 1), *_REPLACEMENTS], "replacement", n)
            replacement = {**data["replacement"], "data": said}
            return {**data, "source": SOURCE, "id": id_of(target, n), "replacement": replacement}
        case "identity.retracted.v1":
            linked = TYPES["org.pathline.identity.linked.v1"]
            return {**data, "evidence": {"source": SOURCE, "id": id_of(linked, n)}}
        case "identity.linked.v1" | "identity.distinguished.v1":
            pair = [{"org": ORG, "subject": subject_of(n)}, {"org": ORGS[n % len(ORGS)], "subject": subject_of(n)}]
            return {**data, "same" if cls.verb == "linked" else "different": pair}
    return data


_REPLACEMENTS: Final[Sequence[dict[str, Any]]] = (
    {},
    {"handoff": "\0"},
    {"handoff": "x" * 100_000},
    {"handoff": f"{ORG}:1", "precision": "month"},
    {"handoff": 1, "precision": ["day"], "safety": {}, "due": "soon", "to": []},
    {"\0": "\0", "": {}, "__proto__": 10**300, "x": 1e308, "y": -0.0},
    {"deep": nested(90)},
)


def _turn(values: Sequence[Any], place: str, n: int) -> Any:
    """The value of a place in this round: each in turn, and of two places never the same pair again and again."""
    return values[(n + n // len(values) + zlib.crc32(place.encode())) % len(values)]


def _object(model: type[BaseModel], place: str, n: int) -> dict[str, Any]:
    hints = get_type_hints(model, include_extras=True)
    said = {
        info.alias or name: _value(hints[name], f"{place}.{name}", n, info.is_required())
        for name, info in model.model_fields.items()
    }
    if model is Authority and said["basis"] != "consent":
        said["instrument"] = said["instrument"] or "an act"
    if model is Compared:
        said["cmp"] = "in" if isinstance(said["value"], list) else "ge"
    return said


def _value(hint: Any, place: str, n: int, needed: bool = True) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:], place, n)
    if origin in (Union, UnionType):
        parts = [part for part in arguments if part is not NoneType]
        if not needed and n % 7 == 5:
            return None
        if Exists in parts and ".of" in place:  # a condition within a condition: as deep as may be
            return nested(MAX_DEPTH - 1)
        return _value(parts[n % len(parts)], place, n)
    if origin is Literal:
        return _turn(arguments, place, n)
    if origin is dict:
        if get_args(hint)[1] is JsonValue:
            return {}
        keys = [f"{i}{ASTRAL * 20}" for i in range(MAX_ENTRIES)]
        return _turn([{}, dict.fromkeys(keys, LARGEST), {ASTRAL * 200: ASTRAL * 2_000}], place, n)
    if hint is bool:
        return _turn((True, False), place, n)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _object(hint, place, n)
    return nested(MAX_DEPTH - 1)  # of a type that is named within itself


def _annotated(plain: Any, notes: tuple[Any, ...], place: str, n: int) -> Any:
    for note in notes:
        if isinstance(note, WithAdvice):
            if note.reason == "subject":
                return _turn(EXTREMES_BY_REASON["subject"], place, n).format(f"{zlib.crc32(place.encode()):021d}")
            # What must be the same in several events of one round to mean anything.
            alike = note.reason if note.reason in ("handoff_id", "token", "token_hash") else place
            return _turn(_extremes_of_reason(note.reason), "hand-off" if alike == note.reason else place, n)
    bounds = _bounds(notes)
    if get_origin(plain) is tuple:
        least, most = bounds.get("min_length", 0), bounds["max_length"]
        members = [_value(get_args(plain)[0], f"{place}[]", n + i) for i in range(min(most, 3))]
        return _turn([members[:least], members, (members * MAX_ENTRIES)[:most]], place, n)
    if plain is int:
        return _turn((bounds["ge"], bounds["le"]), place, n)
    if plain is float:
        return _turn((bounds["ge"], bounds["le"], 5e-324, 0.1), place, n)
    return _value(plain, place, n)


def _extremes_of_reason(reason: str) -> Sequence[Any]:
    if reason not in EXTREMES_BY_REASON:
        raise LookupError(
            f"no values of reason {reason!r}: add them to EXTREMES_BY_REASON in tests/support/generators/extremes.py"
        )
    return EXTREMES_BY_REASON[reason]
