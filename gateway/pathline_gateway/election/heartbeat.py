"""Says that this process lives, from a thread of its own: a busy event loop is no dead process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import asyncpg

from pathline_gateway.election import repository as election_repository
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS, session_name

_INTERVAL_S: Final = 0.5
_TIMEOUT_S: Final = 2.0


class Heartbeat:
    """Runs as long as the block does. A process that is stopped stops its threads, too."""

    def __init__(self, database: str, lifetime: timedelta, process: Callable[[], int | None]) -> None:
        """`process`: its number now, where it has one."""
        self._database, self._lifetime, self._process = database, lifetime, process
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self.valid_until = 0.0
        """Until when others take this process to be alive, by the monotonic clock."""

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(2 * _TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopped.wait(_INTERVAL_S):
            # Postgres may be away: whoever cannot say that it lives is taken for dead, and knows it by the time.
            with contextlib.suppress(*UNAVAILABLE_ERRORS, OSError):
                asyncio.run(self._beat_while_connected())

    async def _beat_while_connected(self) -> None:
        connection = await asyncpg.connect(
            self._database,
            timeout=_TIMEOUT_S,
            command_timeout=_TIMEOUT_S,
            server_settings={"application_name": f"pathline-gateway heartbeat {session_name()}"},
        )
        try:
            while not self._stopped.is_set():
                began, process = time.monotonic(), self._process()
                if process is not None and await election_repository.renew(connection, process, self._lifetime):
                    self.valid_until = began + self._lifetime.total_seconds()
                await asyncio.sleep(_INTERVAL_S)
        finally:
            connection.terminate()
