"""Which numbers are written next, and where writing goes on after whatever happened. Pure."""

from __future__ import annotations

from typing import NamedTuple

from pathline_gateway.streams.kafka.record import OutRecord


class WriteRange(NamedTuple):
    """The numbers of one write."""

    after: int
    """Everything up to this number is written."""
    first: int
    """The first event; the numbers between are forgotten, which is written in their place."""
    through: int
    """The last number of the write."""

    @property
    def forgets(self) -> bool:
        """Whether events are forgotten that were never written."""
        return self.first > self.after + 1


class BrokerPosition(NamedTuple):
    """What the broker keeps in the transactions of the records."""

    number: int
    """The last number that readers have."""
    tag: str
    """Tells what was delivered under that number, to whoever knows the gateway's secret."""


def resume_after(acked_through: int, committed: BrokerPosition | None, expected_tag: str | None) -> int:
    """Up to which number everything is written.

    `committed`: None where the broker keeps no position. `acked_through` was stored after a write, so it may be behind.
    `expected_tag`: of what stands under the committed number now; None where it is kept no more. Another one means that
    numbers were given anew, as after a restored backup. Then the stored position counts, and nothing is left out.
    """
    if committed is None or (expected_tag is not None and committed.tag != expected_tag):
        return acked_through
    return max(acked_through, committed.number)


def next_range(after: int, pruned_through: int, last_number: int, size: int) -> WriteRange | None:
    """At most `size` events that follow; None where there are none."""
    first = max(after, pruned_through) + 1
    through = min(last_number, first - 1 + size)
    return WriteRange(after, first, through) if through > after else None


class WriteBatch(NamedTuple):
    """What is written in one go."""

    records: list[OutRecord]
    """By number."""
    through: int
