"""Which ring a test belongs to, found by what it uses: a mark for each server, and `unit` where there is none.

Also in which order tests are run, and which of them one worker runs after another, as they share a server.
"""

from __future__ import annotations

from typing import Any

import pytest

from pathline_gateway.embedded import child_process
from support.postgres import run

STARTS = {
    "postgres": (
        *(
            "machine",
            "postgres",
            "shared_address",
            "machine_running",
            "run_postgres_alone",
            "OwnPostgres",
            "Gateway",
            "running",
            "run_machine",
            "gateway",
        ),
        *("Up", "Secured", "secured", "world", "chaos", "LIFE", "begin", "fresh_database"),
    ),
    "broker": ("broker", "Tansu", "mock_cluster", "MockCluster", "start_broker"),
    "kafka": ("ApacheKafka", "kafka_installation", "require_kafka", "chaos"),
    "browser": ("sync_playwright", "async_playwright"),
}
"""The names of what starts a server, or of what holds one, by ring."""

RINGS = (*STARTS, "chaos", "bench")


def mark(item: pytest.Item) -> None:
    """It has the marks of its rings, and its group for workers."""
    assert isinstance(item, pytest.Function)
    found = {ring for ring, names in STARTS.items() if not _used(item).isdisjoint(names)}
    if "apache" in item.nodeid or "[kafka" in item.nodeid:
        found.add("kafka")
    for ring in found:
        item.add_marker(ring)
    if not any(item.get_closest_marker(ring) for ring in RINGS):
        item.add_marker("unit")
    if item.get_closest_marker("group") is None and (group := _group(item)) is not None:
        item.add_marker(pytest.mark.group(group))


def place(item: pytest.Item) -> int:
    """What a worker runs for long comes first, so that no worker is left alone with it at the end."""
    return 0 if item.get_closest_marker("group") else 1


def refuse_servers(patch: pytest.MonkeyPatch) -> None:
    """Whoever starts a server, or asks for the one of the run, fails: its test lacks a mark."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a test of the unit ring starts a server: name what starts it in rings.STARTS")

    patch.setattr(child_process, "spawn", refused)
    patch.setattr(run, "shared_address", refused)


def _used(item: pytest.Function) -> set[str]:
    """The names of its module, of its fixtures, and those that its fixtures use."""
    used = {*vars(item.module), *item.fixturenames}
    for fixtures in item._fixtureinfo.name2fixturedefs.values():
        for fixture in fixtures:
            used.update(_names(fixture.func))
    return used


def _names(function: Any) -> set[str]:
    code = getattr(function, "__code__", None)
    return {*code.co_names, *code.co_varnames} if code is not None else set()


def _group(item: pytest.Function) -> str | None:
    """Tests of one group share a server, so one worker runs them."""
    if "kafka" in item.fixturenames and "kafka_installation" in item.fixturenames:
        return "kafka"
    if "bootstrap" in item.fixturenames and "apache" in item.name:
        return "kafka"
    fixtures = [each for named in item._fixtureinfo.name2fixturedefs.values() for each in named]
    if any(each.scope in ("module", "package") for each in fixtures):
        return str(item.path)
    return None
