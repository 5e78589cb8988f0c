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

_NOT_STORABLE: Final = "must be text without U+0000 and without half a surrogate pair"
_NOT_FINITE: Final = "must be a finite number, as JSON has it"


Place = tuple[int | str, ...]
"""Where something stands in a request: path, query or body, and then names and numbers."""


async def require_storable_request(request: Request) -> None:
    """Every route depends on it, so that none forgets it: path, query and JSON body can be kept, whoever reads them.

    Raises Problem.
    """
    values: list[tuple[Place, object]] = [(("path", name), value) for name, value in request.path_params.items()]
    values += [(("query", name), part) for name, value in request.query_params.multi_items() for part in (name, value)]
    if getattr(request.scope["route"], "body_field", None) is not None:
        values.append((("body",), await _read_json(request)))
    require_storable(values)


def require_storable(values: list[tuple[Place, object]]) -> None:
    """Raises Problem where any of this cannot be kept: says where, and not what."""
    for location, fault in _find_faults(values):
        field = ".".join(map(field_name, location))
        raise Problem(422, "invalid-request", f"{field}: {fault}", errors=[{"field": field, "detail": fault}])


async def _read_json(request: Request) -> object:
    """The body, which the framework has read before and refuses by itself where it is no JSON."""
    try:
        return await request.json()
    except ValueError:
        return None


def _find_faults(pending: list[tuple[Place, object]]) -> Iterator[tuple[Place, str]]:
    """Where something cannot be kept, and why; however deep it stands."""
    while pending:
        location, value = pending.pop()
        match value:
            case str() if not _is_text(value):
                yield location, _NOT_STORABLE
            case float() if not math.isfinite(value):
                yield location, _NOT_FINITE
            case dict():
                pending += [((*location, name), part) for name, each in value.items() for part in (name, each)]
            case list() | tuple():
                pending += [((*location, n), each) for n, each in enumerate(value)]


def _is_text(value: str) -> bool:
    if value.isascii():
        return "\0" not in value
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
