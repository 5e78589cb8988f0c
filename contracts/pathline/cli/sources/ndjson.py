"""Flat JSON objects, one a line (NDJSON) or in one array, as records.

`{"a":{"b":1}}` has the column `a.b`; a list is its JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from pathline.cli.sources.json_texts import json_texts
from pathline.cli.sources.lines import MAX_LINE_BYTES
from pathline.cli.sources.record import Record, Records, Unreadable, build_record
from pathline.codec.unique_names import RepeatedName, require_unique
from pathline.errors import Malformed, TooLarge


def ndjson_records(stream: BinaryIO) -> Records:
    """One record a value; a line that is no JSON object is Unreadable."""
    for number, raw in json_texts(stream):
        if raw is None:
            yield Unreadable(number, TooLarge(f"is over {MAX_LINE_BYTES} bytes"))
        else:
            yield _parse_record(number, raw)


_REPEATED: Final = "names a field twice, and only one of the two would count; name it once"


def _no_number(_: str) -> None:
    """NaN and Infinity are no JSON: they are what a library writes where no number is."""


def _parse_record(number: int, raw: bytes) -> Record | Unreadable:
    try:
        # Numbers stay as they are written: 007.10 is refused by JSON, and 1.10 is not 1.1 to whoever wrote it.
        value = json.loads(
            raw.decode(), parse_int=str, parse_float=str, parse_constant=_no_number, object_pairs_hook=require_unique
        )
    except RepeatedName:
        return Unreadable(number, Malformed(_REPEATED))
    except (ValueError, RecursionError):
        return Unreadable(number, Malformed("is not JSON in UTF-8"))
    if not isinstance(value, dict):
        return Unreadable(number, Malformed("is not a JSON object"))
    fields = list(_flatten(value, ""))
    if len({name for name, _ in fields}) < len(fields):
        return Unreadable(number, Malformed(_REPEATED))
    return build_record(number, *zip(*fields, strict=True)) if fields else build_record(number, (), ())


def _flatten(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flatten(inner, f"{prefix}{name}.")
        elif inner is not None:
            yield prefix + name, _text(inner)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
