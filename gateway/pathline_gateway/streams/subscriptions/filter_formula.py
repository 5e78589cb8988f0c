"""The normal form of a subscription's filters, in which `filter_index.py` stores and evaluates them. Pure.

`not` stands at single conditions only, an `all` within an `all` is one, and so is an `any` within an `any`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

Condition = tuple[str, str, str]
"""Dialect (exact, prefix or suffix), attribute and value."""

_FREQUENCY: Final[Mapping[str, int]] = {
    "subject": 1, "activity": 8, "source": 16, "type": 16, "service": 20, "org": 24, "channel": 60, "actor": 80,
    "initiator": 80,
}  # fmt: skip
"""How common a value of each attribute is, roughly: among how many events one has it is a hundredth of it."""
_LEAF_DIALECTS: Final = ("exact", "prefix", "suffix")


@dataclass(frozen=True)
class Formula:
    """Conditions, which hold all together or one of them; nested ones are of the other kind."""

    is_conjunction: bool
    """All must hold; else one of them."""
    positive: frozenset[Condition]
    """These hold, each for itself."""
    negative: frozenset[Condition]
    """These do not hold, each for itself."""
    parts: tuple[Formula, ...]
    hashed: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash((self.is_conjunction, self.positive, self.negative, self.parts)))

    def __hash__(self) -> int:
        return self.hashed

    def evaluate(self, true_conditions: AbstractSet[Condition]) -> bool:
        """Whether an event is wanted for which these conditions hold, and no others."""
        if self.is_conjunction:
            return (
                self.positive <= true_conditions
                and self.negative.isdisjoint(true_conditions)
                and (not self.parts or all(part.evaluate(true_conditions) for part in self.parts))
            )
        return (
            not self.positive.isdisjoint(true_conditions)
            or not self.negative <= true_conditions
            or (bool(self.parts) and any(part.evaluate(true_conditions) for part in self.parts))
        )

    def deciding_conditions(self) -> frozenset[Condition]:
        """Conditions of which one must hold, or else the formula says what it says when no condition holds at all."""
        return _deciding_conditions(self, wanted=not self.evaluate(frozenset()))


def normalize(filters: Sequence[Any]) -> Formula:
    """The normal form of filters that `filters.compile_filters` could read."""
    return _combine(True, [_normalize_filter(each, True) for each in filters])


def _normalize_filter(expression: Mapping[str, Any], is_positive: bool) -> Formula:
    """The form of one filter, or of its opposite."""
    ((dialect, operand),) = expression.items()
    if dialect == "not":
        return _normalize_filter(operand, not is_positive)
    if dialect in _LEAF_DIALECTS:
        conditions = frozenset((dialect, name, value) for name, value in operand.items())
        empty = frozenset[Condition]()
        return Formula(is_positive, conditions if is_positive else empty, empty if is_positive else conditions, ())
    return _combine((dialect == "all") == is_positive, [_normalize_filter(each, is_positive) for each in operand])


def _combine(is_conjunction: bool, parts: Iterable[Formula]) -> Formula:
    """One formula of these: what is of the same kind, or one condition alone, needs no level of its own."""
    positive, negative, nested = set[Condition](), set[Condition](), dict[Formula, None]()
    for part in parts:
        is_single = not part.parts and len(part.positive) + len(part.negative) == 1
        if part.is_conjunction == is_conjunction or is_single:
            positive |= part.positive
            negative |= part.negative
            nested |= dict.fromkeys(part.parts)
        else:
            nested[part] = None
    if len(nested) == 1 and not positive and not negative:
        return next(iter(nested))
    return Formula(is_conjunction, frozenset(positive), frozenset(negative), tuple(nested))


def _deciding_conditions(node: Formula, *, wanted: bool) -> frozenset[Condition]:
    """Conditions of which one holds whenever the formula is `wanted`; the formula is otherwise where all fail."""
    own_conditions = node.positive if wanted else node.negative
    # All of an `all`, or none of an `any`: each is needed, and the rarest will do. Else each may do it.
    candidates = [frozenset((each,)) for each in own_conditions]
    candidates += [
        _deciding_conditions(part, wanted=wanted) for part in node.parts if part.evaluate(frozenset()) != wanted
    ]
    return min(candidates, key=_cost) if node.is_conjunction == wanted else frozenset[Condition]().union(*candidates)


def _cost(conditions: Collection[Condition]) -> float:
    """How many events one of these holds for, roughly."""
    return sum(
        _FREQUENCY[name] if dialect == "exact" else _FREQUENCY[name] * (1 + 40 / len(value))
        for dialect, name, value in conditions
    )
