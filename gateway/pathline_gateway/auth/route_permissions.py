"""Which roles may call which route: one table, and what is not in it does not start. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from pathline_gateway.auth.caller import Role

PUBLIC: Final = frozenset[str]()
"""Whoever calls: it tells nothing of anybody."""

_OPERATOR: Final = frozenset((Role.OPERATOR,))
_REVIEWERS: Final = frozenset((Role.REVIEWER, Role.OPERATOR))
_SUBSCRIBER: Final = frozenset((Role.SUBSCRIBER,))
_PUBLISHER: Final = frozenset((Role.PUBLISHER,))
_DESK: Final = frozenset((Role.PUBLISHER, Role.SUBSCRIBER))
_PERSON: Final = frozenset((Role.CITIZEN,))
# Operators; and an organisation, of what is its own.
_CONCEALING: Final = frozenset((Role.PUBLISHER, Role.SUBSCRIBER, Role.OPERATOR))
_COHORTS: Final = frozenset((Role.RESEARCHER, Role.OPERATOR, Role.AUDITOR))
_READERS: Final = frozenset((Role.PUBLISHER, Role.SUBSCRIBER, Role.CITIZEN, Role.HELPER, Role.OPERATOR))

ACCESS: Final[Mapping[str, frozenset[str]]] = {
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
    "GET /metrics": _OPERATOR,
    # Totals over everybody: an organisation could tell from them what happens elsewhere.
    "GET /v1/status": _OPERATOR | {Role.AUDITOR},
    "POST /v1/events": frozenset((Role.PUBLISHER, Role.LINKER, Role.CITIZEN)),
    "POST /v1/pathways/search": _READERS,
    "GET /v1/pathways/{pathway}": _READERS,
    "GET /v1/pathways/{pathway}/trace": _READERS,
    "POST /v1/subscriptions": _SUBSCRIBER,
    "POST /v1/subscriptions/dry-run": _SUBSCRIBER,
    "GET /v1/subscriptions": _SUBSCRIBER | _OPERATOR,
    "GET /v1/subscriptions/{subscription}": _SUBSCRIBER | _OPERATOR,
    "PUT /v1/subscriptions/{subscription}": _SUBSCRIBER,
    "DELETE /v1/subscriptions/{subscription}": _SUBSCRIBER | _OPERATOR,
    "POST /v1/subscriptions/{subscription}/pause": _SUBSCRIBER | _OPERATOR,
    "POST /v1/subscriptions/{subscription}/resume": _SUBSCRIBER | _OPERATOR,
    "GET /v1/subscriptions/{subscription}/events": _SUBSCRIBER,
    "GET /v1/subscriptions/{subscription}/stream": _SUBSCRIBER,
    "GET /v1/subscriptions/{subscription}/explain": _SUBSCRIBER | _OPERATOR,
    "POST /v1/subscriptions/{subscription}/replay": _SUBSCRIBER,
    "POST /v1/subscriptions/{subscription}/secret": _SUBSCRIBER,
    "GET /v1/subscriptions/{subscription}/status": _SUBSCRIBER | _OPERATOR,
    "GET /v1/subscriptions/{subscription}/failures": _SUBSCRIBER | _OPERATOR,
    "POST /v1/subscriptions/{subscription}/redrive": _SUBSCRIBER | _OPERATOR,
    "POST /v1/subscriptions/{subscription}/canary": _SUBSCRIBER | _OPERATOR,
    "GET /v1/account": frozenset((Role.CITIZEN, Role.HELPER)),
    "GET /v1/consents": _PERSON,
    "POST /v1/consents": _PERSON,
    "POST /v1/consents/agreements": _PERSON,
    "POST /v1/consents/withdrawals": _PERSON,
    "GET /v1/mandates": _PERSON,
    "POST /v1/mandates/agreements": _PERSON,
    "POST /v1/mandates/withdrawals": _PERSON,
    "GET /v1/measures": _COHORTS,
    "GET /v1/measures/{name}": _COHORTS,
    "GET /v1/access": frozenset((Role.CITIZEN, Role.HELPER, Role.AUDITOR)),
    "POST /v1/identity/tokens": frozenset((Role.PUBLISHER, Role.CITIZEN)),
    "POST /v1/identity/links": _PERSON,
    "GET /v1/identity/links/{link}": _PERSON,
    "POST /v1/identity/retractions": _PERSON,
    "GET /v1/identity/review": _REVIEWERS,
    "GET /v1/identity/review/{item}": _REVIEWERS,
    "POST /v1/identity/review/{item}/decision": _REVIEWERS,
    "POST /v1/identity/review/{item}/undo": _REVIEWERS,
    "GET /v1/linkers": _OPERATOR,
    "POST /v1/linkers": _OPERATOR,
    "DELETE /v1/linkers/{org}/{of}": _OPERATOR,
    "GET /v1/registrars": _OPERATOR,
    "POST /v1/registrars": _OPERATOR,
    "DELETE /v1/registrars/{org}": _OPERATOR,
    "GET /v1/concealed": _CONCEALING,
    "POST /v1/concealed": _OPERATOR,
    "POST /v1/concealed/lifted": _CONCEALING,
    "GET /v1/lawful-bases": _OPERATOR,
    "POST /v1/lawful-bases": _OPERATOR,
    "POST /v1/lawful-bases/{number}/end": _OPERATOR,
    "GET /v1/organisations": _OPERATOR,
    "POST /v1/organisations": _OPERATOR,
    "GET /v1/register/changes": _OPERATOR | {Role.AUDITOR},
    "GET /v1/parked": _OPERATOR,
    "GET /v1/parked/summary": _OPERATOR,
    "GET /v1/parked/{id}": _OPERATOR,
    "POST /v1/parked/replay": _OPERATOR,
    "POST /v1/parked/discard": _OPERATOR,
    "GET /v1/set-aside": _OPERATOR,
    "POST /v1/set-aside/retry": _OPERATOR,
    "GET /desk": _DESK,
    "GET /desk/ended": _DESK,
    "GET /desk/handoffs/{handle}": _DESK,
    "POST /desk/handoffs/{handle}": _PUBLISHER,
    "GET /desk/referrals": _DESK,
    "GET /desk/referrals/ended": _DESK,
    "GET /desk/referrals/new": _DESK,
    "POST /desk/referrals": _PUBLISHER,
    "GET /desk/contact": _DESK,
    "POST /desk/contact": _PUBLISHER,
    "GET /desk/spreadsheet": _DESK,
    "POST /desk/spreadsheet": _PUBLISHER,
    "GET /desk/organisation": _DESK,
    "POST /desk/organisation": _DESK,
    "GET /console": _OPERATOR,
    "GET /console/handoffs": _OPERATOR,
    "GET /console/handoffs/pair": _OPERATOR,
    "GET /console/handoffs/silent": _OPERATOR,
    "GET /console/streams": _OPERATOR,
    "GET /console/streams/{subscription}": _OPERATOR,
    "POST /console/streams/{subscription}/pause": _OPERATOR,
    "POST /console/streams/{subscription}/resume": _OPERATOR,
    "POST /console/streams/{subscription}/redrive": _OPERATOR,
    "POST /console/streams/{subscription}/replay": _OPERATOR,
    "POST /console/streams/{subscription}/explain": _OPERATOR,
    "POST /console/pathways": _OPERATOR,
    "GET /console/pathways/{pathway}": _OPERATOR,
    "GET /console/pathways/{pathway}/trace": _OPERATOR,
    "GET /console/parked": _OPERATOR,
    "POST /console/parked/replay": _OPERATOR,
    "POST /console/parked/discard": _OPERATOR,
    "GET /console/set-aside": _OPERATOR,
    "POST /console/set-aside/retry": _OPERATOR,
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
    name: re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(name))) for name in ACCESS if "{" in name
}
OPTIONAL: Final = frozenset(name for name in ACCESS if "/issuer/" in name)
"""Routes that only some gateways have."""


def route_of(method: str, path: str) -> str | None:
    """The rule that this is asked of, as `ACCESS` names it; None where there is nothing of the kind."""
    asked = f"{'GET' if method == 'HEAD' else method} {path}"
    if asked in ACCESS:
        return asked
    return next((name for name, pattern in _PATTERNS.items() if pattern.fullmatch(asked)), None)


def parameters_of(route: str, path: str) -> dict[str, str]:
    """What stands in the path in the place of each parameter of this rule."""
    found = _PATTERNS[route].fullmatch(f"{route.partition(' ')[0]} {path}") if route in _PATTERNS else None
    return {} if found is None else found.groupdict()


def roles_for(method: str, path: str) -> frozenset[str] | None:
    """Who may ask this; None where there is nothing of the kind."""
    route = route_of(method, path)
    return None if route is None else ACCESS[route]


def without_slash(path: str) -> str | None:
    """The route that is meant by a path with slashes at its end, as the table writes it; None where there is none."""
    meant = path.rstrip("/")
    if meant == path:
        return None
    names = (name.partition(" ")[2] for name in ACCESS)
    return next((name for name in names if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(name)), meant)), None)


def undeclared(routes: Collection[str]) -> tuple[set[str], set[str]]:
    """The routes that no rule is about, and the rules that are about no route."""
    return set(routes) - ACCESS.keys(), ACCESS.keys() - OPTIONAL - set(routes)
