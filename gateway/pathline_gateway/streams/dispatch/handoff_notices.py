"""Gives notices of silence to the subscriptions that want them and may know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from pathline import instant
from pathline_gateway.handoffs import notice_repository, side_repository
from pathline_gateway.handoffs.open_stages import EVERYTHING
from pathline_gateway.handoffs.silence import SOURCE, TYPES, Kind, SilenceNotice
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache, reader
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.filters import ATTRIBUTES, FilterAttributes
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from pathline_gateway.time_slice import TimeSlice
from pathline_gateway.visibility.handoffs import handoffs_seen
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import name_of
from pathline_gateway.visibility.side_handoffs import statuses_for


def said_of(kind: Kind) -> FilterAttributes:
    """What filters are asked about a notice."""
    return {**dict.fromkeys(ATTRIBUTES), "source": SOURCE, "type": TYPES[kind], "org": "pathline"}


async def give(
    connection: asyncpg.Connection,
    notices: Sequence[tuple[SilenceNotice, str]],
    *,
    index: SubscriptionIndex,
    secret: bytes,
    now: Callable[[], datetime],
) -> dict[UUID, int] | None:
    """These notices (each with its id) are given to the subscriptions that want them and may know.

    `index`: nobody else's. Returns the last number of whoever was given something; None where the events that led to
    them were not handed out yet. Waits until nobody else hands out, to the end of the transaction: running numbers are
    given by one at a time.
    """
    await subscription_repository.wait_for_lock(connection)
    await index.refresh(connection)
    if not index.empty and not await notice_repository.handed_out(connection):
        return None
    number = await notice_repository.source(connection)
    pathways = await notice_repository.pathways(connection, [notice.ref for notice, _ in notices])
    telling = Telling(connection, secret, VisibilityCache(connection, now()))
    apart = await side_repository.kept(connection, {notice.handoff for notice, _ in notices})
    found, slice = [], TimeSlice()
    for notice, id in notices:
        orgs, operators = _told(notice, apart.get(notice.handoff, ()))
        async for each in index.wanting_notice(said_of(notice.kind), orgs, slice, operators=operators):
            if await telling.body(each, notice, pathways[notice.ref]) is not None:
                found.append((each.id, number, id))
    numbers = await subscription_repository.number(connection, found)
    return {subscription: number for (subscription, _, _), number in zip(found, numbers, strict=True)}


def _told(notice: SilenceNotice, apart: Collection[str]) -> tuple[set[str], bool]:
    """Which sides are told it, and whether those who see everything are.

    `apart`: organisations that are told of the hand-off by what each of them may know.
    """
    if notice.audience != EVERYTHING:
        return {notice.audience}, False
    return {notice.sender, notice.receiver}.difference(apart), True


class Telling:
    """Tells notices as each subscription may know them now."""

    def __init__(self, connection: asyncpg.Connection, secret: bytes, sight: VisibilityCache) -> None:
        self._connection, self._secret, self._sight = connection, secret, sight

    async def body(self, subscription: Subscription, notice: SilenceNotice, pathway: UUID) -> dict[str, Any] | None:
        """The data of the notice, and what the reader calls the pathway; None where she may not know of it."""
        said = {
            "stage": notice.stage,
            "due": instant.serve(notice.due),
            "answered": None if notice.answered is None else instant.serve(notice.answered),
        }
        if subscription.operator:
            whom = {"handoff": notice.handoff, "from": notice.sender, "to": notice.receiver}
            return {"pathway": str(pathway), "data": {**whom, **said}}
        found = await self._sight.with_contacts(subscription, pathway)
        if found is None:
            return None
        as_whom = reader(subscription)
        key = ReaderKey(self._secret, as_whom.name)
        mine = {notice.handoff, key.handoff(notice.handoff)}
        shown = await handoffs_seen(self._connection, as_whom, key, found.seen, self._sight.now)
        each = next((each for each in shown if each["handoff"] in mine), None)
        # A receiver that conceals cannot be said to be silent to anybody else. It is the one that was waited for then,
        # and no later one to whom it was passed on.
        concealed = found.seen.concealment.party(notice.receiver, None) and notice.receiver != as_whom.org
        if each is None or concealed:
            return None
        if notice.kind == "answered":
            known = await self._known_of_answer(as_whom.org or "", notice, each)
            if known is None:
                return None
            if said["answered"] not in known:  # what she may know ended it at another time, or nothing did
                said["answered"] = None
        whom = {"handoff": each["handoff"], "from": notice.sender, "to": notice.receiver}
        # Who was asked about somebody whom she does not know has no name for that pathway.
        name = str(name_of(as_whom, key, found.seen.anchors[0].birth)) if found.seen.anchors else None
        return {"pathway": name, "data": {**whom, **said}}

    async def _known_of_answer(
        self, org: str, notice: SilenceNotice, each: Mapping[str, Any]
    ) -> set[str | None] | None:
        """When something happened of which this side may know; None where it is silence for her still."""
        found = (await statuses_for(self._connection, [notice.handoff], org, self._sight.now)).get(notice.handoff)
        waits = notice.stage in each["silent"] and each["due"][notice.stage] == instant.serve(notice.due)
        if waits and (found is None or (notice.stage in found.silent and found.due[notice.stage] == notice.due)):
            return None
        more = set() if found is None else {instant.serve(event.time) for event in found.life.legal}
        return _instants(each) | more


def _instants(handoff: Mapping[str, Any]) -> set[str | None]:
    """When something happened of which this reader is told."""
    return {handoff[name] for name in ("accepted", "first_contact", "ended")} | {
        each["at"] for each in handoff["redirected"]
    }


def event(number: int, row: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The notice as a CloudEvent, with the subscription's running number."""
    attributes = {
        "specversion": "1.0",
        "id": row["id"],
        "source": SOURCE,
        "type": TYPES[row["kind"]],
        "time": instant.serve(row["raised_at"]),
        "datacontenttype": "application/json",
        "number": number,
        "pathway": body["pathway"],
        "data": body["data"],
    }
    return {name: value for name, value in attributes.items() if value is not None}
