"""The shards of dispatch: which of them a subscription belongs to. Pure."""

from __future__ import annotations

from typing import Final
from uuid import UUID

SHARD_COUNT: Final = 8
"""As migration 0061 has it. So many processes can dispatch at once; one of them does all shards where it is alone."""
ALL_SHARDS: Final = tuple(range(SHARD_COUNT))


def shard_of(subscription: UUID) -> int:
    """The shard of this subscription, for good: the column `subscription.shard`."""
    return subscription.bytes[-1] % SHARD_COUNT
