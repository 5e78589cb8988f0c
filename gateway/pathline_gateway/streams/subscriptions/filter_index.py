"""An index of filters: an event costs what it matches, and not all subscriptions there are.

Each condition that an event fulfils is found by its value. A formula is evaluated only where one of the conditions that
decide it holds; whatever else there is says what it says of an event for which no condition holds. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

from pathline_gateway.streams.subscriptions.filter_formula import Condition, Formula, formula
from pathline_gateway.streams.subscriptions.filters import ATTRIBUTES, FilterAttributes

Key = TypeVar("Key")

_ENDS: Final = ("prefix", "suffix")


class FilterIndex(Generic[Key]):
    """Subscriptions, by their keys."""

    def __init__(self, subscriptions: Iterable[tuple[Key, Sequence[Any]]] = ()) -> None:
        """With filters that `filters.matcher` could read."""
        self._formulas: dict[Key, Formula] = {}
        self._keys: dict[Formula, dict[Key, None]] = {}
        """Those who want the same; each of these formulas is in the index."""
        self._decided: dict[Condition, dict[Formula, None]] = {}
        self._always: dict[Formula, None] = {}
        """These hold where no condition does."""
        self._uses: defaultdict[Condition, int] = defaultdict(int)
        self._lengths: dict[tuple[str, str], defaultdict[int, int]] = {
            (dialect, name): defaultdict(int) for dialect in _ENDS for name in ATTRIBUTES
        }
        """How many conditions of each length there are: what an event says is cut to these, and looked up."""
        for key, filters in subscriptions:
            self.add(key, filters)

    def add(self, key: Key, filters: Sequence[Any]) -> None:
        """This one is looked up, too."""
        wanted = formula(filters)
        self.discard(key)
        self._formulas[key] = wanted
        keys = self._keys.setdefault(wanted, {})
        keys[key] = None
        if len(keys) == 1:
            self._index(wanted)

    def discard(self, key: Key) -> None:
        """This one is looked up no more."""
        wanted = self._formulas.pop(key, None)
        if wanted is None:
            return
        keys = self._keys[wanted]
        del keys[key]
        if not keys:
            del self._keys[wanted]
            self._forget(wanted)

    def wanted_by(self, event: FilterAttributes) -> list[Key]:
        """The keys of those that want it, each once."""
        return [key for some in self.search(event) for key in some]

    def search(self, event: FilterAttributes) -> Iterator[Collection[Key]]:
        """The same in steps, of which each is short, and some find nobody: others may have their turn in between."""
        held = self._held(event)
        asked: dict[Formula, None] = {}
        for condition in held:
            if (decided := self._decided.get(condition)) is not None:
                asked |= decided
        for each in asked:
            yield self._keys[each] if each.holds(held) else ()
        for each in self._always:
            if each not in asked:
                yield self._keys[each]

    def _held(self, event: FilterAttributes) -> set[Condition]:
        """All conditions that somebody asks for and that hold for this event."""
        uses, held = self._uses, set[Condition]()
        for name in ATTRIBUTES:
            value = event.get(name)
            if not value:
                continue
            asked = [("exact", name, value)]
            if lengths := self._lengths["prefix", name]:
                asked += [("prefix", name, value[:n]) for n in lengths if n <= len(value)]
            if lengths := self._lengths["suffix", name]:
                asked += [("suffix", name, value[-n:]) for n in lengths if n <= len(value)]
            held.update([each for each in asked if each in uses])
        return held

    def _index(self, wanted: Formula) -> None:
        if wanted.holds(frozenset()):
            self._always[wanted] = None
        for condition in wanted.deciding():
            self._decided.setdefault(condition, {})[wanted] = None
        for condition in _conditions(wanted):
            self._uses[condition] += 1
            if self._uses[condition] == 1 and condition[0] in _ENDS:
                self._lengths[condition[:2]][len(condition[2])] += 1

    def _forget(self, wanted: Formula) -> None:
        self._always.pop(wanted, None)
        for condition in wanted.deciding():
            decided = self._decided[condition]
            del decided[wanted]
            if not decided:
                del self._decided[condition]
        for condition in _conditions(wanted):
            self._uses[condition] -= 1
            if not self._uses[condition]:
                del self._uses[condition]
                if condition[0] in _ENDS:
                    _one_less(self._lengths[condition[:2]], len(condition[2]))


def _conditions(wanted: Formula) -> set[Condition]:
    return {*wanted.holding, *wanted.failing}.union(*map(_conditions, wanted.parts))


def _one_less(lengths: defaultdict[int, int], length: int) -> None:
    lengths[length] -= 1
    if not lengths[length]:
        del lengths[length]
