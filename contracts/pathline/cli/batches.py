"""Consecutive records of a source that travel together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pathline.cli.record_result import Outcomes, Ready, Reject

MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Most payload of one request, in bytes: large events make small batches, and memory stays flat."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive records: those to send, those refused here, and how many records come before them."""

    before: int
    ready: tuple[Ready, ...]
    rejects: tuple[Reject, ...]

    @property
    def records(self) -> int:
        """How many records the batch covers."""
        return len(self.ready) + len(self.rejects)

    @property
    def after(self) -> int:
        """How many records of the source are done when this batch and all before it are."""
        return self.before + self.records


def batches(outcomes: Outcomes, size: int, *, before: int = 0) -> Iterator[Batch]:
    """The records in batches of `size`, or fewer where they are large; `before` records were skipped."""
    ready: list[Ready] = []
    rejects: list[Reject] = []
    weight = 0
    for outcome in outcomes:
        if isinstance(outcome, Ready):
            ready.append(outcome)
            weight += len(outcome.event.data or b"")
        else:
            rejects.append(outcome)
        if len(ready) + len(rejects) >= size or weight >= MAX_BATCH_BYTES:
            batch = Batch(before, tuple(ready), tuple(rejects))
            yield batch
            before, weight = batch.after, 0
            ready.clear()
            rejects.clear()
    if ready or rejects:
        yield Batch(before, tuple(ready), tuple(rejects))
