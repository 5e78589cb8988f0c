"""A housing office's list of who is sent to it: it reads the topic of its subscription, and publishes nothing.

It keeps what it must do, and no more: which hand-off, on which pathway, and since when nobody has answered. Names are
the office's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from faststream import FastStream
from faststream.kafka import KafkaBroker

from pathline.delivery import Names
from pathline.topic import SubscriptionTopic
from pathline.vocabulary import HandoffAccepted, HandoffCancelled, HandoffDeclined, HandoffOffered
from pathline.vocabulary.notices import HandoffSilent

FILTERS = [{"prefix": {"type": "org.pathline.handoff."}}]
"""What the subscription asks for."""


@dataclass(frozen=True, slots=True)
class Referral:
    """Somebody is sent to this office, and waits for an answer."""

    handoff: str
    pathway: str | None
    """None where the office does not know the person yet."""
    offered: str | None
    """When it was offered (RFC 3339)."""
    silent_since: str | None = None
    """Until when an answer was due that did not come."""


@dataclass
class ReferralInbox:
    """The referrals that wait, by hand-off. A delivery that comes again changes nothing."""

    waiting: dict[str, Referral] = field(default_factory=dict)
    on_change: Callable[[], None] = lambda: None

    async def offered(self, handoff: HandoffOffered, names: Names) -> None:
        """It waits, unless it does already."""
        if handoff.handoff is not None:
            self.waiting.setdefault(handoff.handoff, Referral(handoff.handoff, names.pathway, names.time))
        self.on_change()

    async def answered(self, answer: HandoffAccepted | HandoffDeclined | HandoffCancelled, _: Names) -> None:
        """It waits no longer."""
        if answer.handoff is not None:
            self.waiting.pop(answer.handoff, None)
        self.on_change()

    async def silent(self, notice: HandoffSilent, _: Names) -> None:
        """It is overdue."""
        if (referral := self.waiting.get(notice.data.handoff)) is not None:
            due = notice.data.due.isoformat()
            self.waiting[referral.handoff] = replace(referral, silent_since=due)
        self.on_change()


def app(kafka: str, topic: str, inbox: ReferralInbox) -> FastStream:
    """Reads the topic of the office's subscription."""
    broker = KafkaBroker(kafka)
    told = SubscriptionTopic(broker, topic)
    told.on(HandoffOffered)(inbox.offered)
    told.on(HandoffAccepted)(inbox.answered)
    told.on(HandoffDeclined)(inbox.answered)
    told.on(HandoffCancelled)(inbox.answered)
    told.on(HandoffSilent)(inbox.silent)
    return FastStream(broker)
