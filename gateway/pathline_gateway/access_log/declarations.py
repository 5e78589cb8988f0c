"""A table: which row each route leaves in the access log. A route that is missing stops the start. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Final, NamedTuple

from pathline_gateway.auth.route_permissions import OPTIONAL_ROUTES


class AccessKind(Enum):
    """What a route is about, and so which of its answers leave a row.

    What lists or counts parked records, people, hand-offs or the register is a reading; totals are only figures of the
    whole gateway.
    """

    READING = "a reading"
    """Of a person, of the register or of the log: every answer leaves a row."""
    ACT = "an act"
    """Something is changed or published by hand: every answer leaves a row."""
    DELIVERY = "a delivery"
    """Others' events are delivered: each page that shows some leaves a row, and every refusal."""
    NOBODY = "nobody in particular"
    """Figures of the whole gateway, one's own settings, or what one publishes: a refusal leaves a row."""
    PUBLIC = "public"
    """It tells nothing of anybody, and nobody says who she is: no row."""


class RouteRow(NamedTuple):
    """The row that a route leaves in the access log."""

    category: AccessKind
    action: str
    """The code in the row."""
    auto_refresh: bool = False
    """A page that renews itself: the same caller who is shown the same people again leaves a row every ten minutes."""


def _reading(what: str, *, auto_refresh: bool = False) -> RouteRow:
    return RouteRow(AccessKind.READING, what, auto_refresh)


def _act(what: str) -> RouteRow:
    return RouteRow(AccessKind.ACT, what)


_PUBLIC: Final = RouteRow(AccessKind.PUBLIC, "public")
_STREAM: Final = RouteRow(AccessKind.DELIVERY, "stream")
_TOTALS: Final = RouteRow(AccessKind.NOBODY, "totals")
_SETTINGS: Final = RouteRow(AccessKind.NOBODY, "settings")
_PUBLISHING: Final = RouteRow(AccessKind.NOBODY, "publishing")

ROUTE_ROWS: Final[Mapping[str, RouteRow]] = {
    "GET /healthz": _PUBLIC,
    "GET /readyz": _PUBLIC,
    "GET /openapi.json": _PUBLIC,
    "GET /asyncapi.json": _PUBLIC,
    "GET /docs/api": _PUBLIC,
    "GET /docs/api/{operation}": _PUBLIC,
    "GET /docs/events": _PUBLIC,
    "GET /docs/events/{type}": _PUBLIC,
    "GET /sign-in": _PUBLIC,
    "POST /sign-in": _PUBLIC,
    "GET /sign-in/callback": _PUBLIC,
    "POST /sign-out": _PUBLIC,
    "GET /issuer/.well-known/openid-configuration": _PUBLIC,
    "GET /issuer/jwks.json": _PUBLIC,
    "POST /issuer/token": _PUBLIC,
    "GET /issuer/authorize": _PUBLIC,
    "POST /issuer/authorize": _PUBLIC,
    "GET /metrics": _TOTALS,
    "GET /v1/status": _TOTALS,
    "POST /v1/events": _PUBLISHING,
    "POST /v1/pathways/search": _reading("search"),
    "GET /v1/pathways/{pathway}": _reading("pathway"),
    "GET /v1/pathways/{pathway}/trace": _reading("trace"),
    "POST /v1/subscriptions": _act("subscription"),
    "POST /v1/subscriptions/dry-run": _STREAM,
    "GET /v1/subscriptions": _SETTINGS,
    "GET /v1/subscriptions/{subscription}": _SETTINGS,
    "PUT /v1/subscriptions/{subscription}": _act("subscription"),
    "DELETE /v1/subscriptions/{subscription}": _act("subscription"),
    "POST /v1/subscriptions/{subscription}/pause": _act("subscription"),
    "POST /v1/subscriptions/{subscription}/resume": _act("subscription"),
    "GET /v1/subscriptions/{subscription}/events": _STREAM,
    "GET /v1/subscriptions/{subscription}/events/{number}": _STREAM,
    "GET /v1/subscriptions/{subscription}/stream": _STREAM,
    "GET /v1/subscriptions/{subscription}/explain": _reading("explain"),
    "POST /v1/subscriptions/{subscription}/replay": _act("subscription"),
    "POST /v1/subscriptions/{subscription}/secret": _act("subscription"),
    "GET /v1/subscriptions/{subscription}/status": _SETTINGS,
    "GET /v1/subscriptions/{subscription}/failures": _SETTINGS,
    "POST /v1/subscriptions/{subscription}/redrive": _act("subscription"),
    "POST /v1/subscriptions/{subscription}/canary": _act("subscription"),
    "GET /v1/account": _SETTINGS,
    "GET /v1/consents": _reading("consents"),
    "POST /v1/consents": _act("consent"),
    "POST /v1/consents/agreements": _act("consent"),
    "POST /v1/consents/withdrawals": _act("consent"),
    "GET /v1/mandates": _reading("mandates"),
    "POST /v1/mandates/agreements": _act("mandate"),
    "POST /v1/mandates/withdrawals": _act("mandate"),
    "GET /v1/measures": _TOTALS,
    "GET /v1/measures/{name}": _reading("measure"),
    "GET /v1/access": _reading("access"),
    "POST /v1/identity/tokens": _act("link-token"),
    "POST /v1/identity/links": _act("link"),
    "GET /v1/identity/links/{link}": _reading("link"),
    "POST /v1/identity/retractions": _act("link"),
    "GET /v1/identity/review": _reading("review"),
    "GET /v1/identity/review/{item}": _reading("review"),
    "POST /v1/identity/review/{item}/decision": _act("review"),
    "POST /v1/identity/review/{item}/undo": _act("review"),
    "GET /v1/linkers": _reading("register"),
    "POST /v1/linkers": _act("register"),
    "DELETE /v1/linkers/{org}/{of}": _act("register"),
    "GET /v1/registrars": _reading("register"),
    "POST /v1/registrars": _act("register"),
    "DELETE /v1/registrars/{org}": _act("register"),
    "GET /v1/concealed": _reading("register"),
    "POST /v1/concealed": _act("register"),
    "POST /v1/concealed/lifted": _act("register"),
    "GET /v1/lawful-bases": _reading("register"),
    "POST /v1/lawful-bases": _act("register"),
    "POST /v1/lawful-bases/{number}/end": _act("register"),
    "GET /v1/organisations": _reading("register"),
    "POST /v1/organisations": _act("register"),
    "GET /v1/register/changes": _reading("register"),
    "GET /v1/parked": _reading("parked"),
    "GET /v1/parked/summary": _reading("parked"),
    "GET /v1/parked/{id}": _reading("parked"),
    "POST /v1/parked/replay": _act("parked"),
    "POST /v1/parked/discard": _act("parked"),
    "GET /v1/set-aside": _reading("set-aside"),
    "POST /v1/set-aside/retry": _act("set-aside"),
    "GET /desk": _reading("handoffs"),
    "GET /desk/ended": _reading("handoffs"),
    "GET /desk/handoffs/{handle}": _reading("handoff"),
    "POST /desk/handoffs/{handle}": _act("handoff"),
    "GET /desk/referrals": _reading("handoffs"),
    "GET /desk/referrals/ended": _reading("handoffs"),
    "GET /desk/referrals/new": _SETTINGS,
    "POST /desk/referrals": _act("handoff"),
    "GET /desk/contact": _reading("handoffs"),
    "POST /desk/contact": _act("contact"),
    "GET /desk/spreadsheet": _SETTINGS,
    "POST /desk/spreadsheet": _act("spreadsheet"),
    "GET /desk/organisation": _SETTINGS,
    "POST /desk/organisation": _SETTINGS,
    "GET /console": _reading("handoffs", auto_refresh=True),
    "GET /console/handoffs": _reading("handoffs"),
    "GET /console/handoffs/silent": _reading("handoffs"),
    "GET /console/handoffs/pair": _reading("handoffs"),
    "GET /console/streams": _SETTINGS,
    "GET /console/streams/{subscription}": _SETTINGS,
    "POST /console/streams/{subscription}/pause": _act("subscription"),
    "POST /console/streams/{subscription}/resume": _act("subscription"),
    "POST /console/streams/{subscription}/redrive": _act("subscription"),
    "POST /console/streams/{subscription}/replay": _act("subscription"),
    "POST /console/streams/{subscription}/explain": _reading("explain"),
    "POST /console/pathways": _reading("search"),
    "GET /console/pathways/{pathway}": _reading("pathway"),
    "GET /console/pathways/{pathway}/trace": _reading("trace"),
    "GET /console/parked": _reading("parked"),
    "POST /console/parked/replay": _act("parked"),
    "POST /console/parked/discard": _act("parked"),
    "GET /console/set-aside": _reading("set-aside"),
    "POST /console/set-aside/retry": _act("set-aside"),
    "GET /console/review": _reading("review"),
    "GET /console/review/{item}": _reading("review"),
    "POST /console/review/{item}/decision": _act("review"),
    "POST /console/review/{item}/undo": _act("review"),
}
"""By method and path, as in `ROUTE_ROLES` of `auth/route_permissions.py`."""


def find_unlogged_routes(routes: Collection[str]) -> tuple[set[str], set[str]]:
    """The routes that say nothing of their row, and the rows that are of no route."""
    return set(routes) - ROUTE_ROWS.keys(), ROUTE_ROWS.keys() - OPTIONAL_ROUTES - set(routes)


def outcome_of_status(row: RouteRow, status: int) -> str | None:
    """What a row says of an answer that its route did not log itself; None where the answer leaves none."""
    if row.category is AccessKind.PUBLIC:
        return None
    if status >= 500:
        return "failed" if row.category in (AccessKind.READING, AccessKind.ACT) else None
    if status >= 400:
        return "refused"
    if row.category not in (AccessKind.READING, AccessKind.ACT):
        return None
    if status == 304:
        return "unchanged"
    if row.category is AccessKind.ACT:
        return "done"
    return "moved" if status >= 300 else "shown"
