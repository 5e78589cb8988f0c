"""What all who write to topics share in a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import Final

import asyncpg

from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.kafka.out_broker import OutBroker

_CONCURRENT_READS: Final = 4
"""Connections to Postgres that writers read with at once: other works need the rest."""


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """The numbers of writing; those of production where nothing is said."""

    batch_size: int = 1_000
    """Events of one write: of one transaction, where there are any."""
    lease_s: float = 20.0
    """How long a process writes a series alone without renewing that."""
    linger_s: float = 10.0
    """How long a writer stays that has nothing to write: to begin again takes longer than a write."""
    max_age_s: float = 1.0
    """A batch that waited longer is rendered anew: the moment of writing decides who may see it."""
    poll_s: float = 0.1
    """How long a writer may not notice what another process gave."""


@dataclass(frozen=True, slots=True)
class WriteContext:
    """What every writer of a process needs."""

    pool: asyncpg.Pool
    secret: bytes
    clock: Callable[[], datetime]
    """What is seen at which instant."""
    broker: OutBroker
    auth_disabled: bool
    """Auth is off: see the dispatcher."""
    limits: Limits = field(default_factory=Limits)
    policy: WritePolicy = field(default_factory=WritePolicy)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """When something was written, and is tried again."""
    rng: Random = field(default_factory=SystemRandom)
    reads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CONCURRENT_READS))
