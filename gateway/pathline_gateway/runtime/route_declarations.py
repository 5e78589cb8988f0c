"""Every route has its rule, and says what it leaves in the access log: otherwise nothing starts."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from pathline_gateway.access_log.declarations import unlogged
from pathline_gateway.auth.route_permissions import undeclared


class NotDeclared(Exception):
    """A route says nothing of who may call it or of its row in the access log, or a rule is about no route."""


def declared(app: FastAPI) -> None:
    """Every route of the application has its rule, and says what it leaves in the log. Raises NotDeclared."""
    found = {
        f"{method} {route.path}"
        for route in iter_route_contexts(app.routes)
        if not isinstance(route.original_route, Mount)
        for method in set(route.methods or ()) - {"HEAD"}
    }
    for of, (routes, rules) in {"rule": undeclared(found), "row in the access log": unlogged(found)}.items():
        if routes or rules:
            raise NotDeclared(f"no {of} for {sorted(routes)}, no route for {sorted(rules)}")
