"""Refuses query parameters that a route does not know."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from pathline_gateway.web.problem import Problem


async def refuse_unknown(request: Request) -> None:
    """Each parameter of the query is one that the route declares, and stands there once. Raises Problem."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    declared_names = set(_declared_names(route.dependant))
    names_seen = set[str]()
    for name, _ in request.query_params.multi_items():
        if name not in declared_names:
            raise Problem(422, "unknown-parameter", _advice(name, declared_names))
        if name in names_seen:
            raise Problem(422, "invalid-request", f"{name}: say it once")
        names_seen.add(name)


async def refuse_unknown_of_interface(request: Request) -> None:
    """Every route of `/v1` depends on it, so that none forgets it; pages say for themselves what they take."""
    if request.query_params and request.scope["path"].startswith("/v1/"):
        await refuse_unknown(request)


def _declared_names(dependant: Dependant) -> Iterator[str]:
    yield from (each.alias for each in dependant.query_params)
    for each in dependant.dependencies:
        yield from _declared_names(each)


def _advice(name: str, known: set[str]) -> str:
    # What was sent may be personal, and is not said back: what is near to it is ours.
    suggestions = get_close_matches(name, known, 1)
    accepted_parameters = f"this takes {', '.join(sorted(known))}" if known else "this takes none"
    return f"a parameter of the query is not known here: {accepted_parameters}" + (
        f"; did you mean {suggestions[0]}?" if suggestions else ""
    )


AllKnown: Final = Depends(refuse_unknown)
"""For a route that refuses what it does not know."""
