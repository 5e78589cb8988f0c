"""One delivery from a file to a gateway, with everything that happens around it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pathline.cli import progress
from pathline.cli.address import Address
from pathline.cli.batch_sender import send_batches
from pathline.cli.batches import RecordBatch, split_batches
from pathline.cli.http_destination import HttpDestination
from pathline.cli.kafka_destination import open_kafka_destination
from pathline.cli.receipt import Destination, Receipt
from pathline.cli.record_reader import RecordReader
from pathline.cli.record_result import Reject
from pathline.cli.rejects import RejectsFile
from pathline.cli.resume import Checkpoint, Fingerprint, StateFile
from pathline.cli.retry import RetryPolicy
from pathline.cli.sources.source_file import SourceFile, open_source
from pathline.cli.summary import Summary


@dataclass(frozen=True, slots=True)
class DeliveryRun:
    """What is to be brought where, and how."""

    file: Path
    read: RecordReader
    address: Address
    mapping: str
    """The digest of the mapping and its key."""
    state: Path
    rejects: Path
    resume: bool = False
    batch: int = 500
    in_flight: int = 4
    patience: RetryPolicy = field(default_factory=RetryPolicy)
    token: str | None = None
    quiet: bool = False


async def run(delivery_run: DeliveryRun) -> Summary:
    """Everything in the file is delivered or among the rejects. Raises CommandError; the state says how far it came."""
    started_at = time.monotonic()
    with open_source(delivery_run.file) as source:
        journal = _open_journal(delivery_run)
        with progress.bar(delivery_run.file.name, source.size, quiet=delivery_run.quiet) as show_progress:
            journal.set_progress(source, show_progress)
            async with _open_destination(delivery_run) as destination:
                outcomes = delivery_run.read(source, journal.checkpoint.records)
                await send_batches(
                    split_batches(outcomes, delivery_run.batch, start=journal.checkpoint.records),
                    destination,
                    journal.settle,
                    in_flight=delivery_run.in_flight,
                    retry_policy=delivery_run.patience,
                )
    journal.state.delete()
    rejects = delivery_run.rejects if journal.rejects.size else None
    return Summary(journal.checkpoint.counts, time.monotonic() - started_at, rejects)


class _Journal:
    """What is settled: in the rejects file first, then in the state, then on the screen."""

    def __init__(self, checkpoint: Checkpoint, state: StateFile, rejects: RejectsFile) -> None:
        self.checkpoint = checkpoint
        self.state = state
        self.rejects = rejects

    def set_progress(self, source: SourceFile, show_progress: progress.ProgressCallback) -> None:
        """Says at each batch how far the reader has come."""
        self._source = source
        self._show_progress = show_progress

    def settle(self, batch: RecordBatch, receipt: Receipt) -> None:
        """The batch is done, and so is every one before it."""
        self.rejects.write(_collect_rejects(batch, receipt))
        self.checkpoint = self.checkpoint.model_copy(
            update={
                "records": batch.end,
                "rejects": self.rejects.size,
                "counts": self.checkpoint.counts.with_batch(batch, receipt),
            }
        )
        self.state.save(self.checkpoint)
        self._show_progress(self._source.position(), self.checkpoint.counts)


def _open_journal(delivery_run: DeliveryRun) -> _Journal:
    state = StateFile(delivery_run.state)
    fingerprint = Fingerprint.compute(delivery_run.file, delivery_run.mapping, delivery_run.address.display)
    checkpoint = state.resume(fingerprint) if delivery_run.resume else state.begin(fingerprint)
    return _Journal(checkpoint, state, RejectsFile(delivery_run.rejects, keep_bytes=checkpoint.rejects))


def _collect_rejects(batch: RecordBatch, receipt: Receipt) -> list[Reject]:
    """Every refusal and conflict of the batch, ours and the gateway's, in the order of the file."""
    gateway_rejects = (
        Reject(batch.ready[refusal.index].line, refusal.reason, None, refusal.detail)
        for refusal in (*receipt.refused, *receipt.conflicts)
    )
    return sorted((*batch.rejects, *gateway_rejects), key=lambda reject: reject.line)


@asynccontextmanager
async def _open_destination(delivery_run: DeliveryRun) -> AsyncIterator[Destination]:
    if delivery_run.address.kind == "kafka":
        async with open_kafka_destination(delivery_run.address.target) as topic:
            yield topic
    else:
        timeout = delivery_run.patience.response_timeout_s
        door = HttpDestination.connect(
            delivery_run.address, token=delivery_run.token, in_flight=delivery_run.in_flight, timeout=timeout
        )
        async with door.client:
            yield door
