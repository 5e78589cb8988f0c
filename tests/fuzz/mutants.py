"""Records made by spoiling valid ones, from a seed: bits, lengths, headers, and the JSON inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from pathline.codec import kafka
from pathline.testing import example
from pathline.vocabulary import TYPES

Headers = list[tuple[str, bytes | None]]
Body = bytes | None

ORG = "agency-1"
TOPICS = (f"pathline.in.{ORG}", "pathline.in.door-1", "pathline.in.other", "pathline.in.")
NAMES = ("ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_specversion", "content-type", "CE_ID", "ce_")
VALUES: tuple[Any, ...] = (
    None, True, -1, 2**63, 10**400, 1e308, float("nan"), float("-inf"), "", "\x00", "\ud800", "\U0010ffff", "x" * 5_000,
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999999-23:59", "2016-12-31T23:59:60Z", "urn:pathline:a:b",
    "v1.AAAAAAAAAAAAAAAAAAAAAA", "123 456 782", [], {}, [[[]]], {"": 0}, {"data": {"data": {}}},
)  # fmt: skip
TIMES = (0, -1, 1_772_000_000_000, 2**63 - 1, -(2**63))


@dataclass(slots=True)
class Mutant:
    """A record as a consumer hands it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: Body
    headers: Sequence[tuple[str, bytes | None]]


def seeds() -> list[tuple[Headers, Body]]:
    """A valid record of every type, in both modes."""
    events = [example(TYPES[name], source=f"urn:pathline:{ORG}:desk").event for name in sorted(TYPES)]
    return [(list(h), v) for e in events for h, v in (kafka.encode(e), kafka.encode_structured(e))]


def mutants(seed: int, count: int) -> Iterator[Mutant]:
    """So many records; the same for the same seed."""
    random, valid = Random(seed), seeds()
    for n in range(count):
        headers, value = random.choice(valid)
        headers = list(headers)
        for _ in range(random.choice((0, 1, 1, 1, 2, 3, 6))):
            headers, value = random.choice(WAYS)(random, headers, value)
        key = random.choice((None, b"", b"k"))
        yield Mutant(random.choice(TOPICS), 0, n, random.choice(TIMES), key, value, headers)


def _bits(random: Random, headers: Headers, value: Body) -> tuple[Headers, Body]:
    if not value:
        return headers, random.randbytes(random.randrange(40))
    spoilt = bytearray(value)
    for _ in range(random.choice((1, 1, 4))):
        spoilt[random.randrange(len(spoilt))] ^= 1 << random.randrange(8)
    return headers, bytes(spoilt)


def _cut(random: Random, headers: Headers, value: Body) -> tuple[Headers, Body]:
    return headers, value and value[: random.randrange(len(value))]


def _doubled(random: Random, headers: Headers, value: Body) -> tuple[Headers, Body]:
    if not value:
        return headers, b"null"
    start = random.randrange(len(value))
    return headers, value[:start] + value[start : start + random.randrange(200)] + value[start:]


def _dropped(random: Random, headers: Headers, value: Body) -> tuple[Headers, Body]:
    return [h for h in headers if random.random() > 0.2], random.choice((value, value, None, b""))


def _repeated(random: Random, headers: Headers, value: Body) -> tuple[Headers, Body]:
    return [*headers, *random.choices(headers, k=random.randrange(3))] if headers else headers, value


def _header_spoilt(random: Random, headers: Headers, value: Body) -> tuple[Headers, Body]:
    spoilt = random.choice((None, b"", b"\xff\xfe", b"\x00", random.randbytes(8), _text(random.choice(VALUES))))
    names = [name for name, _ in headers] + list(NAMES)
    name = random.choice(names)
    return [(n, v) for n, v in headers if n != name or random.random() < 0.1] + [(name, spoilt)], value


def _surgery(random: Random, headers: Headers, value: Body) -> tuple[Headers, Body]:
    try:
        document = json.loads(value or b"")
    except (ValueError, RecursionError):
        return headers, _text(random.choice(VALUES))
    holder: Any = {"": document}
    key: Any = ""
    while isinstance(holder[key], dict | list) and holder[key] and random.random() < 0.8:
        holder = holder[key]
        key = random.choice(list(holder)) if isinstance(holder, dict) else random.randrange(len(holder))
    match random.randrange(4):
        case 0 if isinstance(holder, dict) and len(holder) > 1:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[random.choice((key + "x", "", "\x00", "data", "kind"))] = holder[key]
        case 2:
            for _ in range(random.choice((1, 300, 3000))):
                holder[key] = [holder[key]]
            return headers, _deep(document)
        case _:
            holder[key] = random.choice(VALUES)
    return headers, _text(document)


def _deep(document: Any) -> bytes:
    try:
        return _text(document)
    except RecursionError:
        return b"[" * 5_000


def _text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


WAYS: tuple[Callable[[Random, Headers, Body], tuple[Headers, Body]], ...] = (
    _bits, _cut, _doubled, _dropped, _repeated, _header_spoilt, _header_spoilt, _surgery, _surgery, _surgery,
)  # fmt: skip
