"""All subscriptions in memory, kept up to date by what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.filter_attributes import redacted_attributes, unredacted_attributes
from pathline_gateway.streams.subscriptions.filter_index import FilterIndex
from pathline_gateway.streams.subscriptions.filters import FilterAttributes
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS, shard_of
from pathline_gateway.time_slice import TimeSlice

_PAGE_SIZE = 200
"""Subscriptions that are read at a time."""
_STEP_SIZE = 100
"""Subscriptions that want an event, of which others have to wait before they have their turn."""


class SubscriptionIndex:
    """One for each reader of the change log."""

    def __init__(
        self,
        subscriptions: Iterable[Subscription] = (),
        *,
        auth_disabled: bool = False,
        shards: Collection[int] = ALL_SHARDS,
    ) -> None:
        """`auth_disabled`: auth is off, and who subscribed while it was is given all. `shards`: whose are read."""
        self.auth_disabled, self._shards = auth_disabled, shards
        self._version = -1
        self._subscriptions: dict[UUID, Subscription] = {}
        self._operator_index = FilterIndex[UUID]()
        self._own_indexes: defaultdict[str, FilterIndex[UUID]] = defaultdict(FilterIndex[UUID])
        self._others_index = FilterIndex[UUID]()
        for each in subscriptions:
            self.put(each)

    @property
    def is_empty(self) -> bool:
        """Nobody subscribed."""
        return not self._subscriptions

    async def refresh(self, connection: asyncpg.Connection) -> dict[UUID, Exception]:
        """It is as of this transaction, whose statements see one moment; without those whose filters cannot be read."""
        version = await subscription_repository.fetch_version(connection)
        failing_filters: dict[UUID, Exception] = {}
        if version == self._version:
            return failing_filters
        slice, after = TimeSlice(), UUID(int=0)
        # What is wanted may be as long as filters may be: a page at a time, and each by itself.
        while page := await subscription_repository.list_changed(
            connection, self._shards, self._version, after, _PAGE_SIZE
        ):
            after = page[-1].id
            for each in page:
                try:
                    self.put(self.effective(each))
                except Exception as error:
                    if not concerns_record(error):
                        raise
                    self.drop(each.id)
                    failing_filters[each.id] = error
                if slice.is_spent:
                    await slice.renew()
        for id in self._subscriptions.keys() - await subscription_repository.list_ids(connection, self._shards):
            self.drop(id)
        self._version = version
        return failing_filters

    def all(self) -> list[Subscription]:
        """Those that are looked up."""
        return list(self._subscriptions.values())

    def of_shards(self, shards: Collection[int]) -> SubscriptionIndex:
        """Those of these shards alone, as they are known now."""
        return SubscriptionIndex(
            (each for each in self._subscriptions.values() if shard_of(each.id) in shards),
            auth_disabled=self.auth_disabled,
            shards=shards,
        )

    def effective(self, each: Subscription) -> Subscription:
        """As it is honoured here."""
        return each.effective(self.auth_disabled)

    def put(self, each: Subscription) -> None:
        """Adds the subscription, or replaces it."""
        self.drop(each.id)
        self._subscriptions[each.id] = each
        for index in self._indexes_for(each):
            index.add(each.id, each.filters)

    def drop(self, id: UUID) -> None:
        """Removes the subscription."""
        if (subscription := self._subscriptions.pop(id, None)) is None:
            return
        for index in self._indexes_for(subscription):
            index.discard(id)

    def iter_matches(self, row: Mapping[str, Any]) -> Iterator[tuple[Sequence[Subscription], bool]]:
        """Some who want the event of this row, and whether they receive it as sent, whatever may be seen of it.

        Each step is short, and some find nobody: others may have their turn in between.
        """
        org = row["org"]
        own_indexes = [each for each in (self._operator_index, self._own_indexes.get(org)) if each is not None]
        # What an event says is read from its payload: not for those who want everything.
        is_asked = any(not index.asks_nothing for index in own_indexes)
        attributes = unredacted_attributes(row) if is_asked else {}
        for index in own_indexes:
            for ids in _search(index, attributes):
                yield [self._subscriptions[id] for id in ids], True
        if self._others_index.is_empty:
            return
        for ids in _search(self._others_index, {} if self._others_index.asks_nothing else redacted_attributes(row)):
            yield [each for id in ids if (each := self._subscriptions[id]).org != org], False

    async def iter_notice_recipients(
        self, attributes: FilterAttributes, orgs: Collection[str], slice: TimeSlice, *, include_operators: bool
    ) -> AsyncIterator[Subscription]:
        """Who of these organisations wants a notice of the gateway's own that says this of itself; and of operators."""
        for index in (self._operator_index, self._others_index) if include_operators else (self._others_index,):
            for ids in _search(index, attributes):
                for id in ids:
                    if index is self._operator_index or self._subscriptions[id].org in orgs:
                        yield self._subscriptions[id]
                if slice.is_spent:
                    await slice.renew()

    def _indexes_for(self, each: Subscription) -> list[FilterIndex[UUID]]:
        return [self._operator_index] if each.is_operator else [self._own_indexes[each.org], self._others_index]


def _search(index: FilterIndex[UUID] | None, attributes: FilterAttributes) -> Iterator[Sequence[UUID]]:
    """Who wants it, some at a time; some steps find nobody."""
    if index is None:
        return
    for keys in index.iter_matches(attributes):
        if len(keys) <= _STEP_SIZE:
            yield list(keys)
            continue
        remaining = list(keys)
        for begin in range(0, len(remaining), _STEP_SIZE):
            yield remaining[begin : begin + _STEP_SIZE]
