"""Finds the subscriptions whose filters match a live event: at the cost of the matches, not of all subscriptions.

Each condition that an event fulfils is found by its value. A formula is evaluated only where one of the conditions that
decide it holds. The result of every other is known: that for an event without true conditions. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

from pathline_gateway.streams.subscriptions.filter_formula import Condition, Formula, normalize
from pathline_gateway.streams.subscriptions.filters import ATTRIBUTES, FilterAttributes

Key = TypeVar("Key")

_AFFIX_DIALECTS: Final = ("prefix", "suffix")


class FilterIndex(Generic[Key]):
    """Subscriptions, by their keys."""

    def __init__(self, subscriptions: Iterable[tuple[Key, Sequence[Any]]] = ()) -> None:
        """With filters that `filters.compile_filters` could read."""
        self._formulas: dict[Key, Formula] = {}
        self._keys_by_formula: dict[Formula, dict[Key, None]] = {}
        """Those who want the same; each of these formulas is in the index."""
        self._formulas_by_condition: dict[Condition, dict[Formula, None]] = {}
        self._true_by_default: dict[Formula, None] = {}
        """These hold where no condition does."""
        self._use_counts: defaultdict[Condition, int] = defaultdict(int)
        self._lengths: dict[tuple[str, str], defaultdict[int, int]] = {
            (dialect, name): defaultdict(int) for dialect in _AFFIX_DIALECTS for name in ATTRIBUTES
        }
        """How many conditions of each length there are: what an event says is cut to these, and looked up."""
        for key, filters in subscriptions:
            self.add(key, filters)

    @property
    def is_empty(self) -> bool:
        """Nobody is looked up."""
        return not self._formulas

    @property
    def asks_nothing(self) -> bool:
        """Whoever is looked up wants everything, or nothing: what an event says need not be known."""
        return not self._use_counts

    def add(self, key: Key, filters: Sequence[Any]) -> None:
        """This one is looked up, too."""
        normal_form = normalize(filters)
        self.discard(key)
        self._formulas[key] = normal_form
        keys = self._keys_by_formula.setdefault(normal_form, {})
        keys[key] = None
        if len(keys) == 1:
            self._index(normal_form)

    def discard(self, key: Key) -> None:
        """This one is looked up no more."""
        normal_form = self._formulas.pop(key, None)
        if normal_form is None:
            return
        keys = self._keys_by_formula[normal_form]
        del keys[key]
        if not keys:
            del self._keys_by_formula[normal_form]
            self._unindex(normal_form)

    def match(self, event: FilterAttributes) -> list[Key]:
        """The keys of those that want it, each once."""
        return [key for keys in self.iter_matches(event) for key in keys]

    def iter_matches(self, event: FilterAttributes) -> Iterator[Collection[Key]]:
        """The same in steps, of which each is short, and some find nobody: others may have their turn in between."""
        true_conditions = self._true_conditions(event)
        candidates: dict[Formula, None] = {}
        for condition in true_conditions:
            if (formulas := self._formulas_by_condition.get(condition)) is not None:
                candidates |= formulas
        for each in candidates:
            yield self._keys_by_formula[each] if each.evaluate(true_conditions) else ()
        for each in self._true_by_default:
            if each not in candidates:
                yield self._keys_by_formula[each]

    def _true_conditions(self, event: FilterAttributes) -> set[Condition]:
        """All conditions that somebody asks for and that hold for this event."""
        use_counts, true_conditions = self._use_counts, set[Condition]()
        if not use_counts:
            return true_conditions
        for name in ATTRIBUTES:
            value = event.get(name)
            if not value:
                continue
            conditions = [("exact", name, value)]
            if lengths := self._lengths["prefix", name]:
                conditions += [("prefix", name, value[:n]) for n in lengths if n <= len(value)]
            if lengths := self._lengths["suffix", name]:
                conditions += [("suffix", name, value[-n:]) for n in lengths if n <= len(value)]
            true_conditions.update([each for each in conditions if each in use_counts])
        return true_conditions

    def _index(self, normal_form: Formula) -> None:
        if normal_form.evaluate(frozenset()):
            self._true_by_default[normal_form] = None
        for condition in normal_form.deciding_conditions():
            self._formulas_by_condition.setdefault(condition, {})[normal_form] = None
        for condition in _conditions(normal_form):
            self._use_counts[condition] += 1
            if self._use_counts[condition] == 1 and condition[0] in _AFFIX_DIALECTS:
                self._lengths[condition[:2]][len(condition[2])] += 1

    def _unindex(self, normal_form: Formula) -> None:
        self._true_by_default.pop(normal_form, None)
        for condition in normal_form.deciding_conditions():
            formulas = self._formulas_by_condition[condition]
            del formulas[normal_form]
            if not formulas:
                del self._formulas_by_condition[condition]
        for condition in _conditions(normal_form):
            self._use_counts[condition] -= 1
            if not self._use_counts[condition]:
                del self._use_counts[condition]
                if condition[0] in _AFFIX_DIALECTS:
                    _decrement(self._lengths[condition[:2]], len(condition[2]))


def _conditions(normal_form: Formula) -> set[Condition]:
    return {*normal_form.positive, *normal_form.negative}.union(*map(_conditions, normal_form.parts))


def _decrement(lengths: defaultdict[int, int], length: int) -> None:
    lengths[length] -= 1
    if not lengths[length]:
        del lengths[length]
