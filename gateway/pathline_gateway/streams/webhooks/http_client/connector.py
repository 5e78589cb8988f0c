"""Connections to sinks: resolves a name, checks each of its addresses, and connects to one of these.

Nothing resolves the name a second time, so it cannot lead elsewhere by then.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final

from pathline_gateway.streams.webhooks.http_client.address_filter import are_all_allowed
from pathline_gateway.streams.webhooks.http_client.connection import HttpConnection
from pathline_gateway.streams.webhooks.http_client.sink_url import Server

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, best first. Raises OSError."""

_RESOLVERS: Final = ThreadPoolExecutor(16, "resolving sinks")
"""Of our own: a name server that does not answer must not keep others from a thread."""


class AddressRefused(Exception):
    """The name has an address that nothing is posted to."""


async def resolve_name(name: str, port: int) -> Sequence[str]:
    """The addresses that the system knows; of an address, itself."""
    if _is_address(name):
        return [name]
    address_infos = await asyncio.get_running_loop().run_in_executor(_RESOLVERS, _getaddrinfo, name, port)
    return [str(address[0]) for *_, address in address_infos]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _getaddrinfo(name: str, port: int) -> Sequence[tuple[object, object, object, object, tuple[object, ...]]]:
    return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)


class HttpConnector:
    """Connects to servers at addresses that may be reached."""

    def __init__(self, resolve: Resolve, tls: ssl.SSLContext, connect_s: float) -> None:
        """`connect_s`: bounds the resolving of a name, and each connection that is tried."""
        self._resolve, self._tls, self._connect_s = resolve, tls, connect_s

    async def connect(self, server: Server, deadline: float) -> HttpConnection:
        """A connection, by this monotonic time. Raises AddressRefused where one address is refused; OSError."""
        try:
            async with self._timeout(deadline):
                addresses = await self._resolve(server.name, server.port)
        except UnicodeError:
            raise OSError("the name cannot be resolved") from None
        if not are_all_allowed(addresses, server.address_scope):
            raise AddressRefused("an address of the name may not be connected to")
        return await self._connect_first(addresses, server, deadline)

    async def _connect_first(self, addresses: Sequence[str], server: Server, deadline: float) -> HttpConnection:
        """A connection to the first that takes one, of the first two: the other is often of the other family."""
        *candidates, last = list(dict.fromkeys(addresses))[:2]
        for address in candidates:
            try:
                return await self._connect_to(address, server, deadline)
            except (TimeoutError, ssl.SSLError):
                raise
            except OSError:
                continue
        return await self._connect_to(last, server, deadline)

    async def _connect_to(self, address: str, server: Server, deadline: float) -> HttpConnection:
        """A connection to this address; its certificate is of the server's name."""
        loop = asyncio.get_running_loop()
        tls, name = (self._tls, server.name) if server.uses_tls else (None, None)
        async with self._timeout(deadline):
            _, connection = await loop.create_connection(
                HttpConnection, address, server.port, ssl=tls, server_hostname=name
            )
        return connection

    def _timeout(self, deadline: float) -> asyncio.Timeout:
        return asyncio.timeout(min(self._connect_s, deadline - time.monotonic()))
