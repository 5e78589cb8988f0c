"""A route that is declared to be about nobody reads no person, hand-off, parked record or entry of the register."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import asyncpg
import pytest

from pathline_gateway.access_log.declarations import ROUTE_ROWS, AccessKind
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.route_permissions import ROUTE_ROLES
from support.gateways.routes import OPERATOR, GatewayRoutes, subscriber

ELSEWHERE: Final = {
    "GET /metrics": "figures of the whole gateway",
    "GET /v1/status": "figures of the whole gateway",
    "GET /v1/account": "what the token says",
    "GET /desk/referrals/new": "a form: to whom an organisation may refer",
    "GET /desk/spreadsheet": "a form",
    "GET /desk/organisation": "a form",
}
"""Routes that this gateway without loops does not serve, each with what it tells."""
ABOUT_NOBODY: Final = sorted(
    name for name, row in ROUTE_ROWS.items() if name.startswith("GET ") and row.category is AccessKind.NOBODY
)
_READS_SOMEBODY: Final = re.compile(
    r"\b(?:from|join)\s+(subject_ref|membership|interaction|event_identity|link_evidence|review_item|handoff\w*|parked"
    r"|set_aside\w*|access|organisation|linker|mandate_registrar|lawful_basis|concealed_\w+|register_change)\b",
    re.IGNORECASE,
)


async def _log_statements(pool: asyncpg.Pool) -> list[str]:
    """Every statement from now on: the pool has two connections."""
    statements: list[str] = []
    async with pool.acquire() as one, pool.acquire() as other:
        for connection in (one, other):
            connection.add_query_logger(lambda record: statements.append(record.query))
    return statements


def find_tables_of_somebody(statements: Sequence[str]) -> set[str]:
    """The tables that these read, of those that tell of somebody."""
    return {found.lower() for each in statements for found in _READS_SOMEBODY.findall(each)}


@pytest.mark.parametrize("route", [name for name in ABOUT_NOBODY if name not in ELSEWHERE])
async def test_what_is_declared_to_be_about_nobody_reads_nobody(gateway: GatewayRoutes, route: str) -> None:
    by = OPERATOR if Role.OPERATOR in ROUTE_ROLES[route] else subscriber("food-bank")
    wanted = {"protocol": "PULL", "config": {"organisation": "food-bank", "purpose": "care"}}
    made = (await gateway.request(subscriber("food-bank"), "POST", "/v1/subscriptions", json=wanted)).json()["id"]
    statements = await _log_statements(gateway.pool)
    answer = await gateway.request(by, "GET", route.removeprefix("GET ").format(subscription=made))
    assert answer.status_code == 200, f"{answer.text}; is its module in ENDPOINTS of support/gateways/routes.py?"
    assert find_tables_of_somebody(statements) == set(), "declare it as a reading"


def test_each_route_that_is_named_here_is_about_nobody() -> None:
    assert ELSEWHERE.keys() <= set(ABOUT_NOBODY)


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("/console/parked", "parked"),
        ("/console/review", "review_item"),
        ("/console/handoffs", "handoff"),
        ("/v1/lawful-bases", "lawful_basis"),
    ],
)
async def test_a_reading_would_be_seen(gateway: GatewayRoutes, path: str, table: str) -> None:
    statements = await _log_statements(gateway.pool)
    assert (await gateway.request(OPERATOR, "GET", path)).status_code == 200
    assert table in find_tables_of_somebody(statements)
