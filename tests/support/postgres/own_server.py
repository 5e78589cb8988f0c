"""A Postgres of a test's own: the embedded one, started alone, that can be killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from pathline_gateway.embedded.child_process import Children
from pathline_gateway.embedded.postgres import start_postgres
from support.postgres.databases import Databases


class OwnPostgres(Databases):
    """Postgres on a unix socket. Enter it from the main thread: the server dies with the thread that started it."""

    def __init__(self, place: Path) -> None:
        self._place = place / "postgres"
        self._place.mkdir(parents=True)
        super().__init__("")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        asyncio.run(self._children.stop_all())

    @property
    def pid(self) -> int:
        return self._children._children[-1].pid

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._place / "postgres" / ".s.PGSQL.5432"

    def start(self) -> None:
        """It accepts connections, on the data it had."""
        self._children = Children()
        self.dsn, _ = asyncio.run(start_postgres(self._children, self._place, self._place / "log"))

    def kill(self) -> None:
        """SIGKILL to the postmaster and, as it is the leader of its session, to every backend."""
        os.killpg(self.pid, signal.SIGKILL)
        asyncio.run(self._children.stop_all())
