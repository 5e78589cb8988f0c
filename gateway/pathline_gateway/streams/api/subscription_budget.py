"""Whether an organisation may subscribe to more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
import orjson

from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.api.request_schemas import SubscriptionForm
from pathline_gateway.streams.subscriptions import budget_repository

_LATER_S: Final = 60
"""When to ask again, at the soonest: something has to be ended first."""


@dataclass(frozen=True, slots=True)
class SubscriptionBudget:
    """Of each organisation."""

    limits: Limits

    async def leaves_room(
        self, connection: asyncpg.Connection, org: str, wanted: SubscriptionForm, instead_of: UUID | None = None
    ) -> None:
        """There is room for this subscription, until the transaction ends. Raises Problem."""
        limits = self.limits
        await budget_repository.lock(connection, org)
        purpose = wanted.config.purpose, wanted.config.authority
        asked = await budget_repository.asked(connection, org, instead_of, *purpose)
        if asked.subscriptions >= limits.subscriptions:
            raise limits.named("subscriptions").refusal(_LATER_S)
        if asked.filter_bytes + len(orjson.dumps(wanted.filters)) > limits.filter_bytes:
            raise limits.named("filter_bytes").refusal()
        if asked.purposes + (not asked.known_purpose) > limits.purposes:
            raise limits.named("purposes").refusal(_LATER_S)
