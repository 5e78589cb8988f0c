"""Refuses query parameters that a route does not know."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from pathline_gateway.web.problem import Problem


def refuse_unknown(request: Request) -> None:
    """Each parameter of the query is one that the route declares, and stands there once. Raises Problem."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = set(_declared(route.dependant))
    seen = set[str]()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            raise Problem(422, "unknown-parameter", _advice(name, known))
        if name in seen:
            raise Problem(422, "invalid-request", f"{name}: say it once")
        seen.add(name)


def _declared(of: Dependant) -> Iterator[str]:
    yield from (each.alias for each in of.query_params)
    for each in of.dependencies:
        yield from _declared(each)


def _advice(name: str, known: set[str]) -> str:
    # What was sent may be personal, and is not said back: what is near to it is ours.
    near = get_close_matches(name, known, 1)
    takes = f"this takes {', '.join(sorted(known))}" if known else "this takes none"
    return f"a parameter of the query is not known here: {takes}" + (f"; did you mean {near[0]}?" if near else "")


AllKnown: Final = Depends(refuse_unknown)
"""For a route that refuses what it does not know."""
