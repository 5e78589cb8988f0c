"""What a projection must be able to do to be rebuilt while the gateway works."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import asyncpg

from pathline_gateway.integrity.rebuild.shadow_schema import RebuildPosition


@dataclass(frozen=True)
class Difference:
    """How many pathways (or totals) were compared, how many differ, and the ids of the pathways that do."""

    projection: str
    compared_count: int
    differing_count: int
    pathways: Sequence[str] = ()


class Projection(Protocol):
    """Something derived from what is stored. Each call runs inside a transaction that its caller holds."""

    name: str

    async def build(self, connection: asyncpg.Connection) -> None:
        """It stands beside the live one, as of this transaction's snapshot."""

    async def catch_up(
        self, connection: asyncpg.Connection, changed_refs: Collection[int], since: RebuildPosition, to: RebuildPosition
    ) -> Collection[int]:
        """It follows the live tables up to `to`, given the refs in the change log since. Returns further refs for the
        switch to look at."""

    async def find_differences(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Where the live one differs, by a digest a pathway, and the refs of those pathways."""

    async def switch_over(self, connection: asyncpg.Connection) -> None:
        """The live one is what was built, for the suspects; whatever is served otherwise now is in the change log.

        Under the membership lock and the change-log lock: short.
        """
