"""A subscription's filters in one normal form, which is quick to evaluate and quick to look up. Pure.

`not` stands at single conditions only, an `all` within an `all` is one, and so is an `any` within an `any`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

Condition = tuple[str, str, str]
"""Dialect (exact, prefix or suffix), attribute and value."""

_COMMON: Final[Mapping[str, int]] = {
    "subject": 1, "activity": 8, "source": 16, "type": 16, "service": 20, "org": 24, "channel": 60, "actor": 80,
    "initiator": 80,
}  # fmt: skip
"""How common a value of each attribute is, roughly: among how many events one has it is a hundredth of it."""
_ONE: Final = ("exact", "prefix", "suffix")


@dataclass(frozen=True)
class Formula:
    """Conditions, which hold all together or one of them; nested ones are of the other kind."""

    every: bool
    """All must hold; else one of them."""
    holding: frozenset[Condition]
    """These hold, each for itself."""
    failing: frozenset[Condition]
    """These do not hold, each for itself."""
    parts: tuple[Formula, ...]
    hashed: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash((self.every, self.holding, self.failing, self.parts)))

    def __hash__(self) -> int:
        return self.hashed

    def holds(self, held: AbstractSet[Condition]) -> bool:
        """Whether an event is wanted for which these conditions hold, and no others."""
        if self.every:
            return (
                self.holding <= held
                and self.failing.isdisjoint(held)
                and (not self.parts or all(part.holds(held) for part in self.parts))
            )
        return (
            not self.holding.isdisjoint(held)
            or not self.failing <= held
            or (bool(self.parts) and any(part.holds(held) for part in self.parts))
        )

    def deciding(self) -> frozenset[Condition]:
        """Conditions of which one must hold, or else the formula says what it says when no condition holds at all."""
        return _deciding(self, wanted=not self.holds(frozenset()))


def formula(filters: Sequence[Any]) -> Formula:
    """The normal form of filters that `filters.matcher` could read."""
    return _joined(True, [_normal(each, True) for each in filters])


def _normal(given: Mapping[str, Any], straight: bool) -> Formula:
    """The form of one filter, or of its opposite."""
    ((dialect, said),) = given.items()
    if dialect == "not":
        return _normal(said, not straight)
    if dialect in _ONE:
        conditions = frozenset((dialect, name, value) for name, value in said.items())
        none = frozenset[Condition]()
        return Formula(straight, conditions if straight else none, none if straight else conditions, ())
    return _joined((dialect == "all") == straight, [_normal(each, straight) for each in said])


def _joined(every: bool, parts: Iterable[Formula]) -> Formula:
    """One formula of these: what is of the same kind, or one condition alone, needs no level of its own."""
    holding, failing, nested = set[Condition](), set[Condition](), dict[Formula, None]()
    for part in parts:
        alone = not part.parts and len(part.holding) + len(part.failing) == 1
        if part.every == every or alone:
            holding |= part.holding
            failing |= part.failing
            nested |= dict.fromkeys(part.parts)
        else:
            nested[part] = None
    if len(nested) == 1 and not holding and not failing:
        return next(iter(nested))
    return Formula(every, frozenset(holding), frozenset(failing), tuple(nested))


def _deciding(of: Formula, *, wanted: bool) -> frozenset[Condition]:
    """Conditions of which one holds whenever the formula is what is `wanted`, which it is not when none holds."""
    mine = of.holding if wanted else of.failing
    # All of an `all`, or none of an `any`: each is needed, and the rarest will do. Else each may do it.
    needed = [frozenset((each,)) for each in mine]
    needed += [_deciding(part, wanted=wanted) for part in of.parts if part.holds(frozenset()) != wanted]
    return min(needed, key=_cost) if of.every == wanted else frozenset[Condition]().union(*needed)


def _cost(conditions: Collection[Condition]) -> float:
    """How many events one of these holds for, roughly."""
    return sum(
        _COMMON[name] if dialect == "exact" else _COMMON[name] * (1 + 40 / len(value))
        for dialect, name, value in conditions
    )
