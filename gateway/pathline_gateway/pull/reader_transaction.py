"""One request of one reader: what is loaded for it, and what is logged of it, are of one moment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log.access import Outcome, What, build_access
from pathline_gateway.access_log.request_row import current_request
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.purpose import AccessPurpose
from pathline_gateway.auth.reader import Reader
from pathline_gateway.pull.page_range import PageRange
from pathline_gateway.pull.paging import RequestedPage
from pathline_gateway.pull.visible_page import VisiblePage, slice_page
from pathline_gateway.pull.visible_page_loading import load_own_page, load_visible_page
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.handoff_rendering import VisibleHandoffs
from pathline_gateway.visibility.loading import load_visible_as_of
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import anchor_id_of, handle_of
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.visible_handoffs import load_visible_handoffs


@dataclass
class ReaderTransaction:
    """One request of one reader, and what is to be logged of it."""

    connection: asyncpg.Connection
    caller: Caller
    access_purpose: AccessPurpose
    reader: Reader
    key: ReaderKey
    now: datetime
    is_closed: bool = False
    """What others see of the pathway cannot be computed: she is told her own steps alone."""

    async def load_page(self, pathway: UUID, page_range: PageRange) -> VisiblePage | None:
        """What she sees of the pathway with this id of the store's own; None where she may not know of it."""
        load = load_own_page if self.is_closed else load_visible_page
        return await load(self.connection, self.reader, self.now, pathway, page_range)

    async def find_by_name(self, name: UUID, page_range: PageRange) -> VisiblePage | UUID | None:
        """What she sees of the pathway that she calls so; what she calls it now; None when she never called one so."""
        anchor_id = anchor_id_of(self.reader, self.key, name)
        ref_row = await visibility_repository.find_ref_by_anchor(self.connection, anchor_id)
        seen = None if ref_row is None else await self.load_page(ref_row[1], page_range)
        if (
            ref_row is None
            or seen is None
            or ref_row[0] not in {(ref.org, ref.subject) for ref in seen.visible.anchors}
        ):
            return None
        oldest_anchor_id = seen.visible.anchors[0].anchor_id
        return seen if oldest_anchor_id == anchor_id else handle_of(self.reader, self.key, oldest_anchor_id)

    async def find_as_of(self, name: UUID, as_of: datetime, requested_page: RequestedPage) -> VisiblePage | UUID | None:
        """The same as it stood then, less what is concealed now: for operators alone."""
        visible = await load_visible_as_of(self.connection, self.reader, self.now, name, as_of)
        if not isinstance(visible, VisiblePathway):
            return visible
        return slice_page(visible, requested_page.parse(self.key))

    async def load_handoffs(self, page: VisiblePage, as_of: datetime | None = None) -> VisibleHandoffs:
        """The hand-offs by which those of the page are told."""
        return await load_visible_handoffs(self.connection, self.reader, page.context, include_elsewhere=as_of is None)

    async def log(
        self,
        action: What,
        outcome: Outcome,
        visible: VisiblePathway | None = None,
        refs: Collection[int] = (),
        reason: str = "no-such-pathway",
    ) -> None:
        """It is in the access log once this request's transaction is committed; the reason where it was refused."""
        row = build_access(
            self.caller,
            self.access_purpose,
            action,
            outcome,
            refs=refs if visible is None else visible.refs,
            reason=reason if outcome == "refused" else None,
            mandate=None if visible is None else visible.mandate,
            request=current_request(),
            quiet=visible is not None and visible.is_concealed_access,
        )
        await access_log_repository.write(self.connection, row)
