"""The database of one machine alone, for a command: the one that runs, or one started for a block."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from .child_process import children
from .data_dir_lock import claim_directory
from .errors import EmbeddedError
from .machine import LOGS, find_machine, find_workplaces, prepare_directory
from .orphan_cleanup import stop_orphans
from .postgres import CLUSTER, start_postgres


class NoDataThere(EmbeddedError):
    """Nothing was ever kept in this directory."""

    reason = "no-data-there"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        super().__init__(f"{directory} holds no data of a gateway: give the --data of one that has run")


@asynccontextmanager
async def open_database(data: Path) -> AsyncIterator[str]:
    """The DSN of the database in this directory. One that nobody runs is started, and has ended after the block.

    Raises an `EmbeddedError`, and leaves a directory without data as it was.
    """
    if (machine := find_machine(data)) is not None:
        yield machine.database
        return
    if not (data.expanduser().resolve() / CLUSTER).is_dir():
        raise NoDataThere(data)
    async with run_postgres_alone(data) as dsn:
        yield dsn


@asynccontextmanager
async def run_postgres_alone(data: Path) -> AsyncIterator[str]:
    """Postgres alone runs on this directory, which is made where there is none, as long as the block does."""
    async with claim_directory(data) as directory:
        prepare_directory(directory)
        await stop_orphans(directory, find_workplaces(directory))
        async with children() as child_group:
            dsn, _ = await start_postgres(child_group, directory, directory / LOGS / "postgres.log")
            yield dsn
