"""Every route has its rule, and says what it leaves in the access log: otherwise nothing starts."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from pathline_gateway.access_log.declarations import find_unlogged_routes
from pathline_gateway.auth.route_permissions import find_undeclared_routes


class NotDeclared(Exception):
    """A route says nothing of who may call it or of its row in the access log, or a rule is about no route."""


def check_declarations(app: FastAPI) -> None:
    """Every route of the application has its rule, and says what it leaves in the log. Raises NotDeclared."""
    app_routes = {
        f"{method} {route.path}"
        for route in iter_route_contexts(app.routes)
        if not isinstance(route.original_route, Mount)
        for method in set(route.methods or ()) - {"HEAD"}
    }
    for declaration_kind, (routes, rules) in {
        "rule": find_undeclared_routes(app_routes),
        "row in the access log": find_unlogged_routes(app_routes),
    }.items():
        if routes or rules:
            raise NotDeclared(f"no {declaration_kind} for {sorted(routes)}, no route for {sorted(rules)}")
