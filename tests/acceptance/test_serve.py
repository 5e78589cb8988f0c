"""`up --serve 2`: two processes answer at one port, share the other works, and one that is killed is replaced."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import psutil
import pytest

from pathline import Pseudonyms, interaction
from pathline.codec import http
from pathline.vocabulary import ActivityRecorded
from support.gateways.up_command import Up, still_running, wait_until

SUBJECTS = Pseudonyms("clinic", b"a test key of thirty-two bytes!!")
BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
EVENTS = 40


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("serve")
    gateway = Up(folder / "data", "--serve", "2", "--intake-processes", "3", out=folder / "out", executed=True)
    yield gateway.ready()
    gateway.end()


def ask(up: Up, method: str, path: str, **more: Any) -> httpx.Response:
    """By a connection of its own: the kernel chooses the process."""
    return httpx.request(method, up.url + path, timeout=60, **more)


def serving(up: Up) -> list[psutil.Process]:
    return [each for each in up.descendants() if "serve" in each.cmdline() and "--until-eof" in each.cmdline()]


def processes_in_metrics(up: Up) -> set[str]:
    return set(re.findall(r'process="([^"]+)"', ask(up, "GET", "/metrics").text))


def publish(up: Up, n: int) -> None:
    payload = ActivityRecorded.model_validate({"service": "intake", "activity": f"a{n}"})
    source, subject = "urn:pathline:clinic:desk", SUBJECTS.subject(str(n))
    event = interaction(payload, source=source, subject=subject, time=BEGAN, id=f"e{n}").event
    headers, body = http.encode(event)
    answer = ask(up, "POST", "/v1/events", headers=dict(headers), content=body)
    assert answer.status_code == 202, answer.text


def subscribe(up: Up, protocol: str) -> str:
    body = {"protocol": protocol, "config": {"organisation": "reader", "purpose": "care"}, "filters": []}
    answer = ask(up, "POST", "/v1/subscriptions", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def led_by(up: Up) -> dict[str, int]:
    answer = ask(up, "GET", "/v1/status")
    return {each["work"]: each["process"] for each in answer.json()["elected"]} if answer.status_code == 200 else {}


@pytest.mark.long
def test_metrics_of_all_processes_are_in_one_answer(up: Up) -> None:
    wait_until(lambda: processes_in_metrics(up) == {"up", "serve-1", "serve-2", "intake-1"}, "all tell their metrics")


@pytest.mark.long
def test_whichever_process_is_reached_each_stream_has_everything_once_though_one_is_killed(up: Up) -> None:
    pulled = [subscribe(up, "PULL") for _ in range(6)]
    heard = [subscribe(up, "SSE") for _ in range(4)]
    told: dict[str, list[int]] = {id: [] for id in heard}
    over = threading.Event()
    listeners = [threading.Thread(target=listen, args=(up, id, told[id], over), daemon=True) for id in heard]
    for each in listeners:
        each.start()
    wait_until(lambda: len(set(led_by(up).values()) - {None}) == 2, "both lead something")
    for n in range(EVENTS // 2):
        publish(up, n)
    victim = serving(up)[0]
    os.kill(victim.pid, signal.SIGKILL)
    for n in range(EVENTS // 2, EVENTS):
        wait_until(lambda n=n: tried(lambda: publish(up, n)), "the other answers")  # type: ignore[misc]
    wait_until(lambda: len(serving(up)) == 2 and victim.pid not in {p.pid for p in serving(up)}, "it is replaced")
    wait_until(lambda: all(numbers[-1:] == [EVENTS] for numbers in told.values()), "every listener has everything")
    over.set()
    assert all(numbers == list(range(1, EVENTS + 1)) for numbers in told.values())
    for id in pulled:
        page = ask(up, "GET", f"/v1/subscriptions/{id}/events", params={"limit": 1000}).json()
        assert sorted(each["id"] for each in page["events"]) == sorted(f"e{n}" for n in range(EVENTS))
        assert [each["number"] for each in page["events"]] == list(range(1, EVENTS + 1))
    assert "serve process" in up.output()
    counted = re.compile(r'^pathline_process_restarts_total\{.*process="up".*\} [1-9]', re.MULTILINE)
    wait_until(lambda: counted.search(ask(up, "GET", "/metrics").text), "the metric says so", 60)


def tried(act: Callable[[], None]) -> bool:
    """Whether it succeeded: a connection to a process that is killed is broken."""
    try:
        act()
    except httpx.TransportError:
        return False
    return True


def listen(up: Up, id: str, numbers: list[int], over: threading.Event) -> None:
    """As a browser does: again, and from where it was."""
    while not over.is_set():
        headers = {"last-event-id": f"n{numbers[-1]}"} if numbers else {}
        try:
            with httpx.stream("GET", f"{up.url}/v1/subscriptions/{id}/stream", headers=headers, timeout=60) as answer:
                for line in answer.iter_lines():
                    if line.startswith("id: n"):
                        numbers.append(int(line.removeprefix("id: n")))
                    if over.is_set():
                        return
        except httpx.TransportError:
            continue


@pytest.mark.long
def test_it_ends_in_order_and_leaves_no_process_behind(up: Up) -> None:
    children = up.descendants()
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(90) == 0
    assert still_running(children, timeout=5) == []
