"""Puts our bounded fetcher where aiokafka looks its own up: it offers no other way to choose one.

Why: aiokafka 0.14 decompresses each batch whole and inside the event loop, and decodes header names strictly. An error
in one batch leaves the poll, which forgets what it had read of others. So one record of anybody who may publish would
stop intake (decisions 32 and 47).

No upstream issue is known; decision 47 has the text for one. `tests/gateway/kafka/fetch/test_patch.py` fails where a
new aiokafka looks these names up elsewhere, or has changed what we override.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from aiokafka.consumer import consumer, fetcher

from pathline_gateway.kafka.fetch.fetcher import (
    BoundedBatches,
    BoundedFetcher,
    BoundedFetchResult,
    BoundedPartitionRecords,
)

REPLACEMENTS: Final[tuple[tuple[ModuleType, str, type], ...]] = (
    (fetcher, "MemoryRecords", BoundedBatches),
    (fetcher, "PartitionRecords", BoundedPartitionRecords),
    (fetcher, "FetchResult", BoundedFetchResult),
    (consumer, "Fetcher", BoundedFetcher),
)
"""In which module of aiokafka which name is ours."""


def patch_aiokafka() -> None:
    """Every consumer that this process makes from now on reads within bounds."""
    for module, name, replacement in REPLACEMENTS:
        setattr(module, name, replacement)
