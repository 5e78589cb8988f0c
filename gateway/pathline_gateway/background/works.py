"""The names of all background works; no other is started. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Work(NamedTuple):
    """One thing that goes on beside the requests."""

    name: str
    """In `/v1/status`, as a metric's attribute, and for commands: stable."""
    title: str
    """For people."""
    kind: str | None
    """What it sets aside; None where it goes over no records, and fails as a whole or not at all."""
    impact: str
    """What is missing while it fails, in one sentence."""


_PATHWAY_IMPACT: Final = "Subscriptions get nothing of a pathway that is set aside; its events come later, in order."

_ALL_WORKS: Final = (
    Work(
        "membership",
        "Who is who",
        "evidence",
        "Its pathways show each organisation its own steps, and nothing to anybody else.",
    ),
    Work("hand-offs", "Hand-offs as they stand", "hand-off", "Such a hand-off is shown as it stood, or not at all."),
    Work("silence", "Saying who is silent", "hand-off", "Nobody is told that such a hand-off is silent."),
    Work("closed-hand-offs", "Telling of hand-offs that ended", "hand-off", "Such a hand-off is in no metric."),
    Work("dispatch", "Dispatch to subscriptions", "pathway", _PATHWAY_IMPACT),
    Work("delivery", "Delivery to readers", "pathway", _PATHWAY_IMPACT),
    Work("replays", "Replays", "subscription", "Such a replay stands still; it goes on where it was."),
    Work("webhooks", "Posting to sinks", "subscription", "Nothing is posted to such a sink; it waits, in order."),
    Work("kafka-out", "Writing to topics", None, "What subscriptions read on a topic comes later, in order."),
    Work("kafka-topics", "Making topics of subscriptions", None, "New topics are not there yet, ended ones still are."),
    Work("kafka-revisions", "Telling of what was taken back", None, "Readers of topics learn it later."),
    Work("election", "Agreeing on who leads which work", None, "Another process leads what this one led."),
    Work("streams", "Waking open streams", None, "Streams learn later what another process delivered."),
    Work("partitions", "Making room for next year", None, "Next year's events are not stored until it is done."),
    Work(
        "stored-form",
        "Rendering what earlier versions stored",
        "interaction",
        "Such a step stays as it was stored; to pull it costs more.",
    ),
    Work("table-statistics", "Counting what is stored", None, "Large stores answer more slowly."),
    Work("subscription-horizon", "Forgetting what nobody reads", None, "Events that nobody reads stay longer."),
    Work("access-log-horizon", "Forgetting old accesses", None, "Old entries of the access log stay longer."),
    Work("sessions", "Knowing who signed out", None, "Whoever signs out at another process is believed here."),
    Work(
        "issuer-keys", "Fetching the issuer's keys", None, "Known keys are believed for an hour, new ones not at all."
    ),
    Work("parked-gauge", "Counting what is parked", None, "The metric of parked records is old."),
    Work("set-aside-gauge", "Counting what is set aside", None, "The metric of failing works is old."),
    Work("throughput", "Counting what flows", None, "Figures a second on the first page are old."),
    Work("intake-storing", "Storing what is published", None, "What is published waits in the broker."),
    Work("intake-commits", "Telling the broker how far intake is", None, "Lag tools of the broker are wrong."),
    Work("intake-watch", "Watching intake", None, "An intake that stands still is not noticed."),
    Work("intake-positions", "Looking at other processes' positions", None, "Answers of the door come late."),
)
WORKS: Final[Mapping[str, Work]] = {work.name: work for work in _ALL_WORKS}

LED_ALONE: Final = (
    "membership",
    "hand-offs",
    "silence",
    "closed-hand-offs",
    "table-statistics",
    "subscription-horizon",
    "access-log-horizon",
)
"""Works that one process of a deployment does at a time, beside the shards of dispatch."""
