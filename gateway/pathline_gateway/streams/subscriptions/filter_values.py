"""Refuses filters that no event can match, because a value is in no list of the vocabulary. Pure.

No message repeats a value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, get_args

from pathline.vocabulary import TYPES
from pathline.vocabulary.codes import Actor, Channel, Initiator
from pathline.vocabulary.notices import NOTICES
from pathline_gateway.streams.subscriptions.filters import WrongFilter

CLOSED_VALUES: Final[Mapping[str, Collection[str]]] = {
    "type": (*TYPES, *NOTICES),
    "channel": get_args(Channel),
    "actor": get_args(Actor),
    "initiator": get_args(Initiator),
}
"""Attributes of which every value is known, and their values."""


def require_known_values(filters: Sequence[Any]) -> None:
    """Raises WrongFilter where a filter, which `compile_filters` could read, asks for what no event can say."""
    for path, dialect, name, value in _conditions(filters, "filters"):
        known = CLOSED_VALUES.get(name)
        if known is not None and not any(_holds(dialect, value, each) for each in known):
            raise WrongFilter(path, _advice(dialect, value, known))


def _conditions(filters: Sequence[Any], path: str) -> Iterator[tuple[str, str, str, str]]:
    for n, each in enumerate(filters):
        ((dialect, operand),) = each.items()
        where = f"{path}[{n}].{dialect}"
        if dialect in ("all", "any"):
            yield from _conditions(operand, where)
        elif dialect == "not":
            yield from _conditions([operand], where)
        else:
            yield from ((f"{where}.{name}", dialect, name, value) for name, value in operand.items())


def _holds(dialect: str, value: str, known: str) -> bool:
    match dialect:
        case "prefix":
            return known.startswith(value)
        case "suffix":
            return known.endswith(value)
        case _:
            return known == value


def _advice(dialect: str, value: str, known: Collection[str]) -> str:
    nearest = get_close_matches(value, known, n=1) if dialect == "exact" else []
    hint = (
        f"did you mean {nearest[0]}?"
        if nearest
        else f"there are {', '.join(known)}"
        if len(known) < 20
        else "see /docs/events"
    )
    return f"no event ever has this value: {hint}"
