"""A step from a row that tells nothing of its kind: for those who read its data anyway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.stored_form import open_payload


def partial_step_from_row(row: Mapping[str, Any]) -> Step:
    """The row as a step without service, channel, activity, initiator, actor and span."""
    opened, nothing = open_payload(row["payload"]), None
    return Step(
        row["source"], row["id"], row["type"], row["time"], opened.recordedtime(), row["org"], row["subject"],
        nothing, nothing, nothing, nothing, nothing, row["sequence"], nothing, nothing, opened.attributes, opened.data,
        opened.sent_data,
    )  # fmt: skip
