"""A pathway as it is served, written from its rows: the same as assembling and serving its steps, and quicker.

For pathways without voids and corrections, which are almost all; the others are folded. What a step says of what was
done, where and by whom repeats over a whole system, so its JSON is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final

import orjson

from pathline_gateway.store.pathways import Members, Row, Stored

_KINDS: Final = 8_192
"""Different kinds of step whose JSON is kept."""
_WHOLE_SECONDS: Final = len('"2026-03-01T09:30:00"')
_text: Final = encode_basestring
"""A JSON string. It escapes what must be escaped, and nothing else."""


def write(members: Members, version: str, stored: Stored, handoffs: Sequence[object]) -> bytes:
    """The body of a pull by somebody who sees everything."""
    rows = stored.rows
    refs = {number: f'"org":{_text(org)},"subject":{_text(subject)}' for number, (org, subject) in stored.refs.items()}
    times = zip(_instants([row.time for row in rows]), _instants([row.recordedtime for row in rows]), strict=True)
    steps = ",".join([_step(row, *both, stored, refs) for row, both in zip(rows, times, strict=True)])
    legs = dict.fromkeys((stored.refs[row.ref][0], row.service) for row in rows)
    return orjson.dumps(
        {
            "pathway": str(members.pathway),
            "version": version,
            "subjects": [{"org": org, "subject": subject} for org, subject in members.refs],
            "legs": [{"org": org, "service": service} for org, service in legs],
            "steps": orjson.Fragment(f"[{steps}]"),
            "handoffs": handoffs,
            "facts": [],
        }
    )


def _instants(times: Sequence[datetime | None]) -> list[str]:
    """Each as JSON, as `instant.serve` writes it. All at once: one after the other they would be half of the work."""
    if not times:
        return []
    return [_served(text) for text in orjson.dumps(times)[1:-1].decode().split(",")]


def _served(text: str) -> str:
    """With six digits and a zone, where orjson writes no zone, and no digits where all are zero."""
    if len(text) == _WHOLE_SECONDS:
        return text[:-1] + '.000000Z"'
    return text if text == "null" else text[:-1] + 'Z"'


def _step(row: Row, time: str, recordedtime: str, stored: Stored, refs: Mapping[int, str]) -> str:
    """What `serve_step` makes of the step."""
    ref, source, id, type, _, _, service, channel, activity, initiator, actor, sequence, _, _, _, payload = row
    kind = _kind(stored.sources[source], stored.types[type], service, channel, activity, initiator, actor)
    # Attributes and data stand in the payload one after the other.
    said = payload.decode().replace("\n", ',"data":', 1)
    return (
        f'{{{kind},"id":{_text(id)},"time":{time},"recordedtime":{recordedtime},{refs[ref]},'
        f'"sequence":{"null" if sequence is None else _text(sequence)},"attributes":{said}}}'
    )


@lru_cache(_KINDS)
def _kind(source: str, type: str, *said: str | None) -> str:
    """The members that many steps have in common, without braces."""
    names = ("source", "type", "service", "channel", "activity", "initiator", "actor")
    return orjson.dumps(dict(zip(names, (source, type, *said), strict=True)))[1:-1].decode()
