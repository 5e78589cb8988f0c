"""A place among the steps of a pathway: after it, a page begins. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class StepCursor(NamedTuple):
    """Where a step stands among others: what `Step.sort_key` says."""

    time: datetime
    source: str
    has_sequence: bool
    sequence: str
    id: str
