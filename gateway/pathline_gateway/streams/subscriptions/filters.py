"""The filters of a subscription: the dialects of CloudEvents Subscriptions, over what every event says of itself. Pure.

`exact`, `prefix` and `suffix` name attributes, all of which must hold; `all`, `any` and `not` hold other filters. An
attribute that an event has not holds nothing. A list of filters holds when all of them do, and an empty one always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ATTRIBUTES: Final = (
    "source", "type", "subject", "org", "service", "channel", "activity", "initiator", "actor",
)  # fmt: skip
"""What may be asked for: attributes of the envelope, and columns that are stored in the clear."""
_DEEPEST: Final = 8

FilterAttributes = Mapping[str, str | None]
"""What an event says under each attribute."""
Matches = Callable[[FilterAttributes], bool]


class WrongFilter(ValueError):
    """A filter cannot be read: where, and what to write instead."""

    def __init__(self, where: str, detail: str) -> None:
        self.where, self.detail = where, detail
        super().__init__(f"{where}: {detail}")


@dataclass(frozen=True, slots=True)
class Most:
    """How much the filters of one subscription may ask."""

    conditions: int = 200
    length: int = 2_048
    """Of a value."""


def matcher(filters: Sequence[Any], most: Most = Most()) -> Matches:
    """Whether an event is wanted. Raises WrongFilter."""
    reading = _Reading(most)
    parts = [reading.read(each, f"filters[{n}]", 1) for n, each in enumerate(filters)]
    return _all(parts)


class _Reading:
    def __init__(self, most: Most) -> None:
        self.most, self.conditions = most, 0

    def read(self, given: Any, where: str, depth: int) -> Matches:
        if not isinstance(given, Mapping) or len(given) != 1:
            raise WrongFilter(where, 'must be an object with one of exact, prefix, suffix, all, any, not, such as '
                              '{"exact": {"type": "…"}}')  # fmt: skip
        if depth > _DEEPEST:
            raise WrongFilter(where, f"is nested deeper than {_DEEPEST}")
        ((dialect, said),) = given.items()
        below = f"{where}.{dialect}" if isinstance(dialect, str) and dialect in _DIALECTS else where
        match dialect:
            case "exact" | "prefix" | "suffix":
                return self._attributes(dialect, said, below)
            case "all" | "any":
                parts = self._parts(said, below, depth)
                return _all(parts) if dialect == "all" else _any(parts)
            case "not":
                part = self.read(said, below, depth + 1)
                return lambda event: not part(event)
        raise WrongFilter(where, f"must have one of {', '.join(_DIALECTS)}")

    def _parts(self, said: Any, where: str, depth: int) -> list[Matches]:
        if not isinstance(said, list) or not said:
            raise WrongFilter(where, "must be a list of filters, and not an empty one")
        return [self.read(each, f"{where}[{n}]", depth + 1) for n, each in enumerate(said)]

    def _attributes(self, dialect: str, said: Any, where: str) -> Matches:
        if not isinstance(said, Mapping) or not said:
            raise WrongFilter(where, "must be an object of attributes and texts, and not an empty one")
        self.conditions += len(said)
        if self.conditions > self.most.conditions:
            raise WrongFilter(where, f"there are more than {self.most.conditions} conditions: make two subscriptions")
        for name, value in said.items():
            if name not in ATTRIBUTES:
                raise WrongFilter(where, f"can be about {', '.join(ATTRIBUTES)}")
            if not isinstance(value, str) or not 0 < len(value) <= self.most.length:
                raise WrongFilter(f"{where}.{name}", f"must be a text of 1 to {self.most.length} characters")
        return _all([_ONE[dialect](name, value) for name, value in said.items()])


def _all(parts: Sequence[Matches]) -> Matches:
    return parts[0] if len(parts) == 1 else lambda event: all(part(event) for part in parts)


def _any(parts: Sequence[Matches]) -> Matches:
    return lambda event: any(part(event) for part in parts)


def _exact(name: str, value: str) -> Matches:
    return lambda event: event.get(name) == value


def _prefix(name: str, value: str) -> Matches:
    return lambda event: (event.get(name) or "").startswith(value)


def _suffix(name: str, value: str) -> Matches:
    return lambda event: (event.get(name) or "").endswith(value)


_ONE: Final = {"exact": _exact, "prefix": _prefix, "suffix": _suffix}
_DIALECTS: Final = ("exact", "prefix", "suffix", "all", "any", "not")
