"""A pathway as it is served, written from its rows: the same as assembling and serving its steps, and quicker.

For pathways without voids and corrections, which are almost all; the others are folded. What a step says of what was
done, where and by whom repeats over a whole system, so its JSON is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Final

import orjson

from pathline_gateway.store.pathways import Members, Row, Stored

_KINDS: Final = 8_192
"""Different kinds of step whose JSON is kept."""
_time = attrgetter("time")
_text: Final = encode_basestring
"""A JSON string. It escapes what must be escaped, and nothing else."""


def write(members: Members, version: str, stored: Stored) -> bytes:
    """The body of a pull by somebody who sees everything."""
    rows = _in_order(stored)
    refs = {number: f'"org":{_text(org)},"subject":{_text(subject)}' for number, (org, subject) in stored.refs.items()}
    steps = ",".join([_step(row, stored, refs) for row in rows])
    legs = dict.fromkeys((stored.refs[row.ref][0], row.service) for row in rows)
    return orjson.dumps(
        {
            "pathway": str(members.pathway),
            "version": version,
            "subjects": [{"org": org, "subject": subject} for org, subject in members.refs],
            "legs": [{"org": org, "service": service} for org, service in legs],
            "steps": orjson.Fragment(f"[{steps}]"),
            "handoffs": [],
            "facts": [],
        }
    )


def _in_order(stored: Stored) -> Sequence[Row]:
    """As `Step.order` says; few rows have the time of another."""
    rows = sorted(stored.rows, key=_time)
    if len(set(map(_time, rows))) < len(rows):
        rows.sort(key=lambda r: (r.time, stored.sources[r.source], r.sequence is not None, r.sequence or "", r.id))
    return rows


def _step(row: Row, stored: Stored, refs: Mapping[int, str]) -> str:
    """What `serve_step` makes of the step."""
    ref, source, id, type, time, recorded, service, channel, activity, initiator, actor, sequence, _, _, payload = row
    kind = _kind(stored.sources[source], stored.types[type], service, channel, activity, initiator, actor)
    recordedtime = "null" if recorded is None else f'"{recorded.isoformat("T", "microseconds")[:-6]}Z"'
    # Attributes and data stand in the payload one after the other.
    said = payload.decode().replace("\n", ',"data":', 1)
    return (
        f'{{{kind},"id":{_text(id)},"time":"{time.isoformat("T", "microseconds")[:-6]}Z","recordedtime":{recordedtime},'
        f'{refs[ref]},"sequence":{"null" if sequence is None else _text(sequence)},"attributes":{said}}}'
    )


@lru_cache(_KINDS)
def _kind(source: str, type: str, *said: str | None) -> str:
    """The members that many steps have in common, without braces."""
    names = ("source", "type", "service", "channel", "activity", "initiator", "actor")
    return orjson.dumps(dict(zip(names, (source, type, *said), strict=True)))[1:-1].decode()
