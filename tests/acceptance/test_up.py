"""`pathline-gateway up` as an operator meets it: how it starts, what it says when it cannot, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from pathline import Pseudonyms, interaction
from pathline.codec import http
from pathline.vocabulary import ContactMade
from support.gateways.process import free_port
from support.gateways.up_command import Up, still_running, wait_until
from support.preloaded import run_command

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SUBJECT = Pseudonyms("clinic", b"a test key of thirty-two bytes!!").subject("someone")


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*flags: str, data: Path | None = None, port: int | None = None, executed: bool = False) -> Up:
        out = tmp_path / f"out-{len(started)}"
        started.append(Up(data or tmp_path / "data", *flags, out=out, port=port, executed=executed))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.mark.parametrize("ask", [signal.SIGTERM, signal.SIGINT])
def test_a_start_costs_ten_seconds_of_a_processor_and_leaves_no_process_behind(
    up: Callable[..., Up], ask: signal.Signals
) -> None:
    gateway = up(executed=ask == signal.SIGTERM).ready()
    children = gateway.descendants()
    # Not by the clock, which says how busy the machine is; twice as much, since a shared processor does less a second.
    spent = [each.cpu_times() for each in (psutil.Process(gateway.process.pid), *children)]
    assert sum(each.user + each.system for each in spent) < 20
    assert len(children) >= 2
    gateway.process.send_signal(ask)
    assert gateway.process.wait(20) == 0
    assert still_running(children, timeout=5) == []


def test_a_request_that_is_being_answered_is_answered_before_it_ends(up: Callable[..., Up]) -> None:
    gateway = up().ready()
    with socket.create_connection(("127.0.0.1", gateway.port)) as half:
        half.sendall(b"POST /v1/pathways/search HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n")
        half.sendall(b"content-length: 60\r\n\r\n" + b'{"org":"clinic",')
        gateway.process.terminate()
        half.sendall(b'"subject":"v1.AAAAAAAAAAAAAAAAAAAAAA"}'.ljust(60 - 16))
        assert b"404" in half.recv(4096)
    assert gateway.process.wait(25) == 0


def test_after_a_kill_the_next_start_serves_what_was_accepted_and_ends_what_was_left(up: Callable[..., Up]) -> None:
    gateway = up().ready()
    event = interaction(ContactMade(kind="enquiry"), source="urn:pathline:clinic:desk", subject=SUBJECT, time=NOW).event
    headers, body = http.encode(event)
    assert httpx.post(f"{gateway.url}/v1/events", headers=dict(headers), content=body).status_code == 202
    left = gateway.descendants()
    os.kill(gateway.process.pid, signal.SIGKILL)
    again = up().ready()
    found = httpx.post(f"{again.url}/v1/pathways/search", json={"org": "clinic", "subject": SUBJECT})
    steps = httpx.get(f"{again.url}/v1/pathways/{found.json()['pathway']}").json()["steps"]
    assert [(step["source"], step["id"]) for step in steps] == [("urn:pathline:clinic:desk", event.text["id"])]
    assert still_running([p for p in left if p not in again.descendants()], timeout=5) == []


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        ("port", ("is in use", "--port")),
        ("directory", ("is in use by process", "choose another data directory")),
        ("not-writable", ("cannot keep data", "choose a directory")),
        ("file", ("cannot keep data", "choose a directory")),
        ("no-such-port", ("no port", "--port")),
        ("no-such-host", ("cannot listen", "--host")),
    ],
)
def test_what_is_in_the_way_is_said_in_one_line(
    up: Callable[..., Up], tmp_path: Path, cause: str, says: tuple[str, ...]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        match cause:
            case "port":
                refused = up(port=taken.getsockname()[1])
            case "directory":
                up().ready()
                refused = up()
            case "not-writable":
                refused = up(data=Path("/proc/pathline"))
            case "file":
                (tmp_path / "file").write_text("")
                refused = up(data=tmp_path / "file")
            case "no-such-port":
                refused = up(port=70_000)
            case _:
                refused = up("--host", "192.0.2.1")
        assert refused.process.wait(20) == 1
    lines = refused.output().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("pathline-gateway: ")
    assert all(word in lines[0] for word in says), lines[0]


@pytest.mark.parametrize("lost", ["tansu", "postgres"])
def test_a_part_that_dies_ends_everything_with_the_reason(up: Callable[..., Up], lost: str) -> None:
    gateway = up().ready()
    children = gateway.descendants()
    victim = next(p for p in children if lost in p.name() or lost in " ".join(p.cmdline()[:1]))
    victim.kill()
    assert gateway.process.wait(40) == 1
    assert "SIGKILL" in gateway.output() or "ended" in gateway.output()
    assert still_running(children, timeout=5) == []


def test_a_postgres_that_does_not_answer_takes_traffic_away_and_gets_it_back(up: Callable[..., Up]) -> None:
    gateway = up().ready()
    postgres = [p for p in gateway.descendants() if "postgres" in p.name()]
    for process in postgres:
        process.suspend()
    try:
        answer = httpx.get(f"{gateway.url}/readyz", timeout=20)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert answer.json()["type"] == "urn:pathline:problem:database-unavailable"
        assert httpx.get(f"{gateway.url}/healthz").status_code == 200
    finally:
        for process in postgres:
            process.resume()
    wait_until(lambda: httpx.get(f"{gateway.url}/readyz").status_code == 200, "ready again")


@pytest.mark.parametrize(
    ("flags", "environment", "says"),
    [
        (["--dev-auth", "off", "--demo"], {}, "--embedded"),
        ([], {}, "--dev-auth off"),
        (["--dev-auth", "off"], {"PATHLINE_GROUP": "x", "PATHLINE_NOW": "secret"}, "PATHLINE_NOW"),
        (["--dev-auth", "off", "--now", "2026-03-02T09:00:00"], {}, "--now"),
        (["--dev-auth", "off"], {"PATHLINE_DATABASE": "postgresql://x:secret@127.0.0.1:1/x"}, "PATHLINE_DATABASE"),
    ],
)
def test_what_cannot_be_started_is_said_with_what_to_do(
    flags: list[str], environment: dict[str, str], says: str
) -> None:
    done = run_command("up", "--port", str(free_port()), *flags, env=environment)
    assert done.returncode == 1
    assert says in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr
