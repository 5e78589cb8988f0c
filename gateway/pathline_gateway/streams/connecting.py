"""Connections to sinks: a name is resolved here, every address it has is looked at, and one of those is connected to.

Nothing resolves the name a second time, so it cannot lead elsewhere by then.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpcore

from pathline_gateway.streams.addresses import Reach, all_may_be_reached

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, best first. Raises OSError."""

_RESOLVERS: Final = ThreadPoolExecutor(16, "resolving sinks")
"""Of our own: a name server that does not answer must not keep others from a thread."""


class AddressRefused(httpcore.ConnectError):
    """The name has an address that nothing is posted to."""


async def resolved(name: str, port: int) -> Sequence[str]:
    """The addresses that the system knows."""
    found = await asyncio.get_running_loop().run_in_executor(_RESOLVERS, _look_up, name, port)
    return [str(address[0]) for *_, address in found]


def _look_up(name: str, port: int) -> Sequence[tuple[object, object, object, object, tuple[object, ...]]]:
    return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)


class Guarded(httpcore.AsyncNetworkBackend):
    """Connects to addresses that may be reached. Raises AddressRefused where a name has another."""

    def __init__(self, reach: Reach, resolve: Resolve) -> None:
        self._reach, self._resolve, self._network = reach, resolve, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to an address of this name."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from None
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("the name cannot be resolved") from None
        if not all_may_be_reached(addresses, self._reach):
            raise AddressRefused("an address of the name may not be connected to")
        return await self._first_of(addresses, port, timeout, local_address, socket_options)

    async def _first_of(
        self,
        addresses: Sequence[str],
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first that takes one, of the first two: the other is often of the other family."""
        *tried, last = list(dict.fromkeys(addresses))[:2]
        for address in tried:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await self._network.connect_tcp(last, port, timeout, local_address, socket_options)
