"""Tansu as a test's broker: the one that the embedded machine starts."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pathline_gateway.embedded.broker import HOST, start_broker
from pathline_gateway.embedded.child_process import children


class Tansu:
    """One broker whose log is in memory; `empty` starts another in its place, as a restart of the machine does."""

    def __init__(self, place: Path) -> None:
        self._place = place / "tansu"
        self._place.mkdir()
        self._lives = 0
        self.bootstrap = ""
        self.cluster_id = ""

    async def __aenter__(self) -> Self:
        await self._begun(None)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._block.__aexit__(None, None, None)

    @property
    def log(self) -> Path:
        """What it says."""
        return self._place / "tansu.log"

    def client(self) -> dict[str, Any]:
        """aiokafka's keyword arguments."""
        return {"bootstrap_servers": self.bootstrap}

    async def empty(self) -> None:
        """Ended, and started again as a new cluster with nothing in its log, at the same address."""
        await self._block.__aexit__(None, None, None)
        await self._begun(int(self.bootstrap.removeprefix(f"{HOST}:")))

    async def _begun(self, port: int | None) -> None:
        self._lives += 1
        self.cluster_id = f"tansu-life-{self._lives}"
        self._block = children()
        self._children = await self._block.__aenter__()
        self.bootstrap = await start_broker(self._children, self._place, self.log, self.cluster_id, port)
