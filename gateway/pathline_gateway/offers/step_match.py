"""Which steps a leaf asks for: of a type, with these values in these fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from pathline import instant
from pathline.vocabulary import TYPES
from pathline_gateway.offers.values import FactScalar, is_same


class _FieldMatch(NamedTuple):
    field: str
    value: FactScalar
    moment: datetime | None
    """Of a field that holds an instant: which one is asked for, in whatever offset it was written."""

    def holds(self, data: Mapping[str, Any]) -> bool:
        published = data.get(self.field)
        if isinstance(published, list):
            return any(is_same(each, self.value) for each in published)
        if self.moment is not None and isinstance(published, str):
            return _parse_instant(published) == self.moment
        return is_same(published, self.value)


@dataclass(frozen=True, slots=True)
class StepMatch:
    """A type of step, and what its data must say."""

    type: str
    where: tuple[_FieldMatch, ...]

    @classmethod
    def compile(cls, node: Mapping[str, Any]) -> StepMatch:
        """What an `occurred` or a `count` asks for."""
        type, where = node["type"], node.get("where") or {}
        instants = _instant_fields(type)
        return cls(
            type,
            tuple(
                _FieldMatch(field, value, _parse_instant(value) if field in instants else None)
                for field, value in where.items()
            ),
        )

    @property
    def kind(self) -> str | None:
        """The `kind` that it asks for."""
        return next((each.value for each in self.where if each.field == "kind" and isinstance(each.value, str)), None)

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Whether the data says so, as it was published."""
        return all(each.holds(data) for each in self.where)


@lru_cache(maxsize=1024)
def _instant_fields(type: str) -> frozenset[str]:
    model = TYPES.get(f"org.pathline.{type}.v1")
    hints = {} if model is None else get_type_hints(model, include_extras=True)
    return frozenset(name for name, hint in hints.items() if _is_instant(hint))


def _is_instant(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return get_args(hint)[0] is datetime
    return any(_is_instant(each) for each in get_args(hint))


def _parse_instant(value: FactScalar) -> datetime | None:
    try:
        return instant.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None
