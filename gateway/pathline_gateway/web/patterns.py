"""Patterns of text that Postgres can keep, and a check of everything that a request says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from fastapi import Request

from pathline.explain import field_name
from pathline_gateway.web.problem import Problem

STORABLE: Final = r"^[^\x00]*$"
"""Postgres keeps no text with a NUL in it."""
CODES: Final = r"^[a-z0-9-]*$"
"""What codes and reasons are written with."""

_NEITHER: Final = "must be text without U+0000 and without half a surrogate pair"
_NO_NUMBER: Final = "must be a finite number, as JSON has it"


Place = tuple[int | str, ...]
"""Where something stands in a request: path, query or body, and then names and numbers."""


async def storable(request: Request) -> None:
    """Every route depends on it, so that none forgets it: path, query and JSON body can be kept, whoever reads them.

    Raises Problem.
    """
    said: list[tuple[Place, object]] = [(("path", name), value) for name, value in request.path_params.items()]
    said += [(("query", name), part) for name, value in request.query_params.multi_items() for part in (name, value)]
    if getattr(request.scope["route"], "body_field", None) is not None:
        said.append((("body",), await _json(request)))
    require_storable(said)


def require_storable(said: list[tuple[Place, object]]) -> None:
    """Raises Problem where any of this cannot be kept: says where, and not what."""
    for place, wrong in _faults(said):
        field = ".".join(map(field_name, place))
        raise Problem(422, "invalid-request", f"{field}: {wrong}", errors=[{"field": field, "detail": wrong}])


async def _json(request: Request) -> object:
    """The body, which the framework has read before and refuses by itself where it is no JSON."""
    try:
        return await request.json()
    except ValueError:
        return None


def _faults(left: list[tuple[Place, object]]) -> Iterator[tuple[Place, str]]:
    """Where something cannot be kept, and why; however deep it stands."""
    while left:
        place, value = left.pop()
        match value:
            case str() if not _is_text(value):
                yield place, _NEITHER
            case float() if not math.isfinite(value):
                yield place, _NO_NUMBER
            case dict():
                left += [((*place, name), part) for name, each in value.items() for part in (name, each)]
            case list() | tuple():
                left += [((*place, n), each) for n, each in enumerate(value)]


def _is_text(value: str) -> bool:
    if value.isascii():
        return "\0" not in value
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
