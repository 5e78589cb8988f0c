"""What all sink workers of a process share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random, SystemRandom

import asyncpg

from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.webhooks.concurrency import ConcurrencyLimiter
from pathline_gateway.streams.webhooks.sender import WebhookSender


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What every worker of a process needs."""

    pool: asyncpg.Pool
    secret: bytes
    clock: Callable[[], datetime]
    """What is seen at which instant."""
    sender: WebhookSender
    auth_disabled: bool
    """Auth is off: see the dispatcher."""
    limits: Limits = field(default_factory=Limits)
    rng: Random = field(default_factory=SystemRandom)
    limiter: ConcurrencyLimiter = field(default_factory=ConcurrencyLimiter)
