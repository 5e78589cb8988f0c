"""Which of the events that a caller sends are hers to send: her role decides, and nothing else in her token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import asyncpg

from pathline.errors import Refused
from pathline.interaction import Interaction
from pathline.vocabulary import InteractionCorrected, InteractionVoided, Payload
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.intake.dedup_repository import find_subjects
from pathline_gateway.reserved_names import ACCOUNT_SOURCE

Item = Interaction[Payload] | Refused
Bounds = Callable[[Interaction[Payload]], Refused | None]
"""Why an event may not be sent by the way that it came; None where it may."""


class NotYourSource(Refused):
    """The event's source is not the caller's."""

    reason = "not-your-source"


class NotYourInteraction(Refused):
    """What is to be voided or corrected is not the caller's own."""

    reason = "not-your-interaction"


def no_bounds(_: Interaction[Payload]) -> None:
    """Any event may be sent."""


def check_permission(publisher: Caller, item: Item, bounds: Bounds) -> Item:
    """The event, where its source is the caller's own, and it may be sent by this way; else why not."""
    if isinstance(item, Refused):
        return item
    if (refusal := bounds(item)) is not None:
        return refusal
    if publisher.publishes_for(item.org):
        return item
    if publisher.has_any_role(Role.LINKER) and item.org == publisher.org and item.payload.noun == "identity":
        return item
    # Who she is elsewhere she shows by tokens of both sides, and not by saying so.
    if item.source == ACCOUNT_SOURCE and publisher.is_person(item.subject) and item.payload.noun != "identity":
        return item
    return NotYourSource("is not yours: publish under the organisation of your token", field="source")


async def check_own_amendments(connection: asyncpg.Connection, items: Sequence[Item]) -> list[Item]:
    """What people void or correct is their own: all accounts have one source, and each another subject."""
    targets = {n: id for n, item in enumerate(items) if (id := _amended_id(item)) is not None}
    if not targets:
        return list(items)
    subjects = await find_subjects(connection, ACCOUNT_SOURCE, set(targets.values()))
    return [
        item
        if isinstance(item, Refused) or n not in targets or subjects.get(targets[n]) == item.subject
        else NotYourInteraction("names no interaction of yours", field="data.id")
        for n, item in enumerate(items)
    ]


def _amended_id(item: Item) -> str | None:
    """The id of what a person's event voids or corrects."""
    payload = None if isinstance(item, Refused) or item.source != ACCOUNT_SOURCE else item.payload
    return payload.id if isinstance(payload, InteractionVoided | InteractionCorrected) else None
