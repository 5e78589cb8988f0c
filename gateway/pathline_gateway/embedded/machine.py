"""One machine: a broker and a database that run exactly as long as a block does."""

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .broker import broker_started, fresh_cluster_id
from .child_process import Children, children
from .data_dir_lock import claimed, is_claimed, unwritable
from .errors import ChildFailed, EmbeddedError
from .orphan_cleanup import leftovers_ended
from .postgres import CLUSTER, UNFINISHED, postgres_started

logger = logging.getLogger(__name__)

ADDRESS = "machine.json"
BROKER = "broker"
LOGS = "log"


@dataclass(frozen=True)
class Machine:
    kafka: str
    """Bootstrap server, "127.0.0.1:PORT". What it holds is gone when the machine stops."""
    database: str
    """DSN for asyncpg, over a unix socket. What it has committed survives."""
    cluster_id: str
    """The broker's, and a fresh one for each start."""
    first_start: bool
    """The database was made in this start."""


@asynccontextmanager
async def running(
    data: Path, *, kafka_port: int | None = None, on_loss: Callable[[ChildFailed], None] | None = None
) -> AsyncIterator[Machine]:
    """The broker and the database are ready; when the block is left, however, both have ended.

    Enter it on the event loop of a thread that lives as long as the block (the main thread is one): the kernel ends the
    children when the thread that started them dies. Signals are the caller's: leave the block to stop.

    `kafka_port` is a fixed port for the broker instead of a free one. `on_loss` is told when one of the two ends by
    itself; nothing is started again, because the broker's log has gone with it.

    Raises an `EmbeddedError` whose text is one line for the person who started it.
    """
    since = time.monotonic()
    async with claimed(data) as directory:
        prepared(directory)
        ended = await leftovers_ended(directory, workplaces(directory))
        if ended:
            logger.warning("ended %d processes that an earlier start left in %s", ended, directory)
        async with children() as started:
            machine = await _started(started, directory, kafka_port)
            logger.info("broker and database ready in %.1f s, data in %s", time.monotonic() - since, directory)
            async with _watched(started, on_loss):
                with _announced(directory, machine):
                    yield machine


def found(data: Path) -> Machine | None:
    """The machine that runs on this data directory now, for another command on this computer; None when none does."""
    try:
        directory = data.expanduser().resolve()
        if not is_claimed(directory):
            return None
        return replace(Machine(**json.loads((directory / ADDRESS).read_text())), first_start=False)
    except (OSError, ValueError):  # it is starting or stopping
        return None


async def _started(started: Children, directory: Path, kafka_port: int | None) -> Machine:
    cluster_id = fresh_cluster_id()
    logs = directory / LOGS
    try:
        async with asyncio.TaskGroup() as both:
            broker = both.create_task(
                broker_started(started, directory / BROKER, logs / "broker.log", cluster_id, kafka_port)
            )
            postgres = both.create_task(postgres_started(started, directory, logs / "postgres.log"))
    except BaseExceptionGroup as failures:
        raise _first(failures) from None
    database, first_start = postgres.result()
    return Machine(broker.result(), database, cluster_id, first_start)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """One failure to tell: ours, when one of them is."""
    return next((one for one in failures.exceptions if isinstance(one, EmbeddedError)), failures.exceptions[0])


@asynccontextmanager
async def _watched(started: Children, on_loss: Callable[[ChildFailed], None] | None) -> AsyncIterator[None]:
    async def watch() -> None:
        failure = (await started.lost()).failure()
        logger.error("%s", failure)
        if on_loss is not None:
            on_loss(failure)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


@contextmanager
def _announced(directory: Path, machine: Machine) -> Iterator[None]:
    address = directory / ADDRESS
    unfinished = address.with_suffix(".new")
    try:
        unfinished.write_text(json.dumps(asdict(machine)) + "\n")
        os.replace(unfinished, address)
    except OSError as error:
        raise unwritable(directory, error) from error
    try:
        yield
    finally:
        address.unlink(missing_ok=True)


def prepared(directory: Path) -> None:
    try:
        (directory / ADDRESS).unlink(missing_ok=True)
        for name in (BROKER, LOGS):
            (directory / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise unwritable(directory, error) from error


def workplaces(directory: Path) -> list[Path]:
    """Every directory that a child of ours may work in."""
    places = (directory / BROKER, directory / CLUSTER, *directory.glob(f"{UNFINISHED}*"))
    return [place for place in places if place.is_dir()]
