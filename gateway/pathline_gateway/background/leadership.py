"""Which works this process leads: each is led by one process of a deployment at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import asyncpg

from pathline_gateway.background.supervisor import Loop

Confirm = Callable[[asyncpg.Connection], Awaitable[bool]]
"""Whether this process leads a certain work, in the transaction that writes: see `Leadership.confirm`."""


class Leadership(Protocol):
    """What a work asks before a turn, and again in its transaction."""

    def led(self, works: Sequence[str]) -> Sequence[str]:
        """Those of these that this process leads, as far as it knows."""

    async def confirm(self, connection: asyncpg.Connection, works: Sequence[str]) -> bool:
        """Whether it leads all of these still. Call within the transaction that writes, before it writes.

        A process that was stopped and wakes up again may not know that another has taken over.
        """


class SoleProcess:
    """There is no other process: this one leads everything. For tests, and for commands."""

    def led(self, works: Sequence[str]) -> Sequence[str]:
        """All of them."""
        return works

    async def confirm(self, connection: asyncpg.Connection, works: Sequence[str]) -> bool:
        """It does."""
        return True


async def confirmed(_: asyncpg.Connection) -> bool:
    """It does: there is nobody else."""
    return True


def confirm_work(leadership: Leadership, work: str) -> Confirm:
    """Asks it of one work."""

    async def confirm(connection: asyncpg.Connection) -> bool:
        return await leadership.confirm(connection, (work,))

    return confirm


def led_alone(loop: Loop, leadership: Leadership) -> Loop:
    """The same loop: its turns are empty while another process leads the work."""

    async def run_once() -> object:
        return await loop.run_once() if leadership.led((loop.work,)) else False

    return loop._replace(run_once=run_once)
