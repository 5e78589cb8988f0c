"""A gateway that takes in with several processes: they share the work, and live and die with it."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from pathline import Pseudonyms, interaction
from pathline.codec import http
from pathline.vocabulary import ContactMade
from support.gateways.up_command import Up, still_running, wait_until

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PEOPLE = Pseudonyms("clinic", b"a test key of thirty-two bytes!!")
EVENTS = 60


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    gateway = Up(tmp_path / "data", "--intake-processes", "2", out=tmp_path / "out")
    yield gateway.ready()
    gateway.end()


def helper(up: Up, *but: int) -> psutil.Process | None:
    """The second process that takes in, other than these."""
    found = [p for p in up.descendants() if p.pid not in but and "--until-eof" in p.cmdline()]
    return found[0] if found else None


def publish(up: Up, batch: str) -> None:
    """So many events about different people, each acknowledged."""
    events = [
        interaction(
            ContactMade(kind="enquiry"),
            source="urn:pathline:clinic:desk",
            id=f"{batch}-{n}",
            subject=PEOPLE.subject(f"{batch}-{n}"),
            time=NOW,
        ).event
        for n in range(EVENTS)
    ]
    headers, body = http.encode_batch(events)
    answer = httpx.post(f"{up.url}/v1/events", headers=dict(headers), content=body, timeout=30)
    assert (answer.status_code, answer.json()["accepted"]) == (202, EVENTS), answer.text


def taken_in(up: Up) -> int:
    """How many the gateway's own process stored."""
    said = re.search(
        r'^pathline_intake_records\w*{[^}]*"accepted"[^}]*} (\S+)', httpx.get(f"{up.url}/metrics").text, re.M
    )
    return int(float(said[1])) if said else 0


def stored(up: Up) -> int:
    status = httpx.get(f"{up.url}/v1/status").json()
    return int(status["interactions"]) if status["lag"] == 0 else -1


def until_shared(up: Up) -> int:
    """Events were published until some were stored by the other process; how many."""
    batches = 0

    def shared() -> bool:
        nonlocal batches
        publish(up, f"batch-{up.process.pid}-{batches}-{helper(up)}")
        batches += 1
        return 0 < taken_in(up) < batches * EVENTS

    wait_until(shared, "two processes share the work", 60)
    return batches * EVENTS


def test_two_processes_share_the_partitions_and_one_that_is_killed_is_replaced_with_nothing_lost(up: Up) -> None:
    published = until_shared(up)
    wait_until(lambda: stored(up) == published, "everything is stored")
    first = helper(up)
    assert first is not None
    first.kill()
    publish(up, "while-it-is-away")
    wait_until(lambda: helper(up, first.pid), "another process takes in")
    wait_until(lambda: stored(up) == published + EVENTS, "everything is stored")


@pytest.mark.parametrize("ask", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_its_gateway(up: Up, ask: signal.Signals) -> None:
    wait_until(lambda: helper(up), "the second process is there")
    children = up.descendants()
    up.process.send_signal(ask)
    up.process.wait(25)
    assert still_running(children, timeout=15) == []
