"""Connections are counted, in all and by address; where there are too many, an idle one makes room."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from pathline_gateway.limits.connections import Connections
from pathline_gateway.limits.table import Limits


@dataclass(eq=False)
class Connection:
    """One that does nothing."""

    counted: Connections
    address: str
    is_idle: bool = True
    deadline: float = math.inf
    open: bool = True

    def on_overdue(self) -> None:
        self.abort()

    def abort(self) -> None:
        self.open = False
        self.counted.unregister(self, self.address)


def _opened(counted: Connections, address: str, *, is_idle: bool = True) -> tuple[Connection, str | None]:
    """A connection from there, and past which limit it was."""
    connection = Connection(counted, address, is_idle)
    passed = counted.register(connection, address)
    return connection, None if passed is None else passed.name


@pytest.mark.limit("connections-of-an-address")
async def test_one_address_has_so_many_and_another_is_let_in() -> None:
    counted = Connections(Limits(connections_of_an_address=5, connections=50))
    of_one = [_opened(counted, "192.0.2.1") for _ in range(6)]
    assert [passed for _, passed in of_one] == [None] * 5 + ["connections-of-an-address"]
    assert _opened(counted, "192.0.2.2")[1] is None
    of_one[0][0].abort()
    assert _opened(counted, "192.0.2.1")[1] is None


@pytest.mark.limit("connections")
async def test_one_that_waits_makes_room_for_somebody_who_has_fewer() -> None:
    counted = Connections(Limits(connections_of_an_address=50, connections=10))
    greedy = [_opened(counted, "192.0.2.1", is_idle=n > 0)[0] for n in range(10)]
    assert _opened(counted, "192.0.2.2")[1] is None
    assert [each.open for each in greedy[:3]] == [True, False, True]
    assert len(counted) == 10
    assert _opened(counted, "192.0.2.1")[1] == "connections"


async def test_nothing_that_is_answered_is_closed_for_somebody_else() -> None:
    counted = Connections(Limits(connections_of_an_address=50, connections=10))
    busy = [_opened(counted, "192.0.2.1", is_idle=False)[0] for _ in range(10)]
    assert _opened(counted, "192.0.2.2")[1] == "connections"
    assert all(each.open for each in busy)
