"""Consecutive records of a source that travel together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pathline.cli.record_result import Outcomes, Ready, Reject

MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Most payload of one request, in bytes: large events make small batches, and memory stays flat."""


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Some consecutive records: those to send, those refused here, and how many records come before them."""

    start: int
    ready: tuple[Ready, ...]
    rejects: tuple[Reject, ...]

    @property
    def records(self) -> int:
        """How many records the batch covers."""
        return len(self.ready) + len(self.rejects)

    @property
    def end(self) -> int:
        """How many records of the source are done when this batch and all before it are."""
        return self.start + self.records


def split_batches(outcomes: Outcomes, size: int, *, start: int = 0) -> Iterator[RecordBatch]:
    """The records in batches of `size`, or fewer where they are large; `start` records were skipped."""
    ready: list[Ready] = []
    rejects: list[Reject] = []
    payload_bytes = 0
    for outcome in outcomes:
        if isinstance(outcome, Ready):
            ready.append(outcome)
            payload_bytes += len(outcome.event.data or b"")
        else:
            rejects.append(outcome)
        if len(ready) + len(rejects) >= size or payload_bytes >= MAX_BATCH_BYTES:
            batch = RecordBatch(start, tuple(ready), tuple(rejects))
            yield batch
            start, payload_bytes = batch.end, 0
            ready.clear()
            rejects.clear()
    if ready or rejects:
        yield RecordBatch(start, tuple(ready), tuple(rejects))
