"""Who is connected: how many in all and from one address, and which of them are overdue."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from pathline_gateway.limits.limit import NamedLimit
from pathline_gateway.limits.table import Limits

_LOOK_EVERY_S: Final = 0.25
"""How much later than it is due an overdue connection is noticed."""
_AT_ONCE: Final = 50
_PAUSE_S: Final = 0.01
"""So many are told that they are overdue; then others have their turn."""


class Connected(Protocol):
    """One connection."""

    until: float
    """When it is overdue, by the clock of the event loop."""

    @property
    def waits(self) -> bool:
        """Whether it has nothing that is being answered: it may be given up for somebody else."""

    def overdue(self) -> None:
        """It ends, or is given more time."""

    def give_up(self) -> None:
        """It ends at once."""


class Connections:
    """The open connections of a process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_address: dict[str, dict[Connected, None]] = {}
        self._open: dict[Connected, None] = {}
        self._looking: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Connected, address: str | None) -> NamedLimit | None:
        """It is counted, or may not be open for this limit. Without an `address` only the connections in all count.

        Where there are too many in all, one that waits makes room: of the address that has most, and more than this.
        """
        same = {} if address is None else self._by_address.get(address, {})
        if len(same) >= self._limits.connections_of_an_address:
            return self._limits.named("connections_of_an_address")
        if len(self._open) >= self._limits.connections and not self._room_made(len(same)):
            return self._limits.named("connections")
        self._open[connection] = None
        if address is not None:
            self._by_address.setdefault(address, {})[connection] = None
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look)
        return None

    def closed(self, connection: Connected, address: str | None) -> None:
        """It is counted no longer; nothing where it was not."""
        self._open.pop(connection, None)
        same = None if address is None else self._by_address.get(address)
        if address is not None and same is not None:
            same.pop(connection, None)
            if not same:
                del self._by_address[address]

    def _room_made(self, has: int) -> bool:
        most = max(self._by_address.values(), key=len, default={})
        if len(most) <= has + 1:
            return False
        waiting = next((each for each in most if each.waits), None)
        if waiting is None:
            return False
        waiting.give_up()
        return len(self._open) < self._limits.connections

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        overdue = [each for each in self._open if each.until <= now]
        for connection in overdue[:_AT_ONCE]:
            connection.overdue()
        again = _PAUSE_S if len(overdue) > _AT_ONCE else _LOOK_EVERY_S
        self._looking = loop.call_later(again, self._look) if self._open else None
