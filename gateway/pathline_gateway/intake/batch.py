"""The records of one poll, read, with the position that they were fetched from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from pathline_gateway.intake.record import Parked, ParsedRecord
from pathline_gateway.kafka.offset_repository import Partition


@dataclass(frozen=True)
class Batch:
    """The records of one poll by partition, in offset order, each read."""

    parsed_records: Mapping[Partition, Sequence[ParsedRecord]]
    fetched_from: Mapping[Partition, int]
    """The position that each partition was read from. Offsets need not be contiguous: the first record may be later."""
    epochs: Mapping[Partition, int]
    """The log that each partition's records are of."""

    def __len__(self) -> int:
        return sum(map(len, self.parsed_records.values()))

    def leaves_gap(self, positions: Mapping[Partition, int]) -> bool:
        """Whether it leaves a gap after where Postgres stands."""
        return any(self.fetched_from[p] > positions[p] for p in self.parsed_records)

    def unapplied_records(self, positions: Mapping[Partition, int]) -> dict[Partition, Sequence[ParsedRecord]]:
        """What Postgres has not got: records from where it stands; an empty partition is left out."""
        remaining = {
            p: _from_offset(positions[p], partition_records) for p, partition_records in self.parsed_records.items()
        }
        return {p: partition_records for p, partition_records in remaining.items() if partition_records}

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches that come to the same, one after the other. For more than one record."""
        all_records = list(
            chain.from_iterable(
                ((p, r) for r in partition_records) for p, partition_records in self.parsed_records.items()
            )
        )
        middle = len(all_records) // 2
        first, second = self._build(all_records[:middle], {}), all_records[middle:]
        next_offsets = {
            p: partition_records[-1].record.offset + 1 for p, partition_records in first.parsed_records.items()
        }
        return first, self._build(second, next_offsets)

    def with_only(self, parked: Parked) -> Batch:
        """The same, of one record, with that record parked."""
        return Batch({p: [parked] for p in self.parsed_records}, self.fetched_from, self.epochs)

    def _build(
        self, parsed_records: Iterable[tuple[Partition, ParsedRecord]], next_offsets: Mapping[Partition, int]
    ) -> Batch:
        by_partition: dict[Partition, list[ParsedRecord]] = {}
        for partition, parsed_record in parsed_records:
            by_partition.setdefault(partition, []).append(parsed_record)
        return Batch(
            by_partition,
            {p: next_offsets.get(p, self.fetched_from[p]) for p in by_partition},
            {p: self.epochs[p] for p in by_partition},
        )


def _from_offset(offset: int, parsed_records: Sequence[ParsedRecord]) -> Sequence[ParsedRecord]:
    if parsed_records[0].record.offset >= offset:  # as nearly always, since they were fetched from there
        return parsed_records
    return [r for r in parsed_records if r.record.offset >= offset]
