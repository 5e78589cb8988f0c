"""The database of one machine alone, for a command: the one that runs now, or one started for as long as a block."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from .child_process import children
from .data_dir_lock import claimed
from .errors import EmbeddedError
from .machine import LOGS, found, prepared, workplaces
from .orphan_cleanup import leftovers_ended
from .postgres import CLUSTER, postgres_started


class NoDataThere(EmbeddedError):
    """Nothing was ever kept in this directory."""

    reason = "no-data-there"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        super().__init__(f"{directory} holds no data of a gateway: give the --data of one that has run")


@asynccontextmanager
async def database(data: Path) -> AsyncIterator[str]:
    """The DSN of the database in this directory. One that nobody runs is started, and has ended after the block.

    Raises an `EmbeddedError`, and leaves a directory without data as it was.
    """
    if (machine := found(data)) is not None:
        yield machine.database
        return
    if not (data.expanduser().resolve() / CLUSTER).is_dir():
        raise NoDataThere(data)
    async with at_rest(data) as dsn:
        yield dsn


@asynccontextmanager
async def at_rest(data: Path) -> AsyncIterator[str]:
    """Postgres alone runs on this directory, which is made where there is none, as long as the block does."""
    async with claimed(data) as directory:
        prepared(directory)
        await leftovers_ended(directory, workplaces(directory))
        async with children() as started:
            dsn, _ = await postgres_started(started, directory, directory / LOGS / "postgres.log")
            yield dsn
