"""Gives notices of silence to the subscriptions that want them and may know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from pathline import instant
from pathline_gateway.handoffs import notice_repository, side_repository
from pathline_gateway.handoffs.open_stages import UNRESTRICTED_AUDIENCE
from pathline_gateway.handoffs.silence import SOURCE, TYPES, Kind, SilenceNotice
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache, subscription_reader
from pathline_gateway.streams.subscriptions import dispatch_progress_repository
from pathline_gateway.streams.subscriptions.filters import ATTRIBUTES, FilterAttributes
from pathline_gateway.streams.subscriptions.numbering_repository import StoredEvent, assign_numbers
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from pathline_gateway.time_slice import TimeSlice
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import handle_of
from pathline_gateway.visibility.side_handoffs import load_statuses
from pathline_gateway.visibility.visible_handoffs import load_rendered_handoffs


def notice_attributes(kind: Kind) -> FilterAttributes:
    """What filters are asked about a notice."""
    return {**dict.fromkeys(ATTRIBUTES), "source": SOURCE, "type": TYPES[kind], "org": "pathline"}


async def deliver_notices(
    connection: asyncpg.Connection,
    notices: Sequence[tuple[SilenceNotice, str]],
    *,
    index: SubscriptionIndex,
    secret: bytes,
    now: Callable[[], datetime],
) -> dict[UUID, int] | None:
    """Delivers these notices (each with its id) to the subscriptions that want them and may know.

    `index`: nobody else's. Returns the last number of each subscription that received one. None where the events that
    led to them were not dispatched yet. It takes the dispatch lock to the end of the transaction: one process at a time
    assigns running numbers.
    """
    await dispatch_progress_repository.wait_for_lock(connection)
    await index.refresh(connection)
    if not index.is_empty and not await notice_repository.is_dispatch_caught_up(connection):
        return None
    number = await notice_repository.source_number(connection)
    pathways = await notice_repository.current_pathways(connection, [notice.offer_ref for notice, _ in notices])
    renderer = NoticeRenderer(connection, secret, VisibilityCache(connection, now()))
    separate_orgs = await side_repository.existing_sides(connection, {notice.handoff for notice, _ in notices})
    deliveries: dict[UUID, list[StoredEvent]] = {}
    slice = TimeSlice()
    for notice, id in notices:
        orgs, operators = _audience(notice, separate_orgs.get(notice.handoff, ()))
        async for each in index.iter_notice_recipients(
            notice_attributes(notice.kind), orgs, slice, include_operators=operators
        ):
            if await renderer.render_body(each, notice, pathways[notice.offer_ref]) is not None:
                deliveries.setdefault(each.id, []).append((number, id))
    return await assign_numbers(connection, deliveries)


def _audience(notice: SilenceNotice, separate_orgs: Collection[str]) -> tuple[set[str], bool]:
    """Which sides are told it, and whether those who see everything are.

    `separate_orgs`: organisations that are told of the hand-off by what each of them may know.
    """
    if notice.audience != UNRESTRICTED_AUDIENCE:
        return {notice.audience}, False
    return {notice.sender, notice.receiver}.difference(separate_orgs), True


class NoticeRenderer:
    """Tells notices as each subscription may know them now."""

    def __init__(self, connection: asyncpg.Connection, secret: bytes, visibility: VisibilityCache) -> None:
        self._connection, self._secret, self._visibility = connection, secret, visibility

    async def render_body(
        self, subscription: Subscription, notice: SilenceNotice, pathway: UUID
    ) -> dict[str, Any] | None:
        """The data of the notice, and what the reader calls the pathway; None where she may not know of it."""
        timing = {
            "stage": notice.stage,
            "due": instant.to_text(notice.due_at),
            "answered": None if notice.answered_at is None else instant.to_text(notice.answered_at),
        }
        if subscription.is_operator:
            parties = {"handoff": notice.handoff, "from": notice.sender, "to": notice.receiver}
            return {"pathway": str(pathway), "data": {**parties, **timing}}
        view = await self._visibility.view_with_contacts(subscription, pathway)
        if view is None:
            return None
        as_reader = subscription_reader(subscription)
        key = ReaderKey(self._secret, as_reader.name)
        handoff_ids = {notice.handoff, key.handoff_name(notice.handoff)}
        handoffs = await load_rendered_handoffs(
            self._connection, as_reader, key, view.visible_pathway, self._visibility.now
        )
        handoff = next((each for each in handoffs if each["handoff"] in handoff_ids), None)
        # A receiver that conceals cannot be said to be silent to anybody else. It is the one that was waited for then,
        # and no later one to whom it was passed on.
        is_concealed = (
            view.visible_pathway.concealment.conceals_party(notice.receiver, None) and notice.receiver != as_reader.org
        )
        if handoff is None or is_concealed:
            return None
        if notice.kind == "answered":
            answer_instants = await self._find_answer_instants(as_reader.org or "", notice, handoff)
            if answer_instants is None:
                return None
            if timing["answered"] not in answer_instants:  # what she may know ended it at another time, or nothing did
                timing["answered"] = None
        parties = {"handoff": handoff["handoff"], "from": notice.sender, "to": notice.receiver}
        # Who was asked about somebody whom she does not know has no name for that pathway.
        handle = (
            str(handle_of(as_reader, key, view.visible_pathway.anchors[0].anchor_id))
            if view.visible_pathway.anchors
            else None
        )
        return {"pathway": handle, "data": {**parties, **timing}}

    async def _find_answer_instants(
        self, org: str, notice: SilenceNotice, handoff: Mapping[str, Any]
    ) -> set[str | None] | None:
        """When something happened of which this side may know; None where it is silence for her still."""
        status = (await load_statuses(self._connection, [notice.handoff], org, self._visibility.now)).get(
            notice.handoff
        )
        is_waiting = notice.stage in handoff["silent"] and handoff["due"][notice.stage] == instant.to_text(
            notice.due_at
        )
        if is_waiting and (
            status is None or (notice.stage in status.silent_stages and status.due[notice.stage] == notice.due_at)
        ):
            return None
        event_instants = (
            set() if status is None else {instant.to_text(event.time) for event in status.lifecycle.transitions}
        )
        return _handoff_instants(handoff) | event_instants


def _handoff_instants(handoff: Mapping[str, Any]) -> set[str | None]:
    """When something happened of which this reader is told."""
    return {handoff[name] for name in ("accepted", "first_contact", "ended")} | {
        each["at"] for each in handoff["redirected"]
    }


def render_notice(number: int, row: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The notice as a CloudEvent, with the subscription's running number."""
    attributes = {
        "specversion": "1.0",
        "id": row["id"],
        "source": SOURCE,
        "type": TYPES[row["kind"]],
        "time": instant.to_text(row["raised_at"]),
        "datacontenttype": "application/json",
        "number": number,
        "pathway": body["pathway"],
        "data": body["data"],
    }
    return {name: value for name, value in attributes.items() if value is not None}
