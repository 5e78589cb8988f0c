"""All subscriptions in memory, kept up to date by what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.filter_attributes import as_sent, to_others
from pathline_gateway.streams.subscriptions.filter_index import FilterIndex
from pathline_gateway.streams.subscriptions.filters import FilterAttributes
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.time_slice import TimeSlice

_PAGE = 200
"""Subscriptions that are read at a time."""


class SubscriptionIndex:
    """One for each reader of the change log."""

    def __init__(self, subscriptions: Iterable[Subscription] = (), *, everything: bool = False) -> None:
        """`everything`: auth is off, and who subscribed while it was is given all."""
        self._everything = everything
        self._version = -1
        self._known: dict[UUID, Subscription] = {}
        self._operators = FilterIndex[UUID]()
        self._own: defaultdict[str, FilterIndex[UUID]] = defaultdict(FilterIndex[UUID])
        self._others = FilterIndex[UUID]()
        for each in subscriptions:
            self.put(each)

    @property
    def empty(self) -> bool:
        """Nobody subscribed."""
        return not self._known

    async def refresh(self, connection: asyncpg.Connection) -> dict[UUID, Exception]:
        """It is as of this transaction, whose statements see one moment; without those whose filters cannot be read."""
        version = await subscription_repository.version(connection)
        unfit: dict[UUID, Exception] = {}
        if version == self._version:
            return unfit
        slice, after = TimeSlice(), UUID(int=0)
        # What is wanted may be as long as filters may be: a page at a time, and each by itself.
        while found := await subscription_repository.changed(connection, self._version, after, _PAGE):
            after = found[-1].id
            for each in found:
                try:
                    self.put(self.seeing(each))
                except Exception as failed:
                    if not concerns_record(failed):
                        raise
                    self.drop(each.id)
                    unfit[each.id] = failed
                if slice.is_spent:
                    await slice.renew()
        for id in self._known.keys() - await subscription_repository.ids(connection):
            self.drop(id)
        self._version = version
        return unfit

    def all(self) -> list[Subscription]:
        """Those that are looked up."""
        return list(self._known.values())

    def seeing(self, each: Subscription) -> Subscription:
        """As it is honoured here."""
        return each.seeing(self._everything)

    def put(self, each: Subscription) -> None:
        """It is looked up as it stands now."""
        self.drop(each.id)
        self._known[each.id] = each
        for matching in self._of(each):
            matching.add(each.id, each.filters)

    def drop(self, id: UUID) -> None:
        """It is looked up no more."""
        if (known := self._known.pop(id, None)) is None:
            return
        for matching in self._of(known):
            matching.discard(id)

    async def wanting(self, row: Mapping[str, Any], slice: TimeSlice) -> AsyncIterator[tuple[Subscription, bool]]:
        """Who wants the event of this row; and whether it is told as it was sent, whatever may be seen of it."""
        said, org = as_sent(row), row["org"]
        for matching in (self._operators, self._own.get(org)):
            for id in _search(matching, said):
                if id is not None:
                    yield self._known[id], True
                if slice.is_spent:
                    await slice.renew()
        for id in _search(self._others, to_others(row)):
            if id is not None and self._known[id].org != org:
                yield self._known[id], False
            if slice.is_spent:
                await slice.renew()

    async def wanting_notice(
        self, said: FilterAttributes, orgs: Collection[str], slice: TimeSlice, *, operators: bool
    ) -> AsyncIterator[Subscription]:
        """Who of these organisations wants a notice of the gateway's own that says this of itself; and of operators."""
        for matching in (self._operators, self._others) if operators else (self._others,):
            for id in _search(matching, said):
                if id is not None and (matching is self._operators or self._known[id].org in orgs):
                    yield self._known[id]
                if slice.is_spent:
                    await slice.renew()

    def _of(self, each: Subscription) -> list[FilterIndex[UUID]]:
        return [self._operators] if each.operator else [self._own[each.org], self._others]


def _search(matching: FilterIndex[UUID] | None, said: FilterAttributes) -> Iterator[UUID | None]:
    """Who wants it; None after each step."""
    if matching is not None:
        for some in matching.search(said):
            yield from some
            yield None
