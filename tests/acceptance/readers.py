"""Every reader that the gateway has, asked by every role that may ask: the routes come from the table of access."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from pathline.vocabulary import TYPES
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.route_permissions import OPTIONAL_ROUTES, ROUTE_ROLES
from pathline_gateway.measure.handoff_indicators import MEASURES
from support.generators.extremes import INSTANTS

READING: Final = frozenset(
    (
        "POST /v1/pathways/search",
        "POST /v1/subscriptions/dry-run",
        "POST /console/pathways",
        "POST /console/streams/{subscription}/explain",
    )
)
"""What is read in answer to a body."""
ELSEWHERE: Final = frozenset(("GET /v1/subscriptions/{subscription}/stream",))
"""A reader that does not end by itself: see the test of streams."""
SIGNING_IN: Final = frozenset(("GET /sign-in", "GET /sign-in/callback"))
"""They read nothing of what was published."""
Values = Mapping[str, Sequence[str]]
"""By the name of a parameter of a path."""


@dataclass(frozen=True)
class Asker:
    """Somebody with a role, at an organisation where it is one of those."""

    role: str
    org: str | None
    headers: Mapping[str, str]


def routes() -> list[str]:
    """Every route that reads."""
    found = [
        route
        for route in ROUTE_ROLES
        if route.startswith("GET ") and route not in SIGNING_IN | OPTIONAL_ROUTES | ELSEWHERE
    ]
    return [*found, *READING]


def may_ask(route: str, asker: Asker) -> bool:
    """Whether the table lets this role; what is for everybody is asked by one."""
    return Role(asker.role) in (ROUTE_ROLES[route] or (Role.OPERATOR,))


def paths(route: str, values: Values) -> Iterator[str]:
    """The path with each value of its parameters. A parameter that nobody filled is a KeyError."""
    path = route.split(" ")[1]
    names = re.findall(r"{(\w+)}", path)
    for n in range(max((len(values[name]) for name in names), default=1)):
        filled = {name: values[name][n % len(values[name])] for name in names if values[name]}
        if len(filled) == len(names):
            yield path.format(**filled)


def queries(route: str) -> Sequence[str]:
    """What may be asked besides, where that leads elsewhere in the code."""
    if route == "GET /v1/pathways/{pathway}":
        return ("", *(f"?as_of={each.replace('+', '%2B')}" for each in INSTANTS[:2]))
    if route == "GET /v1/measures/{name}":
        return ("", "?by=pair", "?within_days=90")
    return ("",)


def bodies(route: str, subjects: Sequence[tuple[str, str]], org: str) -> Sequence[dict[str, Any]]:
    """What to send with it."""
    match route:
        case "POST /v1/pathways/search":
            return [{"json": {"org": at, "subject": subject}} for at, subject in subjects]
        case "POST /console/pathways":
            return [{"data": {"org": at, "subject": subject}} for at, subject in subjects]
        case "POST /v1/subscriptions/dry-run":
            return [{"json": {"protocol": "PULL", "config": {"organisation": org, "purpose": "care"}, "days": 30}}]
        case "POST /console/streams/{subscription}/explain":
            return [{"data": {"source": "urn:pathline:0:a", "event": "\N{GRINNING FACE}"}}]
    return [{}]


def fixed() -> dict[str, Sequence[str]]:
    """Values of parameters that do not depend on what was published."""
    return {
        "type": list(TYPES),
        "name": list(MEASURES),
        "number": ["1"],
        "link": ["0195a000-0000-7000-8000-000000000000"],
    }


def ask(http: httpx.Client, asker: Asker, route: str, path: str, body: Mapping[str, Any]) -> httpx.Response:
    """The answer; no route of these may fail."""
    answer = http.request(route.split(" ")[0], path, headers=dict(asker.headers), **body)
    assert answer.status_code < 500, (asker.role, asker.org, route, answer.status_code, answer.text[:300])
    return answer
