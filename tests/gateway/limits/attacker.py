"""Requests as nobody should send them, over plain sockets, from addresses of one's own."""

from __future__ import annotations

import json
import select
import socket
import time
from dataclasses import dataclass
from typing import Any

ADDRESS = "127.0.0.2"


@dataclass(frozen=True)
class Answered:
    """What came back until the connection was closed, or the first answer was complete."""

    status: int | None
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def limit(self) -> object:
        return self.body.get("limit")

    @property
    def reason(self) -> str:
        return str(self.body.get("type", "")).removeprefix("urn:pathline:problem:")


def connected(port: int, address: str = ADDRESS) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(address, 0))


def head(method: str, path: str, *fields: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: here", *fields, "", ""]).encode()


def answer(connection: socket.socket) -> Answered:
    """The first answer; no status where the connection was closed without one."""
    said = b""
    while not _complete(said):
        try:
            more = connection.recv(65_536)
        except ConnectionResetError:
            more = b""
        if not more:
            break
        said += more
    beginning, _, body = said.partition(b"\r\n\r\n")
    lines = beginning.decode().split("\r\n")
    if not lines[0]:
        return Answered(None, {}, {})
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    first = body[: int(fields.get("content-length", len(body)))]
    return Answered(int(lines[0].split(" ")[1]), fields, json.loads(first) if first.startswith(b"{") else {})


def _complete(said: bytes) -> bool:
    beginning, end, body = said.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in beginning.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    return bool(end) and len(body) >= length


def flood(connection: socket.socket, piece: bytes, total: int) -> int:
    """Sends so many bytes, or as many as are taken; how many."""
    sent, either = 0, select.poll()
    either.register(connection, select.POLLIN | select.POLLOUT)
    while sent < total:
        ready = either.poll(10_000)
        if not ready or ready[0][1] & (select.POLLIN | select.POLLHUP | select.POLLERR):
            return sent  # an answer, or the end
        try:
            sent += connection.send(piece[: total - sent], socket.MSG_DONTWAIT)
        except (BrokenPipeError, ConnectionResetError):
            return sent
    return sent


def closed_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the other side closed it in this time, whatever it says before."""
    connection.settimeout(seconds)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            if not connection.recv(65_536):
                return True
    except ConnectionResetError:
        return True
    except TimeoutError:
        pass
    return False
