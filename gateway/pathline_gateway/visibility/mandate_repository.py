"""Mandates by the refs that they stand under."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg
import orjson

from pathline.vocabulary import MandateGiven, MandateWithdrawn
from pathline_gateway.handoffs import event_repository
from pathline_gateway.pathways.amendments import apply_amendments
from pathline_gateway.pathways.partial_step import partial_step_from_row
from pathline_gateway.pathways.step import Step

_SELECT_STEPS = """
select i.source as source_number, src.source, i.id, t.type, i.time, s.org, s.subject, i.sequence, i.payload
from interaction i
join event_type t on t.id = i.type
join source src on src.id = i.source
join subject_ref s on s.id = i.ref
where i.ref = any($1::bigint[]) and t.type = any($2::text[])
"""
_TYPES = (MandateGiven.type, MandateWithdrawn.type)


async def load_mandate_steps(connection: asyncpg.Connection, refs: Collection[int]) -> list[Step]:
    """The steps of mandates under these refs, as corrected, less voided ones, in order."""
    rows = await connection.fetch(_SELECT_STEPS, list(refs), _TYPES)
    amendments = await event_repository.load_amendments(connection, {(row["source_number"], row["id"]) for row in rows})
    steps = apply_amendments(map(_with_service, map(partial_step_from_row, rows)), amendments)
    return sorted(steps, key=lambda step: step.sort_key)


def _with_service(step: Step) -> Step:
    return step._replace(service=orjson.loads(step.data).get("service"))
