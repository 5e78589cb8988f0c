"""Which roles may call which route: one table, and what is not in it does not start. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from pathline_gateway.auth.caller import Role

PUBLIC: Final = frozenset[str]()
"""Whoever calls: it tells nothing of anybody."""

_OPERATOR_ONLY: Final = frozenset((Role.OPERATOR,))
_REVIEWERS: Final = frozenset((Role.REVIEWER, Role.OPERATOR))
_SUBSCRIBER: Final = frozenset((Role.SUBSCRIBER,))
_PUBLISHER: Final = frozenset((Role.PUBLISHER,))
_DESK_ROLES: Final = frozenset((Role.PUBLISHER, Role.SUBSCRIBER))
_PERSON: Final = frozenset((Role.CITIZEN,))
# Operators; and an organisation, of what is its own.
_CONCEALMENT_ROLES: Final = frozenset((Role.PUBLISHER, Role.SUBSCRIBER, Role.OPERATOR))
_MEASURE_ROLES: Final = frozenset((Role.RESEARCHER, Role.OPERATOR, Role.AUDITOR))
_READER_ROLES: Final = frozenset((Role.PUBLISHER, Role.SUBSCRIBER, Role.CITIZEN, Role.HELPER, Role.OPERATOR))

ROUTE_ROLES: Final[Mapping[str, frozenset[str]]] = {
    "GET /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /asyncapi.json": PUBLIC,
    "GET /docs/api": PUBLIC,
    "GET /docs/api/{operation}": PUBLIC,
    "GET /docs/events": PUBLIC,
    "GET /docs/events/{type}": PUBLIC,
    "GET /sign-in": PUBLIC,
    "POST /sign-in": PUBLIC,
    "GET /sign-in/callback": PUBLIC,
    "POST /sign-out": PUBLIC,
    "GET /metrics": _OPERATOR_ONLY,
    # Totals over everybody: an organisation could tell from them what happens elsewhere.
    "GET /v1/status": _OPERATOR_ONLY | {Role.AUDITOR},
    "POST /v1/events": frozenset((Role.PUBLISHER, Role.LINKER, Role.CITIZEN)),
    "POST /v1/pathways/search": _READER_ROLES,
    "GET /v1/pathways/{pathway}": _READER_ROLES,
    "GET /v1/pathways/{pathway}/trace": _READER_ROLES,
    "POST /v1/subscriptions": _SUBSCRIBER,
    "POST /v1/subscriptions/dry-run": _SUBSCRIBER,
    "GET /v1/subscriptions": _SUBSCRIBER | _OPERATOR_ONLY,
    "GET /v1/subscriptions/{subscription}": _SUBSCRIBER | _OPERATOR_ONLY,
    "PUT /v1/subscriptions/{subscription}": _SUBSCRIBER,
    "DELETE /v1/subscriptions/{subscription}": _SUBSCRIBER | _OPERATOR_ONLY,
    "POST /v1/subscriptions/{subscription}/pause": _SUBSCRIBER | _OPERATOR_ONLY,
    "POST /v1/subscriptions/{subscription}/resume": _SUBSCRIBER | _OPERATOR_ONLY,
    "GET /v1/subscriptions/{subscription}/events": _SUBSCRIBER,
    "GET /v1/subscriptions/{subscription}/stream": _SUBSCRIBER,
    "GET /v1/subscriptions/{subscription}/explain": _SUBSCRIBER | _OPERATOR_ONLY,
    "POST /v1/subscriptions/{subscription}/replay": _SUBSCRIBER,
    "POST /v1/subscriptions/{subscription}/secret": _SUBSCRIBER,
    "GET /v1/subscriptions/{subscription}/status": _SUBSCRIBER | _OPERATOR_ONLY,
    "GET /v1/subscriptions/{subscription}/failures": _SUBSCRIBER | _OPERATOR_ONLY,
    "POST /v1/subscriptions/{subscription}/redrive": _SUBSCRIBER | _OPERATOR_ONLY,
    "POST /v1/subscriptions/{subscription}/canary": _SUBSCRIBER | _OPERATOR_ONLY,
    "GET /v1/account": frozenset((Role.CITIZEN, Role.HELPER)),
    "GET /v1/consents": _PERSON,
    "POST /v1/consents": _PERSON,
    "POST /v1/consents/agreements": _PERSON,
    "POST /v1/consents/withdrawals": _PERSON,
    "GET /v1/mandates": _PERSON,
    "POST /v1/mandates/agreements": _PERSON,
    "POST /v1/mandates/withdrawals": _PERSON,
    "GET /v1/measures": _MEASURE_ROLES,
    "GET /v1/measures/{name}": _MEASURE_ROLES,
    "GET /v1/access": frozenset((Role.CITIZEN, Role.HELPER, Role.AUDITOR)),
    "POST /v1/identity/tokens": frozenset((Role.PUBLISHER, Role.CITIZEN)),
    "POST /v1/identity/links": _PERSON,
    "GET /v1/identity/links/{link}": _PERSON,
    "POST /v1/identity/retractions": _PERSON,
    "GET /v1/identity/review": _REVIEWERS,
    "GET /v1/identity/review/{item}": _REVIEWERS,
    "POST /v1/identity/review/{item}/decision": _REVIEWERS,
    "POST /v1/identity/review/{item}/undo": _REVIEWERS,
    "GET /v1/linkers": _OPERATOR_ONLY,
    "POST /v1/linkers": _OPERATOR_ONLY,
    "DELETE /v1/linkers/{org}/{of}": _OPERATOR_ONLY,
    "GET /v1/registrars": _OPERATOR_ONLY,
    "POST /v1/registrars": _OPERATOR_ONLY,
    "DELETE /v1/registrars/{org}": _OPERATOR_ONLY,
    "GET /v1/concealed": _CONCEALMENT_ROLES,
    "POST /v1/concealed": _OPERATOR_ONLY,
    "POST /v1/concealed/lifted": _CONCEALMENT_ROLES,
    "GET /v1/lawful-bases": _OPERATOR_ONLY,
    "POST /v1/lawful-bases": _OPERATOR_ONLY,
    "POST /v1/lawful-bases/{number}/end": _OPERATOR_ONLY,
    "GET /v1/organisations": _OPERATOR_ONLY,
    "POST /v1/organisations": _OPERATOR_ONLY,
    "GET /v1/register/changes": _OPERATOR_ONLY | {Role.AUDITOR},
    "GET /v1/parked": _OPERATOR_ONLY,
    "GET /v1/parked/summary": _OPERATOR_ONLY,
    "GET /v1/parked/{id}": _OPERATOR_ONLY,
    "POST /v1/parked/replay": _OPERATOR_ONLY,
    "POST /v1/parked/discard": _OPERATOR_ONLY,
    "GET /v1/set-aside": _OPERATOR_ONLY,
    "POST /v1/set-aside/retry": _OPERATOR_ONLY,
    "GET /desk": _DESK_ROLES,
    "GET /desk/ended": _DESK_ROLES,
    "GET /desk/handoffs/{handle}": _DESK_ROLES,
    "POST /desk/handoffs/{handle}": _PUBLISHER,
    "GET /desk/referrals": _DESK_ROLES,
    "GET /desk/referrals/ended": _DESK_ROLES,
    "GET /desk/referrals/new": _DESK_ROLES,
    "POST /desk/referrals": _PUBLISHER,
    "GET /desk/contact": _DESK_ROLES,
    "POST /desk/contact": _PUBLISHER,
    "GET /desk/spreadsheet": _DESK_ROLES,
    "POST /desk/spreadsheet": _PUBLISHER,
    "GET /desk/organisation": _DESK_ROLES,
    "POST /desk/organisation": _DESK_ROLES,
    "GET /console": _OPERATOR_ONLY,
    "GET /console/handoffs": _OPERATOR_ONLY,
    "GET /console/handoffs/pair": _OPERATOR_ONLY,
    "GET /console/handoffs/silent": _OPERATOR_ONLY,
    "GET /console/streams": _OPERATOR_ONLY,
    "GET /console/streams/{subscription}": _OPERATOR_ONLY,
    "POST /console/streams/{subscription}/pause": _OPERATOR_ONLY,
    "POST /console/streams/{subscription}/resume": _OPERATOR_ONLY,
    "POST /console/streams/{subscription}/redrive": _OPERATOR_ONLY,
    "POST /console/streams/{subscription}/replay": _OPERATOR_ONLY,
    "POST /console/streams/{subscription}/explain": _OPERATOR_ONLY,
    "POST /console/pathways": _OPERATOR_ONLY,
    "GET /console/pathways/{pathway}": _OPERATOR_ONLY,
    "GET /console/pathways/{pathway}/trace": _OPERATOR_ONLY,
    "GET /console/parked": _OPERATOR_ONLY,
    "POST /console/parked/replay": _OPERATOR_ONLY,
    "POST /console/parked/discard": _OPERATOR_ONLY,
    "GET /console/set-aside": _OPERATOR_ONLY,
    "POST /console/set-aside/retry": _OPERATOR_ONLY,
    "GET /console/review": _REVIEWERS,
    "GET /console/review/{item}": _REVIEWERS,
    "POST /console/review/{item}/decision": _REVIEWERS,
    "POST /console/review/{item}/undo": _REVIEWERS,
    "GET /issuer/.well-known/openid-configuration": PUBLIC,
    "GET /issuer/jwks.json": PUBLIC,
    "POST /issuer/token": PUBLIC,
    "GET /issuer/authorize": PUBLIC,
    "POST /issuer/authorize": PUBLIC,
}
"""By method and path. An organisation's roles reach what is its own: see the door and the reader's view."""

_PATTERNS: Final = {
    name: re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(name))) for name in ROUTE_ROLES if "{" in name
}
OPTIONAL_ROUTES: Final = frozenset(name for name in ROUTE_ROLES if "/issuer/" in name)
"""Routes that only some gateways have."""


def find_route(method: str, path: str) -> str | None:
    """The rule that this is asked of, as `ROUTE_ROLES` names it; None where there is nothing of the kind."""
    route = f"{'GET' if method == 'HEAD' else method} {path}"
    if route in ROUTE_ROLES:
        return route
    return next((name for name, pattern in _PATTERNS.items() if pattern.fullmatch(route)), None)


def path_parameters(route: str, path: str) -> dict[str, str]:
    """What stands in the path in the place of each parameter of this rule."""
    match = _PATTERNS[route].fullmatch(f"{route.partition(' ')[0]} {path}") if route in _PATTERNS else None
    return {} if match is None else match.groupdict()


def roles_for(method: str, path: str) -> frozenset[str] | None:
    """Who may ask this; None where there is nothing of the kind."""
    route = find_route(method, path)
    return None if route is None else ROUTE_ROLES[route]


def route_without_slash(path: str) -> str | None:
    """The route that is meant by a path with slashes at its end, as the table writes it; None where there is none."""
    trimmed = path.rstrip("/")
    if trimmed == path:
        return None
    names = (name.partition(" ")[2] for name in ROUTE_ROLES)
    return next((name for name in names if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(name)), trimmed)), None)


def find_undeclared_routes(routes: Collection[str]) -> tuple[set[str], set[str]]:
    """The routes that no rule is about, and the rules that are about no route."""
    return set(routes) - ROUTE_ROLES.keys(), ROUTE_ROLES.keys() - OPTIONAL_ROUTES - set(routes)
