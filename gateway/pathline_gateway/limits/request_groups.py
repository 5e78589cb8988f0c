"""Which requests share a budget: publishing, streams, slow readings, other readings, changes. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class RequestGroup(StrEnum):
    """What kind of request it is."""

    PROBE = "probe"
    """Machines ask every few seconds whether the gateway is well: never refused for what others do."""
    EVENTS = "events"
    STREAM = "stream"
    SLOW = "slow"
    """It looks through more than one person's events."""
    READING = "reading"
    CHANGE = "change"

    @property
    def is_read_only(self) -> bool:
        """Whether it changes nothing, so that it may be asked again without a thought."""
        return self not in (RequestGroup.EVENTS, RequestGroup.CHANGE)


GROUP_SCOPE_KEY: Final = "pathline.group"
"""Where a request's scope keeps its group, once it was looked at."""
_PROBES: Final = frozenset(("/healthz", "/readyz", "/metrics"))
_EVENTS: Final = frozenset(("/v1/events", "/desk/spreadsheet"))
_PATHWAYS_PREFIX: Final = "/v1/pathways/"
"""Most requests, and none of them slow."""
_STREAM: Final = re.compile(r"/v1/subscriptions/[^/]+/stream")
_SLOW: Final = re.compile(
    r"/v1/subscriptions/dry-run|/v1/subscriptions/[^/]+/explain|/console/streams/[^/]+/explain"
    r"|/v1/measures|/v1/measures/[^/]+|/console/handoffs|/console/handoffs/[a-z]+|/v1/parked/summary"
)


def classify_request(method: str, path: str) -> RequestGroup:
    """The group of this request, whether there is such a route or not."""
    if path in _PROBES:
        return RequestGroup.PROBE
    if method == "POST" and path in _EVENTS:
        return RequestGroup.EVENTS
    if path.endswith("/stream") and _STREAM.fullmatch(path):
        return RequestGroup.STREAM
    if not path.startswith(_PATHWAYS_PREFIX) and _SLOW.fullmatch(path):
        return RequestGroup.SLOW
    return RequestGroup.READING if method in ("GET", "HEAD") or path == "/v1/pathways/search" else RequestGroup.CHANGE
