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

_RETRY_AFTER_S: Final = 60
"""When to ask again, at the soonest: something has to be ended first."""


@dataclass(frozen=True, slots=True)
class SubscriptionBudget:
    """The limits of each organisation's subscriptions."""

    limits: Limits

    async def ensure_room(
        self, connection: asyncpg.Connection, org: str, form: SubscriptionForm, replaces: UUID | None = None
    ) -> None:
        """There is room for this subscription, until the transaction ends. Raises Problem."""
        limits = self.limits
        await budget_repository.lock(connection, org)
        purpose = form.config.purpose, form.config.authority
        demand = await budget_repository.fetch_demand(connection, org, replaces, *purpose)
        if demand.subscriptions >= limits.subscriptions:
            raise limits.named_limit("subscriptions").refusal(_RETRY_AFTER_S)
        if form.protocol == "KAFKA" and demand.topics >= limits.topics:
            raise limits.named_limit("topics").refusal(_RETRY_AFTER_S)
        if demand.filter_bytes + len(orjson.dumps(form.filters)) > limits.filter_bytes:
            raise limits.named_limit("filter_bytes").refusal()
        if demand.purposes + (not demand.known_purpose) > limits.purposes:
            raise limits.named_limit("purposes").refusal(_RETRY_AFTER_S)
