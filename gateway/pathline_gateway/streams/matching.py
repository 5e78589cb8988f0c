"""Which of many subscriptions want an event: looked up by what they require exactly, and asked one by one. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from pathline_gateway.streams.filters import Matches, Said, exacts, matcher

Key = TypeVar("Key")

_BY: Final = ("subject", "activity", "source", "type", "service", "org", "channel", "actor", "initiator")
"""By which attribute a subscription that requires several is looked up: by what fewest events have in common."""


class Matching(Generic[Key]):
    """Subscriptions, by their keys."""

    def __init__(self, subscriptions: Iterable[tuple[Key, Sequence[Any]]]) -> None:
        self._by: defaultdict[str, defaultdict[str, list[tuple[Key, Matches]]]] = defaultdict(lambda: defaultdict(list))
        self._others: list[tuple[Key, Matches]] = []
        for key, filters in subscriptions:
            wants, required = matcher(filters), exacts(filters)
            name = next((name for name in _BY if name in required), None)
            found = self._others if name is None else self._by[name][required[name]]
            found.append((key, wants))

    def wanted_by(self, event: Said) -> list[Key]:
        """The keys of those that want it, each once."""
        asked = [self._others]
        for name, values in self._by.items():
            value = event.get(name)
            if value is not None and (found := values.get(value)) is not None:
                asked.append(found)
        return [key for some in asked for key, wants in some if wants(event)]
