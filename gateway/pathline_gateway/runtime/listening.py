"""The port that a gateway listens on."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator


class CannotListen(Exception):
    """The address cannot be listened on."""


@contextlib.contextmanager
def bind_listener(host: str, port: int, *, shared: bool = False) -> Generator[socket.socket]:
    """The address is bound, and refuses connections until it is served; `shared`: with others of the same account that
    share it. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections still linger may be taken; one that somebody listens on may not.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            # The kernel gives each connection to one of those that listen, and none to one that ended.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            listener.bind((host, port))
        except (OSError, OverflowError) as error:
            raise CannotListen(_describe_bind_failure(host, port, error)) from None
        yield listener
    finally:
        listener.close()


def _describe_bind_failure(host: str, port: int, error: OSError | OverflowError) -> str:
    if isinstance(error, OverflowError):
        return f"there is no port {port}: choose one from 1 to 65535 with --port"
    if error.errno in (98, 48):  # EADDRINUSE on Linux and on macOS
        return f"port {port} on {host} is in use: stop what listens there, or choose another with --port"
    if error.errno == 13:
        return f"port {port} on {host} is for privileged processes only: choose one above 1023 with --port"
    return f"cannot listen on {host}: {error.strerror or error}; choose another address with --host"
