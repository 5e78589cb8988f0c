"""Reads what the resolution of people needs: all refs that any link connects with these, and their evidence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

import asyncpg

from pathline_gateway.identity import membership_repository
from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.resolution import StoredRef


class EvidenceReader(Protocol):
    """What the resolution of people reads from the store."""

    async def connected_refs(self, touched: Collection[int]) -> Collection[int]:
        """Every ref that any link, live or not, connects with these, through others too; but for what was proposed."""

    async def load_refs(self, numbers: Collection[int]) -> Mapping[int, StoredRef]:
        """These refs."""

    async def load_evidence(self, numbers: Collection[int]) -> Collection[Evidence]:
        """The live evidence that names any of these refs."""


class StoredEvidenceReader:
    """The neighbourhood in Postgres, as the evidence says that the membership writer has seen."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.source_numbers: dict[Evidence, int] = {}
        """The number of the source of each piece of evidence that was asked for."""

    async def connected_refs(self, touched: Collection[int]) -> Collection[int]:
        return await membership_repository.connected_refs(self._connection, touched)

    async def load_refs(self, numbers: Collection[int]) -> Mapping[int, StoredRef]:
        return {
            row["id"]: StoredRef(*row.values())
            for row in await membership_repository.load_refs(self._connection, numbers)
        }

    async def load_evidence(self, numbers: Collection[int]) -> Collection[Evidence]:
        rows = await membership_repository.live_evidence(self._connection, numbers)
        self.source_numbers |= {evidence_from_row(row): row["source"] for row in rows}
        return self.source_numbers.keys()


def evidence_from_row(row: Mapping[str, Any]) -> Evidence:
    """A row of evidence, with its source's name."""
    same, rank = row["kind"] == "same", EvidenceRank(row["rank"])
    return Evidence(
        row["source_name"], row["id"], same, row["ref_a"], row["ref_b"], rank, row["confidence"], row["asserted_at"]
    )
