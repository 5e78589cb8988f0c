"""The Postgres that all tests of a run share, in a process of its own: started when the first test asks for it.

    process.py PLACE     answers on the unix socket PLACE/asked, and ends with its standard input

It is a process because the kernel ends a server with the thread that started it, and a worker of pytest may end early.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from pathlib import Path

from pathline_gateway.embedded import postgres
from pathline_gateway.embedded.child_process import Children, children
from support.postgres.databases import MIGRATED, SOCKET, Databases

SETTINGS = {
    # Many workers, each with some pools; and nothing here has to survive a power cut.
    "max_connections": "400",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "256MB",
}


class Asked:
    """Starts Postgres once, however many ask."""

    def __init__(self, place: Path, started: Children) -> None:
        self._place, self._started = place, started
        self._starting: asyncio.Task[str] | None = None

    async def answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The address of its empty database; or, after a `!`, why there is none."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        try:
            reply = await asyncio.shield(self._starting)
        except Exception as failed:
            reply = f"!{type(failed).__name__}: {failed}"
        writer.write(reply.encode())
        await writer.drain()
        writer.close()

    async def _start(self) -> str:
        dsn, _ = await postgres.start_postgres(self._started, self._place, self._place / "postgres.log")
        found = Databases(dsn)
        await found.execute(f"create database {MIGRATED}")
        await Databases(found.database(MIGRATED), MIGRATED).migrated()
        return dsn


async def main(place: Path) -> None:
    """Answers until nobody is left to ask; then the place is gone."""
    place.mkdir()
    postgres.SETTINGS.update(SETTINGS)  # of this process alone: a test that starts its own has the product's
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with children() as started:
        server = await asyncio.start_unix_server(Asked(place, started).answer, place / SOCKET)
        print("listening", flush=True)
        ended = [asyncio.create_task(each) for each in (reader.read(), over.wait())]
        await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
        for each in ended:
            each.cancel()
        server.close()
    shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
