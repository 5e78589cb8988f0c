"""What stands on the pathway of a person's own account."""

from __future__ import annotations

import asyncpg

from pathline_gateway.access_log.request_row import add_refs
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.repository import PathwayMembers
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION
from pathline_gateway.visibility import repository as visibility_repository


async def load_own_members(connection: asyncpg.Connection, account: str) -> PathwayMembers | None:
    """The refs of her pathway, which the access log has as read; None where nothing is known of her yet."""
    account_ref = await visibility_repository.find_ref(connection, CITIZEN_ORGANISATION, account)
    if account_ref is None:
        return None
    number, pathway = account_ref
    add_refs((number,))
    members = await pathway_repository.load_members(connection, pathway)
    return members if isinstance(members, PathwayMembers) else None
