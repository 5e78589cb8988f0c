"""What does not answer is known within seconds, and said once."""

from __future__ import annotations

import asyncio
import logging
import re

import pytest

from pathline_gateway.background.works import WORKS
from pathline_gateway.console.front_page_summary import SystemFacts, find_faults, outage_faults
from pathline_gateway.dependency_health.monitor import Component, DependencyMonitor
from pathline_gateway.dependency_health.time_limit import with_time_limit
from pathline_gateway.reserved_names import is_reserved
from pathline_gateway.status.flow_repository import FailingSinks, ParkedLately
from support.repository import ROOT

NIGHT = (ROOT / "docs" / "operations" / "night.md").read_text()


class Asked:
    """A component that does as a test says."""

    component: Component = "Postgres"

    def __init__(self) -> None:
        self.fails: BaseException | None = None
        self.frozen = False
        self.closed = 0

    async def check(self) -> None:
        while self.frozen:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue  # as a client does that waits for a server which ends nothing
        if self.fails is not None:
            raise self.fails

    async def close(self) -> None:
        self.closed += 1


async def test_an_outage_has_a_beginning_and_is_said_once_and_once_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = Asked()
    monitor = DependencyMonitor((asked,), probe_timeout_s=0.05)
    await monitor.check(asked)
    assert monitor.outages() == []
    asked.fails = ConnectionRefusedError()
    for _ in range(3):
        await monitor.check(asked)
    since = monitor.outages()[0].since
    asked.fails, asked.frozen = None, True
    await monitor.check(asked)
    assert [(each.component, each.since, each.cause) for each in monitor.outages()] == [
        ("Postgres", since, "ConnectionRefusedError")
    ]
    asked.frozen = False
    await monitor.check(asked)
    assert monitor.outage("Postgres") is None
    said = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert said == [
        (logging.ERROR, "Postgres does not answer: ConnectionRefusedError"),
        (logging.WARNING, f"Postgres answers again; it did not since {since:%H:%M:%S}Z"),
    ]
    assert asked.closed == 4


async def test_a_client_that_gives_a_request_up_by_itself_ends_no_loop() -> None:
    asked = Asked()
    monitor = DependencyMonitor((asked,))
    asked.fails = asyncio.CancelledError()
    await monitor.check(asked)
    assert [(each.component, each.cause) for each in monitor.outages()] == [("Postgres", "CancelledError")]
    asked.fails = None
    await monitor.check(asked)
    assert monitor.outages() == []


async def test_what_a_frozen_server_never_ends_is_waited_for_by_nobody() -> None:
    asked = Asked()
    asked.frozen = True
    with pytest.raises(TimeoutError):
        await with_time_limit(asked.check(), 0.05)
    asked.frozen = False


async def test_each_sentence_of_the_front_page_has_a_row_for_the_night() -> None:
    asked = Asked()
    asked.fails = OSError()
    monitor = DependencyMonitor((asked,))
    await monitor.check(asked)
    broker = [each._replace(component="The broker") for each in monitor.outages()]
    when = {"since": "2026-03-01T09:00:00Z", "reason": "x"}
    failing = [{"work": work, "records": n, **when} for work in WORKS for n in (0, 1, 2)]
    quiet = {"lag": 0, "parked": 3, "failing": []}
    sinks = [FailingSinks("east", stopped, 2) for stopped in (True, False)]
    told = [
        *outage_faults([*monitor.outages(), *broker]),
        *find_faults(SystemFacts(False, quiet, 2, [ParkedLately("east", "x", 4)], sinks, 5, 6)),
        *find_faults(SystemFacts(True, {"lag": 5_000, "parked": 3, "failing": failing}, 1, (), (), 1, 1)),
    ]
    rows = [re.escape(line.split("|")[1].strip()) for line in NIGHT.splitlines() if line.startswith("| ")]
    patterns = [re.compile(_ANY.sub(".+", row), re.IGNORECASE) for row in rows]
    told_twice = [(each.what, _plural(each.what)) for each in told]
    unsaid = [said for said in told_twice if not any(pattern.search(each) for pattern in patterns for each in said)]
    assert unsaid == []


_ANY = re.compile(r"…|\\…")


def _plural(said: str) -> str:
    """Rows are written for more than one."""
    for one, many in (("One ", "2 "), (" is ", " are "), (" waits ", " wait "), (" was ", " were "),
                      ("webhook are", "webhooks are"), ("hand-off are", "hand-offs are"), ("record are", "records are"),
                      ("event were", "events were"), ("piece of", "pieces of"), ("one are", "2 are")):  # fmt: skip
        said = said.replace(one, many)
    return said


@pytest.mark.parametrize("name", ["citizen", "pathline", "door-1", "door-77", "unknown", "nobody"])
def test_names_of_our_own_are_nobodys(name: str) -> None:
    assert is_reserved(name)
    assert not is_reserved(f"{name}-x")
