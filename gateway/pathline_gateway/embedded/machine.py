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

from pathline_gateway.log_cause import because

from .broker import generate_cluster_id, start_broker
from .child_process import Children, children
from .data_dir_lock import claim_directory, is_claimed, unwritable_error
from .errors import ChildFailed, EmbeddedError
from .orphan_cleanup import stop_orphans
from .postgres import CLUSTER, UNFINISHED_PREFIX, start_postgres

logger = logging.getLogger(__name__)

ADDRESS_FILE = "machine.json"
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
async def run_machine(
    data: Path, *, kafka_port: int | None = None, on_loss: Callable[[ChildFailed], None] | None = None
) -> AsyncIterator[Machine]:
    """The broker and the database are ready; when the block is left, however, both have ended.

    Enter it on the event loop of a thread that lives as long as the block, such as the main thread. The kernel ends the
    children when the thread that started them dies. Signals are the caller's: leave the block to stop.

    `kafka_port` is a fixed port for the broker instead of a free one. `on_loss` is called when one of the two ends by
    itself. Nothing is started again, because the broker's log has gone with it.

    Raises an `EmbeddedError` whose text is one line for the person who started it.
    """
    started_at = time.monotonic()
    async with claim_directory(data) as directory:
        prepare_directory(directory)
        orphan_count = await stop_orphans(directory, find_workplaces(directory))
        if orphan_count:
            logger.warning(
                "ended %d processes that an earlier start left in %s", orphan_count, directory, extra=because("orphans")
            )
        async with children() as child_group:
            machine = await _start_machine(child_group, directory, kafka_port)
            logger.info(
                "broker and database ready in %.1f s, data in %s",
                time.monotonic() - started_at,
                directory,
                extra=because("started"),
            )
            async with _watch_children(child_group, on_loss):
                with _announce(directory, machine):
                    yield machine


def find_machine(data: Path) -> Machine | None:
    """The machine that runs on this data directory now, for another command on this computer; None when none does."""
    try:
        directory = data.expanduser().resolve()
        if not is_claimed(directory):
            return None
        return replace(Machine(**json.loads((directory / ADDRESS_FILE).read_text())), first_start=False)
    except (OSError, ValueError):  # it is starting or stopping
        return None


async def _start_machine(child_group: Children, directory: Path, kafka_port: int | None) -> Machine:
    cluster_id = generate_cluster_id()
    logs = directory / LOGS
    try:
        async with asyncio.TaskGroup() as tasks:
            broker = tasks.create_task(
                start_broker(child_group, directory / BROKER, logs / "broker.log", cluster_id, kafka_port)
            )
            postgres = tasks.create_task(start_postgres(child_group, directory, logs / "postgres.log"))
    except BaseExceptionGroup as failures:
        raise _first_failure(failures) from None
    database, first_start = postgres.result()
    return Machine(broker.result(), database, cluster_id, first_start)


def _first_failure(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """One failure to tell: ours, when one of them is."""
    return next(
        (failure for failure in failures.exceptions if isinstance(failure, EmbeddedError)), failures.exceptions[0]
    )


@asynccontextmanager
async def _watch_children(child_group: Children, on_loss: Callable[[ChildFailed], None] | None) -> AsyncIterator[None]:
    async def watch() -> None:
        failure = (await child_group.wait_for_loss()).failure()
        logger.error("%s", failure, extra=because(failure))
        if on_loss is not None:
            on_loss(failure)

    watch_task = asyncio.create_task(watch())
    try:
        yield
    finally:
        watch_task.cancel()


@contextmanager
def _announce(directory: Path, machine: Machine) -> Iterator[None]:
    address_file = directory / ADDRESS_FILE
    temporary_file = address_file.with_suffix(".new")
    try:
        temporary_file.write_text(json.dumps(asdict(machine)) + "\n")
        os.replace(temporary_file, address_file)
    except OSError as error:
        raise unwritable_error(directory, error) from error
    try:
        yield
    finally:
        address_file.unlink(missing_ok=True)


def prepare_directory(directory: Path) -> None:
    try:
        (directory / ADDRESS_FILE).unlink(missing_ok=True)
        for name in (BROKER, LOGS):
            (directory / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise unwritable_error(directory, error) from error


def find_workplaces(directory: Path) -> list[Path]:
    """Every directory that a child of ours may work in."""
    directories = (directory / BROKER, directory / CLUSTER, *directory.glob(f"{UNFINISHED_PREFIX}*"))
    return [workplace for workplace in directories if workplace.is_dir()]
