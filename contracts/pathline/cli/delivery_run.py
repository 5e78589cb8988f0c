"""One delivery from a file to a gateway, with everything that happens around it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pathline.cli import progress
from pathline.cli.address import Address
from pathline.cli.batches import Batch, batches
from pathline.cli.receipt import Receipt, Receiver
from pathline.cli.record_reader import Read
from pathline.cli.record_result import Reject
from pathline.cli.rejects import RejectsFile
from pathline.cli.resume import Checkpoint, Fingerprint, StateFile
from pathline.cli.retry import Patience
from pathline.cli.send import deliver
from pathline.cli.sources.opened import Opened, opened
from pathline.cli.summary import Summary
from pathline.cli.to_http import HttpDoor
from pathline.cli.to_kafka import kafka_topic


@dataclass(frozen=True, slots=True)
class DeliveryRun:
    """What is to be brought where, and how."""

    file: Path
    read: Read
    to: Address
    mapping: str
    """The digest of the mapping and its key."""
    state: Path
    rejects: Path
    resume: bool = False
    batch: int = 500
    in_flight: int = 4
    patience: Patience = field(default_factory=Patience)
    token: str | None = None
    quiet: bool = False


async def run(errand: DeliveryRun) -> Summary:
    """Everything in the file is delivered or among the rejects. Raises Stopped; the state then says how far it came."""
    begun = time.monotonic()
    with opened(errand.file) as source:
        journal = _begin(errand)
        with progress.bar(errand.file.name, source.size, quiet=errand.quiet) as show:
            journal.watch(source, show)
            async with _receiver(errand) as receiver:
                outcomes = errand.read(source, journal.checkpoint.records)
                await deliver(
                    batches(outcomes, errand.batch, before=journal.checkpoint.records),
                    receiver,
                    journal.settle,
                    in_flight=errand.in_flight,
                    patience=errand.patience,
                )
    journal.state.forget()
    rejects = errand.rejects if journal.rejects.size else None
    return Summary(journal.checkpoint.counts, time.monotonic() - begun, rejects)


class _Journal:
    """What is settled: in the rejects file first, then in the state, then on the screen."""

    def __init__(self, checkpoint: Checkpoint, state: StateFile, rejects: RejectsFile) -> None:
        self.checkpoint = checkpoint
        self.state = state
        self.rejects = rejects

    def watch(self, source: Opened, show: progress.Show) -> None:
        """Says at each batch how far the reader has come."""
        self._source = source
        self._show = show

    def settle(self, batch: Batch, receipt: Receipt) -> None:
        """The batch is done, and so is every one before it."""
        self.rejects.write(_rejects(batch, receipt))
        self.checkpoint = self.checkpoint.model_copy(
            update={
                "records": batch.after,
                "rejects": self.rejects.size,
                "counts": self.checkpoint.counts.with_batch(batch, receipt),
            }
        )
        self.state.save(self.checkpoint)
        self._show(self._source.position(), self.checkpoint.counts)


def _begin(errand: DeliveryRun) -> _Journal:
    state = StateFile(errand.state)
    fingerprint = Fingerprint.of(errand.file, errand.mapping, errand.to.shown)
    checkpoint = state.resume(fingerprint) if errand.resume else state.begin(fingerprint)
    return _Journal(checkpoint, state, RejectsFile(errand.rejects, keep=checkpoint.rejects))


def _rejects(batch: Batch, receipt: Receipt) -> list[Reject]:
    """Every refusal of the batch, ours and the gateway's, in the order of the file."""
    theirs = (
        Reject(batch.ready[refusal.index].line, refusal.reason, None, refusal.detail) for refusal in receipt.refused
    )
    return sorted((*batch.rejects, *theirs), key=lambda reject: reject.line)


@asynccontextmanager
async def _receiver(errand: DeliveryRun) -> AsyncIterator[Receiver]:
    if errand.to.kind == "kafka":
        async with kafka_topic(errand.to.to) as topic:
            yield topic
    else:
        timeout = errand.patience.for_one_answer
        door = HttpDoor.at(errand.to, token=errand.token, in_flight=errand.in_flight, timeout=timeout)
        async with door.client:
            yield door
