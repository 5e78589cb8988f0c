"""A pathway as it is served, written from its rows: the same as assembling and serving its steps, and quicker.

For pathways without voids and corrections, which are almost all; the others are folded. What a step says of what was
done, where and by whom repeats over a whole system, so its JSON is kept.
"""

from __future__ import annotations

from functools import lru_cache
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Final

import orjson

from pathline_gateway.pathways.repository import PathwayMembers, StoredPathway

_leg_of: Final = attrgetter("ref", "service")
_MAX_CACHED_KINDS: Final = 8_192
"""Different kinds of step whose JSON is kept."""
_WHOLE_SECONDS: Final = len('"2026-03-01T09:30:00"')
_LENGTH_WITH_MICROSECONDS: Final = len('"2026-03-01T09:30:00.000000')
# Attributes and data stand in a payload one after the other, as `stored_bytes` writes it.
_LINE_FEED: Final = "\n"
_RECORD_SEPARATOR: Final = "\x1e"
_DATA: Final = ',"data":'
_json_text: Final = encode_basestring
"""A JSON string. It escapes what must be escaped, and nothing else."""


def write_pathway(members: PathwayMembers, version: str, stored: StoredPathway, handoffs: bytes) -> bytes:
    """The body of a pull of all steps by somebody who sees everything; `handoffs` are JSON."""
    legs = dict.fromkeys((stored.refs[ref][0], service) for ref, service in dict.fromkeys(map(_leg_of, stored.rows)))
    return orjson.dumps(
        {
            "pathway": str(members.pathway),
            "version": version,
            "subjects": [{"org": org, "subject": subject} for org, subject in members.refs],
            "legs": [{"org": org, "service": service} for org, service in legs],
            "steps": orjson.Fragment(f"[{_write_steps(stored)}]"),
            "handoffs": orjson.Fragment(handoffs),
            "facts": [],
        }
    )


def _write_steps(stored: StoredPathway) -> str:
    """What `serve_step` makes of each step. In one loop: to call a function for each costs a quarter more."""
    sources, types, steps = stored.sources, stored.types, []
    refs = {
        number: f'"org":{_json_text(org)},"subject":{_json_text(subject)}'
        for number, (org, subject) in stored.refs.items()
    }
    for row in stored.rows:
        (
            ref,
            source,
            id,
            type,
            time,
            recordedtime,
            service,
            channel,
            activity,
            initiator,
            actor,
            sequence,
            _,
            _,
            _,
            attributes,
            _,
        ) = row
        steps.append(
            f"{{{_common_members(sources[source], types[type], service, channel, activity, initiator, actor)},"
            f'"id":{_json_text(id)},"time":{_format_time(time)},'
            f'"recordedtime":{"null" if recordedtime is None else _format_time(recordedtime)},{refs[ref]},'
            f'"sequence":{"null" if sequence is None else _json_text(sequence)},'
            f'"attributes":{attributes.decode().partition(_RECORD_SEPARATOR)[0].replace(_LINE_FEED, _DATA, 1)}}}'
        )
    return ",".join(steps)


def _format_time(time: str) -> str:
    """The instant as `instant.serve` writes it: with six digits and a zone."""
    return (
        f'{time[:-1]}.000000Z"'
        if len(time) == _WHOLE_SECONDS
        else f'{time[:-1].ljust(_LENGTH_WITH_MICROSECONDS, "0")}Z"'
    )


@lru_cache(_MAX_CACHED_KINDS)
def _common_members(source: str, type: str, *values: str | None) -> str:
    """The members that many steps have in common, without braces."""
    names = ("source", "type", "service", "channel", "activity", "initiator", "actor")
    return orjson.dumps(dict(zip(names, (source, type, *values), strict=True)))[1:-1].decode()
