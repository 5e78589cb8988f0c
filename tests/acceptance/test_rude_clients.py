"""A caller that goes away in the middle takes nothing with it."""

from __future__ import annotations

import signal
import socket
import struct
from pathlib import Path

import httpx

from support.gateways.process import running

_RESET = struct.pack("ii", 1, 0)
"""Close at once, without waiting for what is still to come: the other side's next write finds nobody."""


def _asks_and_goes_away(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: here\r\n\r\n" * 8)
        caller.recv(1)
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def test_callers_that_go_away_in_the_middle_of_answers_leave_the_gateway_alive(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        # What the kernel sends to a process that writes to whoever has gone, if the process has not asked it not to.
        gateway.process.send_signal(signal.SIGPIPE)
        for _ in range(50):
            _asks_and_goes_away(gateway.port)
            assert gateway.process.poll() is None, gateway.log.read_text()
        assert httpx.get(f"http://127.0.0.1:{gateway.port}/readyz").status_code == 200
