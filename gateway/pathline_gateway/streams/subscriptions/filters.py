"""Validates the filters of a subscription, and compiles them to a function that asks them one by one. Pure.

The API refuses wrong filters by it, and `…/explain` asks it. Live events go through `filter_index.py` instead. A
property of the tests holds the two against each other.

The dialects are those of CloudEvents Subscriptions, over what every event says of itself.

`exact`, `prefix` and `suffix` name attributes, all of which must hold; `all`, `any` and `not` hold other filters. A
condition on an attribute that is absent fails. A list of filters holds when all of them do, and an empty one always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ATTRIBUTES: Final = (
    "source", "type", "subject", "org", "service", "channel", "activity", "initiator", "actor",
)  # fmt: skip
"""What may be asked for: attributes of the envelope, and columns that are stored in the clear."""
_MAX_DEPTH: Final = 8

FilterAttributes = Mapping[str, str | None]
"""What an event says under each attribute."""
Matches = Callable[[FilterAttributes], bool]


class WrongFilter(ValueError):
    """A filter cannot be read: where, and what to write instead."""

    def __init__(self, path: str, detail: str) -> None:
        self.path, self.detail = path, detail
        super().__init__(f"{path}: {detail}")


@dataclass(frozen=True, slots=True)
class FilterLimits:
    """How much the filters of one subscription may ask."""

    conditions: int = 200
    value_length: int = 2_048
    """Of a value."""


def compile_filters(filters: Sequence[Any], limits: FilterLimits = FilterLimits()) -> Matches:
    """Whether an event is wanted. Raises WrongFilter."""
    compiler = _FilterCompiler(limits)
    parts = [compiler.compile_filter(each, f"filters[{n}]", 1) for n, each in enumerate(filters)]
    return _all(parts)


class _FilterCompiler:
    def __init__(self, limits: FilterLimits) -> None:
        self.limits, self.condition_count = limits, 0

    def compile_filter(self, expression: Any, path: str, depth: int) -> Matches:
        if not isinstance(expression, Mapping) or len(expression) != 1:
            raise WrongFilter(path, 'must be an object with one of exact, prefix, suffix, all, any, not, such as '
                              '{"exact": {"type": "…"}}')  # fmt: skip
        if depth > _MAX_DEPTH:
            raise WrongFilter(path, f"is nested deeper than {_MAX_DEPTH}")
        ((dialect, operand),) = expression.items()
        operand_path = f"{path}.{dialect}" if isinstance(dialect, str) and dialect in _DIALECTS else path
        match dialect:
            case "exact" | "prefix" | "suffix":
                return self._compile_leaf(dialect, operand, operand_path)
            case "all" | "any":
                parts = self._compile_parts(operand, operand_path, depth)
                return _all(parts) if dialect == "all" else _any(parts)
            case "not":
                part = self.compile_filter(operand, operand_path, depth + 1)
                return lambda event: not part(event)
        raise WrongFilter(path, f"must have one of {', '.join(_DIALECTS)}")

    def _compile_parts(self, operand: Any, path: str, depth: int) -> list[Matches]:
        if not isinstance(operand, list) or not operand:
            raise WrongFilter(path, "must be a list of filters, and not an empty one")
        return [self.compile_filter(each, f"{path}[{n}]", depth + 1) for n, each in enumerate(operand)]

    def _compile_leaf(self, dialect: str, operand: Any, path: str) -> Matches:
        if not isinstance(operand, Mapping) or not operand:
            raise WrongFilter(path, "must be an object of attributes and texts, and not an empty one")
        self.condition_count += len(operand)
        if self.condition_count > self.limits.conditions:
            raise WrongFilter(path, f"there are more than {self.limits.conditions} conditions: make two subscriptions")
        for name, value in operand.items():
            if name not in ATTRIBUTES:
                raise WrongFilter(path, f"can be about {', '.join(ATTRIBUTES)}")
            if not isinstance(value, str) or not 0 < len(value) <= self.limits.value_length:
                raise WrongFilter(f"{path}.{name}", f"must be a text of 1 to {self.limits.value_length} characters")
        return _all([_LEAF_MATCHERS[dialect](name, value) for name, value in operand.items()])


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


_LEAF_MATCHERS: Final = {"exact": _exact, "prefix": _prefix, "suffix": _suffix}
_DIALECTS: Final = ("exact", "prefix", "suffix", "all", "any", "not")
