"""The service itself: waited for, begun, given, ended."""

from typing import Literal

from pathline.vocabulary.identifiers import Code
from pathline.vocabulary.numbers import Count
from pathline.vocabulary.payload import Payload
from pathline.vocabulary.time_types import Instant


class _Service(Payload, noun="service"):
    """Something is known of how a person gets a service."""

    quantity: Count | None = None
    """How much of it."""
    unit: Code | None = None
    """What the quantity counts."""


class ServiceWaitlisted(_Service, verb="waitlisted"):
    """A person waits for a service."""

    expected: Instant | None = None
    """When it is expected to begin."""


class ServiceStarted(_Service, verb="started"):
    """A person has begun to get a service."""


class ServiceDelivered(_Service, verb="delivered"):
    """A person has got a service, or a part of it."""


class ServiceEnded(_Service, verb="ended"):
    """A person no longer gets a service."""

    reason: Literal["completed", "moved", "withdrew", "ineligible", "deceased", "lost-contact", "capacity", "other"]
    """Why it ended."""
