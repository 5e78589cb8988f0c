"""100,000 steps under one subject, one more a second, and five who read them: nobody else's events come late."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import pytest

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.dev_issuer.issuer import load_issuer
from support.gateways.secured import Secured, secured
from support.gateways.up_command import wait_until
from support.servers.webhook_receiver import Posted, Reply, listening_in_a_thread

pytestmark = [pytest.mark.long, pytest.mark.alone, pytest.mark.timeout(600)]

STEPS, SHORT, SECONDS = 100_000, 10, 12
READERS = [f"reader-{n}" for n in range(5)]
BATCH = "application/cloudevents-batch+json"
LATE_S = 2.0
"""Seconds of a processor that the gateway works for others before it hands out an event: not by the clock, which says
how busy the machine is. Two processors come to so much in a second."""


def subject(n: int) -> str:
    return f"v1.{n:021d}A"


@dataclass
class Caller:
    """A system of one organisation."""

    gateway: Secured
    role: Role
    org: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        token = load_issuer(self.gateway.data).issue_token([self.role], self.org, self.org or "operator")
        self.headers = {"authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = self.headers | more.pop("headers", {})
        return httpx.request(method, f"{self.gateway.url}{path}", headers=headers, timeout=60, **more)

    def does(self, path: str, body: object) -> Any:
        answer = self.ask("POST", path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def publish(self, events: list[dict[str, Any]]) -> None:
        answer = self.ask("POST", "/v1/events", content=json.dumps(events), headers={"content-type": BATCH})
        assert answer.status_code == 202, answer.text


def event(org: str, id: str, n: int, type: str, time: str = "2026-03-01T09:00:00Z", **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:pathline:{org}:desk",
        "type": f"org.pathline.{type}.v1",
        "subject": subject(n),
        "time": time,
        "data": data,
    }


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("long"), PATHLINE_SINKS_PRIVATE="true") as up:
        yield up


LONG_N, SHORT_N, ELSEWHERE_N = 1, 3, 2


def seen_by_all(gateway: Secured) -> None:
    """A person with many steps at `long` and one with few, whom five others know and may see by law."""
    operator = Caller(gateway, Role.OPERATOR)
    for org in ("long", "other", "hub", *READERS):
        operator.does("/v1/organisations", {"org": org})
    for org in ("long", *READERS):
        operator.does("/v1/linkers", {"org": "hub", "of": org})
    for reader in READERS:
        basis = {"basis": "law", "instrument": "Act s 1", "purpose": "care", "holders": ["long"], "nouns": ["activity"]}
        operator.does("/v1/lawful-bases", {"reader": reader, **basis})
    long = Caller(gateway, Role.PUBLISHER, "long")
    for start in range(0, STEPS, 5_000):
        at = f"2026-03-{1 + start // 5_000:02d}T09:00:00Z"
        numbers = range(start, start + 5_000)
        long.publish([event("long", f"l{n}", LONG_N, "activity.recorded", at, activity="A") for n in numbers])
    long.publish([event("long", f"s{n}", SHORT_N, "activity.recorded", activity="A") for n in range(SHORT)])
    for reader in READERS:
        for n in (LONG_N, SHORT_N):
            hers = event(reader, f"r{n}", n, "activity.recorded", activity="R")
            Caller(gateway, Role.PUBLISHER, reader).publish([hers])
            same = [{"org": org, "subject": subject(n)} for org in ("long", reader)]
            link = event("hub", f"{reader}-{n}", n, "identity.linked", same=same, method="record-key")
            Caller(gateway, Role.PUBLISHER, "hub").publish([link])
    wait_until(lambda: operator.ask("GET", "/v1/status").json()["lag"] == 0, "all is applied", 240)


@dataclass
class Reader:
    """One of the five: she listens, and pulls page after page."""

    caller: Caller
    over: threading.Event
    heard: list[str] = field(default_factory=list)
    pages: int = 0

    def listen(self, id: str) -> None:
        with httpx.stream(
            "GET", f"{self.caller.gateway.url}/v1/subscriptions/{id}/stream", headers=self.caller.headers, timeout=60
        ) as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    self.heard.append(line)
                if self.over.is_set():
                    return

    def pull(self, n: int) -> None:
        stated = {"pathline-purpose": "care", "pathline-authority": 'law; instrument="Act s 1"'}
        found = self.caller.does("/v1/pathways/search", {"org": self.caller.org, "subject": subject(n)})["pathway"]
        after: str | None = None
        while not self.over.is_set():
            asked = {} if after is None else {"after": after}
            answer = self.caller.ask("GET", f"/v1/pathways/{found}", params=asked, headers=stated)
            if answer.status_code == 429:  # her own budget: she comes again when she is told
                self.over.wait(float(answer.headers["retry-after"]))
                continue
            assert answer.status_code == 200, answer.text
            assert 0 < len(answer.json()["steps"]) <= 2_000
            after, self.pages = answer.json().get("next"), self.pages + 1


def subscribed(caller: Caller, protocol: str, **more: Any) -> str:
    config = {"organisation": caller.org, "purpose": "care", "authority": 'law; instrument="Act s 1"'}
    if caller.org == "other":
        del config["authority"]
    return str(caller.does("/v1/subscriptions", {"protocol": protocol, "config": config, **more})["id"])


class Work:
    """What the gateway, its Postgres and its broker have done."""

    def __init__(self, gateway: Secured) -> None:
        self._gateway = psutil.Process(gateway.process.pid)
        self._spent: dict[psutil.Process, float] = {}

    def look(self) -> float:
        """The same as `spent`, with connections of Postgres that came since."""
        for each in (self._gateway, *self._gateway.children(recursive=True)):
            self._spent.setdefault(each, 0.0)
        return self.spent()

    def spent(self) -> float:
        """Seconds of a processor so far, also of what has ended since."""
        for each in list(self._spent):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                self._spent[each] = times.user + times.system
        return sum(self._spent.values())


def lateness_of_others(gateway: Secured, n: int, run: str) -> dict[str, list[float]]:
    """How much the gateway worked from when somebody else published to when she was handed the event, while one more
    step a second came of this person; in order.
    """
    over, work_done = threading.Event(), Work(gateway)
    readers = [Reader(Caller(gateway, Role.SUBSCRIBER, org), over) for org in READERS]
    streams = {each.caller.org: subscribed(each.caller, "SSE") for each in readers}
    other, another = Caller(gateway, Role.SUBSCRIBER, "other"), Caller(gateway, Role.PUBLISHER, "other")
    sent: dict[str, float] = {}
    late: dict[str, list[float]] = {"stream": [], "sink": []}

    def others_stream(id: str) -> None:
        path = f"{gateway.url}/v1/subscriptions/{id}/stream"
        with httpx.stream("GET", path, headers=other.headers, timeout=60) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    late["stream"].append(work_done.spent() - sent[json.loads(line[6:])["id"]])
                if over.is_set():
                    return

    def posted(one: Posted) -> Reply:
        late["sink"].append(work_done.spent() - sent[one.event["id"]])
        return Reply()

    with listening_in_a_thread() as sink, ThreadPoolExecutor(12) as threads:
        sink.answer = posted
        made = [subscribed(other, "SSE"), subscribed(other, "HTTP", sink=sink.url)]
        work = [threads.submit(others_stream, made[0])]
        work += [threads.submit(each.listen, streams[str(each.caller.org)]) for each in readers]
        work += [threads.submit(each.pull, n) for each in readers]
        time.sleep(2)
        long = Caller(gateway, Role.PUBLISHER, "long")
        began = time.monotonic()
        for i in range(SECONDS * 5):
            time.sleep(max(0.0, began + i / 5 - time.monotonic()))
            if i % 5 == 0:
                long.publish([event("long", f"{run}-{i}", n, "activity.recorded", activity="A")])
            sent[f"{run}-o{i}"] = work_done.look()
            another.publish([event("other", f"{run}-o{i}", ELSEWHERE_N, "activity.recorded", activity="O")])
        wait_until(lambda: min(map(len, late.values())) >= SECONDS * 5, "the other is given all of hers", 60)
        wait_until(lambda: all(len(each.heard) >= SECONDS for each in readers), "and the five theirs", 60)
        over.set()
        sent[f"{run}-last"] = work_done.look()
        another.publish([event("other", f"{run}-last", ELSEWHERE_N, "activity.recorded", activity="O")])
        long.publish([event("long", f"{run}-last", n, "activity.recorded", activity="A")])
        for each in work:
            each.result(120)
        for id in (*made, *streams.values()):
            owner = next((r.caller for r in readers if streams[str(r.caller.org)] == id), other)
            assert owner.ask("DELETE", f"/v1/subscriptions/{id}").is_success
    assert all(each.pages >= 2 for each in readers), [each.pages for each in readers]
    return {name: sorted(found) for name, found in late.items()}


def most(late: list[float]) -> float:
    """What nine of ten keep to: the last one tells of whatever else the machine does."""
    return late[int(0.9 * (len(late) - 1))]


def test_nobody_elses_events_come_late(gateway: Secured) -> None:
    seen_by_all(gateway)
    usual = lateness_of_others(gateway, SHORT_N, "short")
    late = lateness_of_others(gateway, LONG_N, "long")
    for name, found in late.items():
        print(
            f"{name}: {most(found):.2f} s of a processor, at most {found[-1]:.2f} s;"
            f" beside a short pathway {most(usual[name]):.2f} s"
        )
        # What is done for as many readers of a short pathway is not the long one's doing.
        assert most(found) < max(LATE_S, 4 * most(usual[name])), (usual[name][-9:], found[-9:])
