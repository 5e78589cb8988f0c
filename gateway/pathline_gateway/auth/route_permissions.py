"""Which roles may call which route: one table, and what is not in it does not start. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from pathline_gateway.auth.caller import Role

PUBLIC: Final = frozenset[str]()
"""Whoever calls: it tells nothing of anybody."""

OPERATORS: Final = frozenset((Role.OPERATOR,))
REVIEWERS: Final = frozenset((Role.REVIEWER, Role.OPERATOR))
OVERSEERS: Final = frozenset((Role.OPERATOR, Role.AUDITOR))
SUBSCRIBERS: Final = frozenset((Role.SUBSCRIBER,))
SUBSCRIBERS_AND_OPERATORS: Final = frozenset((Role.SUBSCRIBER, Role.OPERATOR))
EVENT_PUBLISHERS: Final = frozenset((Role.PUBLISHER, Role.LINKER, Role.CITIZEN))
TOKEN_ISSUERS: Final = frozenset((Role.PUBLISHER, Role.CITIZEN))
DESK_READERS: Final = frozenset((Role.PUBLISHER, Role.SUBSCRIBER))
DESK_WRITERS: Final = frozenset((Role.PUBLISHER,))
CITIZENS: Final = frozenset((Role.CITIZEN,))
PERSONS: Final = frozenset((Role.CITIZEN, Role.HELPER))
ORGANISATIONS_AND_OPERATORS: Final = frozenset((Role.PUBLISHER, Role.SUBSCRIBER, Role.OPERATOR))
"""Operators; and an organisation, of what is its own."""
MEASURE_READERS: Final = frozenset((Role.RESEARCHER, Role.OPERATOR, Role.AUDITOR))
PATHWAY_READERS: Final = frozenset((Role.PUBLISHER, Role.SUBSCRIBER, Role.CITIZEN, Role.HELPER, Role.OPERATOR))
ACCESS_LOG_READERS: Final = frozenset((Role.CITIZEN, Role.HELPER, Role.AUDITOR))

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
    "GET /metrics": OPERATORS,
    # Totals over everybody: an organisation could tell from them what happens elsewhere.
    "GET /v1/status": OVERSEERS,
    "POST /v1/events": EVENT_PUBLISHERS,
    "POST /v1/pathways/search": PATHWAY_READERS,
    "GET /v1/pathways/{pathway}": PATHWAY_READERS,
    "GET /v1/pathways/{pathway}/trace": PATHWAY_READERS,
    "POST /v1/subscriptions": SUBSCRIBERS,
    "POST /v1/subscriptions/dry-run": SUBSCRIBERS,
    "GET /v1/subscriptions": SUBSCRIBERS_AND_OPERATORS,
    "GET /v1/subscriptions/{subscription}": SUBSCRIBERS_AND_OPERATORS,
    "PUT /v1/subscriptions/{subscription}": SUBSCRIBERS,
    "DELETE /v1/subscriptions/{subscription}": SUBSCRIBERS_AND_OPERATORS,
    "POST /v1/subscriptions/{subscription}/pause": SUBSCRIBERS_AND_OPERATORS,
    "POST /v1/subscriptions/{subscription}/resume": SUBSCRIBERS_AND_OPERATORS,
    "GET /v1/subscriptions/{subscription}/events": SUBSCRIBERS,
    "GET /v1/subscriptions/{subscription}/events/{number}": SUBSCRIBERS,
    "GET /v1/subscriptions/{subscription}/stream": SUBSCRIBERS,
    "GET /v1/subscriptions/{subscription}/explain": SUBSCRIBERS_AND_OPERATORS,
    "POST /v1/subscriptions/{subscription}/replay": SUBSCRIBERS,
    "POST /v1/subscriptions/{subscription}/secret": SUBSCRIBERS,
    "GET /v1/subscriptions/{subscription}/status": SUBSCRIBERS_AND_OPERATORS,
    "GET /v1/subscriptions/{subscription}/failures": SUBSCRIBERS_AND_OPERATORS,
    "POST /v1/subscriptions/{subscription}/redrive": SUBSCRIBERS_AND_OPERATORS,
    "POST /v1/subscriptions/{subscription}/canary": SUBSCRIBERS_AND_OPERATORS,
    "GET /v1/account": PERSONS,
    "GET /v1/consents": CITIZENS,
    "POST /v1/consents": CITIZENS,
    "POST /v1/consents/agreements": CITIZENS,
    "POST /v1/consents/withdrawals": CITIZENS,
    "GET /v1/mandates": CITIZENS,
    "POST /v1/mandates/agreements": CITIZENS,
    "POST /v1/mandates/withdrawals": CITIZENS,
    "GET /v1/measures": MEASURE_READERS,
    "GET /v1/measures/{name}": MEASURE_READERS,
    "GET /v1/access": ACCESS_LOG_READERS,
    "POST /v1/identity/tokens": TOKEN_ISSUERS,
    "POST /v1/identity/links": CITIZENS,
    "GET /v1/identity/links/{link}": CITIZENS,
    "POST /v1/identity/retractions": CITIZENS,
    "GET /v1/identity/review": REVIEWERS,
    "GET /v1/identity/review/{item}": REVIEWERS,
    "POST /v1/identity/review/{item}/decision": REVIEWERS,
    "POST /v1/identity/review/{item}/undo": REVIEWERS,
    "GET /v1/linkers": OPERATORS,
    "POST /v1/linkers": OPERATORS,
    "DELETE /v1/linkers/{org}/{of}": OPERATORS,
    "GET /v1/registrars": OPERATORS,
    "POST /v1/registrars": OPERATORS,
    "DELETE /v1/registrars/{org}": OPERATORS,
    "GET /v1/concealed": ORGANISATIONS_AND_OPERATORS,
    "POST /v1/concealed": OPERATORS,
    "POST /v1/concealed/lifted": ORGANISATIONS_AND_OPERATORS,
    "GET /v1/lawful-bases": OPERATORS,
    "POST /v1/lawful-bases": OPERATORS,
    "POST /v1/lawful-bases/{number}/end": OPERATORS,
    "GET /v1/organisations": OPERATORS,
    "POST /v1/organisations": OPERATORS,
    "GET /v1/register/changes": OVERSEERS,
    "GET /v1/parked": OPERATORS,
    "GET /v1/parked/summary": OPERATORS,
    "GET /v1/parked/{id}": OPERATORS,
    "POST /v1/parked/replay": OPERATORS,
    "POST /v1/parked/discard": OPERATORS,
    "GET /v1/set-aside": OPERATORS,
    "POST /v1/set-aside/retry": OPERATORS,
    "GET /desk": DESK_READERS,
    "GET /desk/ended": DESK_READERS,
    "GET /desk/handoffs/{handle}": DESK_READERS,
    "POST /desk/handoffs/{handle}": DESK_WRITERS,
    "GET /desk/referrals": DESK_READERS,
    "GET /desk/referrals/ended": DESK_READERS,
    "GET /desk/referrals/new": DESK_READERS,
    "POST /desk/referrals": DESK_WRITERS,
    "GET /desk/contact": DESK_READERS,
    "POST /desk/contact": DESK_WRITERS,
    "GET /desk/spreadsheet": DESK_READERS,
    "POST /desk/spreadsheet": DESK_WRITERS,
    "GET /desk/organisation": DESK_READERS,
    "POST /desk/organisation": DESK_READERS,
    "GET /console": OPERATORS,
    "GET /console/handoffs": OPERATORS,
    "GET /console/handoffs/pair": OPERATORS,
    "GET /console/handoffs/silent": OPERATORS,
    "GET /console/streams": OPERATORS,
    "GET /console/streams/{subscription}": OPERATORS,
    "POST /console/streams/{subscription}/pause": OPERATORS,
    "POST /console/streams/{subscription}/resume": OPERATORS,
    "POST /console/streams/{subscription}/redrive": OPERATORS,
    "POST /console/streams/{subscription}/replay": OPERATORS,
    "POST /console/streams/{subscription}/explain": OPERATORS,
    "POST /console/pathways": OPERATORS,
    "GET /console/pathways/{pathway}": OPERATORS,
    "GET /console/pathways/{pathway}/trace": OPERATORS,
    "GET /console/parked": OPERATORS,
    "POST /console/parked/replay": OPERATORS,
    "POST /console/parked/discard": OPERATORS,
    "GET /console/set-aside": OPERATORS,
    "POST /console/set-aside/retry": OPERATORS,
    "GET /console/review": REVIEWERS,
    "GET /console/review/{item}": REVIEWERS,
    "POST /console/review/{item}/decision": REVIEWERS,
    "POST /console/review/{item}/undo": REVIEWERS,
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
    """The route that a path with slashes at its end means, as the table writes it; None where there is none."""
    trimmed = path.rstrip("/")
    if trimmed == path:
        return None
    names = (name.partition(" ")[2] for name in ROUTE_ROLES)
    return next((name for name in names if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(name)), trimmed)), None)


def find_undeclared_routes(routes: Collection[str]) -> tuple[set[str], set[str]]:
    """The routes that no rule is about, and the rules that are about no route."""
    return set(routes) - ROUTE_ROLES.keys(), ROUTE_ROLES.keys() - OPTIONAL_ROUTES - set(routes)
