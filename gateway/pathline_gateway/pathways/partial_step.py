"""A step from a row that has none of the payload columns: for those who read its data anyway."""

from __future__ import annotations

import asyncpg

from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.stored_bytes import split_payload


def partial_step_from_row(row: asyncpg.Record) -> Step:
    """The row as a step without service, channel, activity, initiator, actor and span."""
    nothing = None
    return Step(
        row["source"], row["id"], row["type"], row["time"], row["recordedtime"], row["org"], row["subject"],
        nothing, nothing, nothing, nothing, nothing, row["sequence"], nothing, nothing, *split_payload(row["payload"]),
    )  # fmt: skip
