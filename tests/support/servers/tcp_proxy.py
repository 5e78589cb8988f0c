"""A TCP proxy on a thread of its own that delays, cuts, and lets half of what comes through."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
_CHUNK = 64 * 1024


class Proxy:
    """Between clients on loopback and a Unix socket, whether anybody listens there or not."""

    def __init__(self, to: Path) -> None:
        # The address of a Unix socket has 107 bytes at most, and folders of tests are longer.
        self._short = Path(tempfile.mkdtemp(prefix="proxy-"))
        self._to = self._short / "to" / to.name
        (self._short / "to").symlink_to(to.parent)
        self.port = 0
        self.delay = 0.0
        """Seconds that every piece waits, in both directions."""
        self._halve = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        (self._short / "to").unlink()
        self._short.rmdir()

    def cut(self) -> None:
        """Every connection is reset."""
        self._loop.call_soon_threadsafe(self._cut)

    def halve(self) -> None:
        """Of the next piece, whichever way, half arrives; then its connection is reset."""
        self._halve = True

    def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        self._cut()
        own = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_unix_connection(str(self._to))
        except OSError:
            writer.transport.abort()
            return
        both = {writer, back}
        self._open |= both
        try:
            with suppress(asyncio.CancelledError):  # the proxy is closed
                await asyncio.gather(self._pass(reader, back, both), self._pass(there, writer, both))
        finally:
            self._open -= both
            for each in both:
                each.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, both: set[asyncio.StreamWriter]
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(_CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self._halve and len(piece) > 1:
                    self._halve = False
                    writer.write(piece[: len(piece) // 2])
                    await writer.drain()
                    break
                writer.write(piece)
                await writer.drain()
        for each in both:
            each.transport.abort() if each is not writer else each.close()
