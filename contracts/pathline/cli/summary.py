"""What an import did, in numbers that add up: read = accepted + duplicate + refused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pathline.cli.batches import RecordBatch
from pathline.cli.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Counts:
    """Records so far, an earlier part of a resumed run included."""

    read: int = 0
    sent: int = 0
    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    conflict: int = 0
    """Of the duplicates, how many differ from what was sent before under the same id."""

    def with_batch(self, batch: RecordBatch, receipt: Receipt) -> Counts:
        """The counts after this batch; a batch that had to be tried twice counts once."""
        return replace(
            self,
            read=self.read + batch.records,
            sent=self.sent + len(batch.ready),
            accepted=self.accepted + receipt.accepted,
            duplicate=self.duplicate + receipt.duplicate,
            refused=self.refused + len(batch.rejects) + len(receipt.refused),
            conflict=self.conflict + len(receipt.conflicts),
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended."""

    counts: Counts
    elapsed_s: float
    rejects: Path | None

    def as_json(self) -> str:
        """One JSON object for programs."""
        numbers = {**asdict(self.counts), "seconds": round(self.elapsed_s, 3)}
        return json.dumps({**numbers, "rejects": None if self.rejects is None else str(self.rejects)})

    def as_text(self) -> str:
        """One line for people, and where to look when something was refused."""
        counts = self.counts
        line = (
            f"read {counts.read:,}  sent {counts.sent:,}  accepted {counts.accepted:,}  "
            f"duplicate {counts.duplicate:,}  refused {counts.refused:,}  in {self.elapsed_s:.1f} s"
        )
        if counts.conflict:
            line += (
                f"\nin conflict {counts.conflict:,}: they differ from what was sent before, which stays as it was; "
                "publish a correction (interaction.corrected) of each"
            )
        return line if self.rejects is None else f"{line}\nlines and reasons: {self.rejects}"
