"""Axe reads every page of the console that the table of roles has."""

from __future__ import annotations

from acceptance.operator_paths import PATHS
from pathline_gateway.auth.route_permissions import ROUTE_ROLES, find_route


def test_every_page_of_the_console_is_read_by_axe() -> None:
    assert PATHS.keys() == {name for name in ROUTE_ROLES if name.startswith("GET /console")}


def test_each_path_is_of_its_route() -> None:
    assert {find_route("GET", path.partition("?")[0]) for path in PATHS.values()} == PATHS.keys()
