"""Makes a loop fail as a whole, or one function of it for one record."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from pathline_gateway.background import supervisor as background
from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import Loop
from pathline_gateway.set_aside import gauge


class Injected(ValueError):
    """What no code of ours raises."""


@dataclass
class LoopControl:
    """The loops of a gateway, by the names of their works."""

    turns: dict[str, int] = field(default_factory=dict)
    """How many turns each has begun."""
    failing: set[str] = field(default_factory=set)
    """Those whose turns fail."""

    def turn(self, loop: Loop) -> Callable[[], Awaitable[object]]:
        async def counted() -> object:
            self.turns[loop.work] += 1
            if loop.work in self.failing:
                raise Injected
            return await loop.run_once()

        self.turns.setdefault(loop.work, 0)
        return counted


def control_loops(known: LoopControl, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways that are started from now on are known."""

    @contextlib.asynccontextmanager
    async def repeating(loop: Loop, health: Health) -> AsyncIterator[None]:
        quick = loop._replace(run_once=known.turn(loop), interval_s=min(loop.interval_s, 0.1))
        async with real(quick, health):
            yield

    real = background.supervised
    for module in ("runtime.gateway", "intake.service"):
        monkeypatch.setattr(importlib.import_module(f"pathline_gateway.{module}"), "supervised", repeating)
    monkeypatch.setattr(background, "_FAILURE_BACKOFF_S", (0.05, 0.1))
    monkeypatch.setattr(gauge, "_EVERY_S", 0.1)


@dataclass(frozen=True)
class Fault:
    """A function of a work that raises for one record."""

    work: str
    module: str
    name: str
    concerns: Callable[..., bool]
    everywhere: bool = False
    """Wherever it was imported, too."""
    replayed: bool = False
    """Whether something has to be replayed for it."""

    @property
    def id(self) -> str:
        return f"{self.work}-{self.name}"

    @contextlib.contextmanager
    def injected(self) -> Iterator[None]:
        """It raises as long as the block lasts."""
        where: Any = importlib.import_module(f"pathline_gateway.{self.module}")
        *path, last = self.name.split(".")
        for name in path:
            where = getattr(where, name)
        real = getattr(where, last)

        def raising(*args: Any, **named: Any) -> Any:
            if self.concerns(*args, **named):
                raise Injected
            return real(*args, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(where, last, raising)
            for name, module in list(sys.modules.items()) if self.everywhere else ():
                if name.startswith("pathline_gateway.") and getattr(module, last, None) is real:
                    patch.setattr(module, last, raising)
            yield
