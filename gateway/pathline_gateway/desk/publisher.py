"""What somebody does at the desk is published as her organisation's: through the door, and once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from fastapi import Request, Response

from pathline.errors import Refused
from pathline.interaction import Interaction
from pathline.rows.row_id import IMPORT_SYSTEM
from pathline.vocabulary import (
    ActivityRecorded,
    ContactMade,
    HandoffAccepted,
    HandoffCompleted,
    HandoffDeclined,
    HandoffOffered,
    HandoffRedirected,
    HandoffSeen,
    IdentityLinked,
    NeedExpressed,
    ServiceDelivered,
)
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.intake.dedup_repository import known_digests
from pathline_gateway.intake.http_ingest import HttpIngest
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.web.problem import Problem

SPREADSHEET_TYPES: Final = frozenset((ActivityRecorded.type, ServiceDelivered.type))
"""What the rows of a file are made into, by the script of its page."""
FORM_TYPES: Final = frozenset(
    model.type
    for model in (
        ContactMade,
        NeedExpressed,
        HandoffOffered,
        HandoffSeen,
        HandoffAccepted,
        HandoffDeclined,
        HandoffRedirected,
        HandoffCompleted,
        IdentityLinked,
    )
)
"""What the forms make, here, of what was filled in."""


class NotFromTheDesk(Refused):
    """The desk publishes the desk's types, under its own source, and nothing else."""

    reason = "not-from-the-desk"


def desk_source(org: str) -> str:
    """What an organisation publishes under at the desk."""
    return f"urn:pathline:{org}:desk"


def table_source(org: str) -> str:
    """What the rows of an organisation's tables are published under, at the desk as by `pathline import`."""
    return f"urn:pathline:{org}:{IMPORT_SYSTEM}"


@dataclass(frozen=True)
class DeskPublisher:
    """Publishes for the desk."""

    pool: asyncpg.Pool
    ingest: HttpIngest
    register_unknown: bool
    """Auth is off: whoever publishes is registered."""

    async def publish(self, org: str, items: Sequence[Interaction[Any]]) -> None:
        """All of them are stored and applied; those that were already stay as they are. Raises Problem."""
        assert all(item.type in FORM_TYPES and item.source == desk_source(org) for item in items)
        event_keys = [(item.source, item.id) for item in items]
        async with self.pool.acquire() as connection:
            if not self.register_unknown and not await organisation_repository.known_organisations(connection, {org}):
                raise Problem(
                    403, "unknown-organisation", "your organisation is not entered here yet: ask the operator"
                )
            known_events = await known_digests(connection, event_keys)
        for item in items:
            if (item.source, item.id) not in known_events:
                await self.ingest.write_and_apply(item)
        # Whoever did something sees it in the next list.
        while await project_next_batch(self.pool):
            pass

    async def publish_batch(self, org: str, request: Request) -> Response:
        """The door's answer to a batch of events of this organisation, with a result for each. Raises Problem.

        A browser sends what the spreadsheet's page makes, and nothing else: least of all who may look.
        """
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in request.headers.raw]
        publisher = Caller(frozenset((Role.PUBLISHER,)), org)
        return await self.ingest.ingest(
            headers, await request.body(), publisher, lambda item: _refuse_foreign_item(item, org)
        )


def _refuse_foreign_item(item: Interaction[Any], org: str) -> Refused | None:
    if item.type not in SPREADSHEET_TYPES:
        names = " and ".join(sorted(SPREADSHEET_TYPES))
        return NotFromTheDesk(f"a spreadsheet makes {names}: publish all else at POST /v1/events", field="type")
    if item.source != table_source(org):
        return NotFromTheDesk("is another system's: a spreadsheet is sent under the source of imports", field="source")
    return None
