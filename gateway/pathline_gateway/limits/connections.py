"""Who is connected: how many in all and from one address, and which of them are overdue."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from pathline_gateway.limits.limit import NamedLimit
from pathline_gateway.limits.table import Limits

_CHECK_EVERY_S: Final = 0.25
"""How much later than it is due an overdue connection is noticed."""
_OVERDUE_BATCH: Final = 50
_PAUSE_S: Final = 0.01
"""So many are told that they are overdue; then others have their turn."""


class OpenConnection(Protocol):
    """One connection."""

    deadline: float
    """When it is overdue, by the clock of the event loop."""

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing that is being answered: it may be given up for somebody else."""

    def on_overdue(self) -> None:
        """It ends, or is given more time."""

    def abort(self) -> None:
        """Closes the connection at once."""


class Connections:
    """The open connections of a process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_address: dict[str, dict[OpenConnection, None]] = {}
        self._connections: dict[OpenConnection, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._connections)

    def register(self, connection: OpenConnection, address: str | None) -> NamedLimit | None:
        """It is counted, or may not be open for this limit. Without an `address` only the connections in all count.

        Where there are too many in all, one that waits makes room: of the address that has most, and more than this.
        """
        same_address = {} if address is None else self._by_address.get(address, {})
        if len(same_address) >= self._limits.connections_of_an_address:
            return self._limits.named_limit("connections_of_an_address")
        if len(self._connections) >= self._limits.connections and not self._make_room(len(same_address)):
            return self._limits.named_limit("connections")
        self._connections[connection] = None
        if address is not None:
            self._by_address.setdefault(address, {})[connection] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_CHECK_EVERY_S, self._check_overdue)
        return None

    def unregister(self, connection: OpenConnection, address: str | None) -> None:
        """It is counted no longer; nothing where it was not."""
        self._connections.pop(connection, None)
        same_address = None if address is None else self._by_address.get(address)
        if address is not None and same_address is not None:
            same_address.pop(connection, None)
            if not same_address:
                del self._by_address[address]

    def _make_room(self, own_count: int) -> bool:
        largest = max(self._by_address.values(), key=len, default={})
        if len(largest) <= own_count + 1:
            return False
        idle_connection = next((each for each in largest if each.is_idle), None)
        if idle_connection is None:
            return False
        idle_connection.abort()
        return len(self._connections) < self._limits.connections

    def _check_overdue(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        overdue = [each for each in self._connections if each.deadline <= now]
        for connection in overdue[:_OVERDUE_BATCH]:
            connection.on_overdue()
        next_check_s = _PAUSE_S if len(overdue) > _OVERDUE_BATCH else _CHECK_EVERY_S
        self._timer = loop.call_later(next_check_s, self._check_overdue) if self._connections else None
