"""What the endpoints of subscriptions work with, besides the pools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from pathline_gateway.limits.concurrency_limit import ConcurrencyLimit
from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.api.subscription_budget import SubscriptionBudget
from pathline_gateway.streams.kafka.topic_service import TopicService
from pathline_gateway.streams.sse.stream import SseStreams
from pathline_gateway.streams.webhooks.sender import WebhookSender
from pathline_gateway.web.context import service


@dataclass(frozen=True)
class SubscriptionAdmission:
    """Whether there is room for a further subscription, and for a further dry run."""

    limits: Limits
    budget: SubscriptionBudget
    dry_runs: ConcurrencyLimit

    @classmethod
    def within(cls, limits: Limits) -> SubscriptionAdmission:
        """As much as these limits say."""
        dry_runs = ConcurrencyLimit(limits.named_limit("dry_runs"), limits.named_limit("dry_runs_at_once"))
        return cls(limits, SubscriptionBudget(limits), dry_runs)


Admission = Annotated[SubscriptionAdmission, Depends(service(SubscriptionAdmission))]
EventStreams = Annotated[SseStreams, Depends(service(SseStreams))]
Topics = Annotated[TopicService, Depends(service(TopicService))]
Sender = Annotated[WebhookSender, Depends(service(WebhookSender))]
