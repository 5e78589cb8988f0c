"""A pathway as it is served, written from its rows: the same as assembling and serving its steps, and quicker.

For pathways without voids and corrections, which are almost all; the others are folded.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from pathline_gateway.pathways.repository import PathwayMembers, StoredPathway
from pathline_gateway.pathways.stored_form import join_step, render_place, render_ref

_WHOLE_SECONDS: Final = len('"2026-03-01T09:30:00"')
_MICROSECONDS: Final = len("2026-03-01T09:30:00.000000")


def write_pathway(members: PathwayMembers, version: str, stored: StoredPathway, handoffs: bytes) -> bytes:
    """The body of a pull of all steps by somebody who sees everything; `handoffs` are JSON."""
    steps = _write_steps(stored)
    legs = dict.fromkeys((stored.refs[ref][0], service) for ref, service in dict.fromkeys(steps.legs))
    return orjson.dumps(
        {
            "pathway": str(members.pathway),
            "version": version,
            "subjects": [{"org": org, "subject": subject} for org, subject in members.refs],
            "legs": [{"org": org, "service": service} for org, service in legs],
            "steps": orjson.Fragment(b"[%b]" % b",".join(steps.bodies)),
            "handoffs": orjson.Fragment(handoffs),
            "facts": [],
        }
    )


class _WrittenSteps(NamedTuple):
    bodies: list[bytes]
    legs: list[tuple[int, str | None]]
    """Ref and service of each."""


def _write_steps(stored: StoredPathway) -> _WrittenSteps:
    """What `serve_step` makes of each step; of those that this version stored nothing is read."""
    kinds = {number: (stored.kinds[number].render(), stored.kinds[number].service) for number in _kinds_in(stored)}
    refs = {number: render_ref(*ref) for number, ref in stored.refs.items()}
    bodies, legs = [], []
    for row in stored.rows:
        if row.kind is None:
            kind, payload = stored.render_earlier(row)
            rendered_kind, service = kind.render(), kind.service
        else:
            rendered_kind, service = kinds[row.kind]
            payload = row.payload
        place = render_place(row.id, _serve_time(row.time), row.sequence)
        bodies.append(join_step(rendered_kind, refs[row.ref], place, payload))
        legs.append((row.ref, service))
    return _WrittenSteps(bodies, legs)


def _serve_time(time: str) -> str:
    """The instant as `instant.to_text` writes it: with six digits and a zone."""
    return f"{time[1:-1]}.000000Z" if len(time) == _WHOLE_SECONDS else f"{time[1:-1].ljust(_MICROSECONDS, '0')}Z"


def _kinds_in(stored: StoredPathway) -> set[int]:
    return {row.kind for row in stored.rows if row.kind is not None}
