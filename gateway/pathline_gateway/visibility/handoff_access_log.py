"""Adds the people of listed hand-offs to the access log's row of the current request."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log import request_row
from pathline_gateway.visibility.concealed_handoffs import concealed_handoffs


async def log_accessed_handoffs(connection: asyncpg.Connection, handoffs: Collection[str]) -> None:
    """The current answer is about the persons of these hand-offs; they learn nothing of those that are concealed."""
    row = request_row.current()
    if row is None or not row.is_due or not handoffs:
        return
    refs_by_handoff = await access_log_repository.refs_of_handoffs(connection, handoffs)
    concealed = await concealed_handoffs(connection, set(handoffs))
    request_row.add_refs(
        {ref for handoff, refs in refs_by_handoff.items() if handoff not in concealed for ref in refs},
        {ref for handoff in concealed for ref in refs_by_handoff.get(handoff, ())},
    )
