"""What fails now, in one list: works of this process, and what any process has set aside."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from pathline_gateway.background.health import WorkFailure
from pathline_gateway.set_aside.repository import SetAsideCount


class FailureSummary(NamedTuple):
    """A work that fails, or has set something aside."""

    work: str
    records: int
    """What it has set aside; 0 where it fails as a whole."""
    since: datetime
    reason: str


def summarize_failures(failures: Iterable[WorkFailure], counts: Iterable[SetAsideCount]) -> list[FailureSummary]:
    """By work, those that fail as a whole first."""
    set_aside = {each.work: each for each in counts}
    summary = []
    for failure in sorted(failures):
        count = set_aside.pop(failure.work, None)
        summary.append(
            FailureSummary(failure.work, 0 if count is None else count.records, failure.since, failure.reason)
        )
    return summary + [FailureSummary(*each) for each in set_aside.values()]
