"""The records of one poll, read, with the position that they were fetched from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from pathline_gateway.intake.record import Parked, Reading
from pathline_gateway.kafka.offset_repository import Partition


@dataclass(frozen=True)
class Batch:
    """The records of one poll by partition, in offset order, each read."""

    readings: Mapping[Partition, Sequence[Reading]]
    fetched_from: Mapping[Partition, int]
    """The position that each partition was read from. Offsets need not be contiguous: the first record may be later."""
    epochs: Mapping[Partition, int]
    """The log that each partition's records are of."""

    def __len__(self) -> int:
        return sum(map(len, self.readings.values()))

    def beyond(self, stands: Mapping[Partition, int]) -> bool:
        """Whether it leaves a gap after where Postgres stands."""
        return any(self.fetched_from[p] > stands[p] for p in self.readings)

    def fresh(self, stands: Mapping[Partition, int]) -> dict[Partition, Sequence[Reading]]:
        """What Postgres has not got: records from where it stands; an empty partition is left out."""
        fresh = {p: _from(stands[p], found) for p, found in self.readings.items()}
        return {p: found for p, found in fresh.items() if found}

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches that come to the same, one after the other. For more than one record."""
        everything = list(chain.from_iterable(((p, r) for r in found) for p, found in self.readings.items()))
        middle = len(everything) // 2
        first, second = self._of(everything[:middle], {}), everything[middle:]
        after = {p: found[-1].record.offset + 1 for p, found in first.readings.items()}
        return first, self._of(second, after)

    def with_only(self, parked: Parked) -> Batch:
        """The same, of one record, with that record parked."""
        return Batch({p: [parked] for p in self.readings}, self.fetched_from, self.epochs)

    def _of(self, readings: Iterable[tuple[Partition, Reading]], after: Mapping[Partition, int]) -> Batch:
        found: dict[Partition, list[Reading]] = {}
        for partition, reading in readings:
            found.setdefault(partition, []).append(reading)
        return Batch(
            found,
            {p: after.get(p, self.fetched_from[p]) for p in found},
            {p: self.epochs[p] for p in found},
        )


def _from(offset: int, readings: Sequence[Reading]) -> Sequence[Reading]:
    if readings[0].record.offset >= offset:  # as nearly always, since they were fetched from there
        return readings
    return [r for r in readings if r.record.offset >= offset]
