"""Every route has its rule, its endpoint asks for the same roles, and it says what it leaves in the access log.

Otherwise nothing starts.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute, Mount

from pathline_gateway.access_log.declarations import find_unlogged_routes
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.dependencies import RoleCheck
from pathline_gateway.auth.route_permissions import ROUTE_ROLES, find_undeclared_routes
from pathline_gateway.web.context import AppContext, ServiceOf


class NotDeclared(Exception):
    """A route lacks roles or a row of the access log, its endpoint asks for others, or a rule has no route."""


def check_declarations(app: FastAPI) -> None:
    """Every route of the application has its rule, and says what it leaves in the log. Raises NotDeclared."""
    # Two endpoints may have one name, and both are looked at.
    routes_by_name = list(_routes_by_name(app))
    app_routes = {name for name, _ in routes_by_name}
    for declaration_kind, (routes, rules) in {
        "rule": find_undeclared_routes(app_routes),
        "row in the access log": find_unlogged_routes(app_routes),
    }.items():
        if routes or rules:
            raise NotDeclared(f"no {declaration_kind} for {sorted(routes)}, no route for {sorted(rules)}")
    if disagreeing := [name for name, route in routes_by_name if not _agrees_with_rule(name, route)]:
        raise NotDeclared(f"the endpoint asks for other roles than the rule of {sorted(disagreeing)}")


def check_services(app: FastAPI, context: AppContext) -> None:
    """Every service that an endpoint of the application asks for is there. Raises ServiceMissing."""
    for _, route in _routes_by_name(app):
        if isinstance(route, APIRoute):
            for call in _calls(route.dependant):
                if isinstance(call, ServiceOf):
                    context.service(call.kind)


def roles_of_endpoint(route: BaseRoute) -> set[frozenset[Role]]:
    """The roles that the dependencies of its endpoint ask for; empty for a public one."""
    return set(_role_checks(route.dependant)) if isinstance(route, APIRoute) else set()


def _routes_by_name(app: FastAPI) -> Iterator[tuple[str, BaseRoute]]:
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, Mount):
            for method in set(route.methods or ()) - {"HEAD"}:
                yield f"{method} {route.path}", route.original_route


def _agrees_with_rule(name: str, route: BaseRoute) -> bool:
    rule = ROUTE_ROLES[name]
    return roles_of_endpoint(route) == ({rule} if rule else set())


def _role_checks(dependant: Dependant) -> Iterator[frozenset[Role]]:
    return (call.roles for call in _calls(dependant) if isinstance(call, RoleCheck))


def _calls(dependant: Dependant) -> Iterator[object]:
    """The endpoint, its dependencies and theirs."""
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)
