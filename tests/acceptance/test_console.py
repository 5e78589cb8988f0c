"""The console: what flows, where a pathway led, the journey as a trace; and the demonstration that fills it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from support.gateways.process import Gateway, running
from support.gateways.up_command import Up, wait_until
from support.html_page import Page

BIN = Path(sys.executable).parent
BATCH = {"content-type": "application/cloudevents-batch+json"}
ANNA = "v1.AAAAAAAAAAAAAAAAAAAAAA"
HANDOFF = "housing:slip-1"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


def event(org: str, id: str, type: str, day: int, **data: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:pathline:{org}:desk",
        "type": f"org.pathline.{type}.v1",
        "subject": ANNA,
        "time": f"2026-03-{day:02}T09:00:00Z",
        "data": data,
    }


def offer(id: str, handoff: str, to: str) -> dict[str, Any]:
    due = {"accept": "2026-03-09T00:00:00Z"}
    more = {"to": {"org": to}, "token_sha256": "0" * 64, "due": due, "context_released": True}
    return event("housing", id, "handoff.offered", 4, handoff=handoff, need="debt", **more)


@pytest.fixture(scope="module")
def pathway(gateway: Gateway) -> str:
    told = [
        event("housing", "1", "need.expressed", 2, need="n", code="housing", by="citizen"),
        offer("2", HANDOFF, "money-help"),
        offer("3", "housing:slip-2", "food-bank"),
        event("money-help", "4", "activity.recorded", 5, activity="<script>alert(1)</script>"),
        event("food-bank", "5", "handoff.accepted", 5, handoff="housing:slip-2", token="x" * 24),
    ]
    answer = gateway.http.post("/v1/events", json=told, headers=BATCH)
    assert answer.json()["accepted"] == len(told), answer.text
    gateway.settled()
    found = gateway.http.post("/v1/pathways/search", json={"org": "housing", "subject": ANNA})
    return str(found.json()["pathway"])


def page(gateway: Gateway, path: str) -> Page:
    answer = gateway.http.get(path)
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    return Page(answer.text)


def test_the_front_page_counts_and_shows_the_hand_off_that_nobody_answered(gateway: Gateway, pathway: str) -> None:
    front = page(gateway, "/console")
    assert "One hand-off is silent: nobody answered in time." in front.said
    assert "Money help" in front.said
    assert f"/console/pathways/{pathway}" in front.references
    assert gateway.http.get("/v1/status").json()["interactions"] == 5


def test_a_pathway_is_drawn_and_told_and_what_somebody_wrote_stays_text(gateway: Gateway, pathway: str) -> None:
    shown = page(gateway, f"/console/pathways/{pathway}")
    assert "3 steps at 1 organisation." in " ".join(shown.said.split())
    assert "A hand-off to Money help: offered 4 Mar 2026, nobody answered, due 9 Mar 2026" in shown.said
    assert "A hand-off to Food bank" not in shown.said
    other = gateway.http.post("/console/pathways", data={"org": "money-help", "subject": ANNA})
    assert other.status_code == 303
    assert ANNA not in other.headers["location"]
    told = page(gateway, other.headers["location"])
    assert "<script>alert(1)</script>" in told.said
    assert told.scripts == 1


def test_the_trace_page_draws_every_span_of_the_otlp_answer(gateway: Gateway, pathway: str) -> None:
    otlp = gateway.http.get(f"/v1/pathways/{pathway}/trace").json()
    spans = [s for r in otlp["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"]]
    drawn = gateway.http.get(f"/console/pathways/{pathway}/trace").text
    assert drawn.count("<rect ") == len(spans) == 5
    assert spans[0]["traceId"] in drawn


def test_the_trace_is_otlp_that_others_read(gateway: Gateway, pathway: str) -> None:
    otlp = gateway.http.get(f"/v1/pathways/{pathway}/trace").json()
    for span in (s for r in otlp["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"]):
        # OTLP writes ids in hexadecimal, where the JSON of protobuf has base64.
        for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
            span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    read = json_format.ParseDict(otlp, TracesData())
    spans = [s for r in read.resource_spans for scope in r.scope_spans for s in scope.spans]
    roots = [s for s in spans if not s.parent_span_id]
    assert [s.name for s in roots] == ["pathway"]
    assert {s.parent_span_id for s in spans} <= {b"", *(s.span_id for s in spans)}
    assert len({s.span_id for s in spans}) == len(spans)
    assert all(roots[0].start_time_unix_nano <= s.start_time_unix_nano <= s.end_time_unix_nano for s in spans)


def test_nothing_is_loaded_from_another_host_and_every_link_leads_somewhere(gateway: Gateway, pathway: str) -> None:
    for path in ("/console", f"/console/pathways/{pathway}", f"/console/pathways/{pathway}/trace"):
        references = page(gateway, path).references
        assert references
        for reference in {r for r in references if not r.startswith("#")}:
            assert reference.startswith("/"), reference
            assert gateway.http.get(reference).status_code in (200, 405), reference


@pytest.mark.parametrize("form", [{"org": "housing", "subject": "v1.BBBBBBBBBBBBBBBBBBBBBA"}, {"org": "x"}, {}])
def test_a_search_that_finds_nothing_says_what_to_write(gateway: Gateway, form: dict[str, str]) -> None:
    answer = gateway.http.post("/console/pathways", data=form)
    assert answer.status_code == 404
    assert "v1." in Page(answer.text).said


def test_times_that_otlp_or_a_calendar_cannot_hold_break_no_page(gateway: Gateway) -> None:
    subject = "v1.CCCCCCCCCCCCCCCCCCCCCA"
    times = ("0001-01-03T23:59:00+23:59", "1969-12-31T23:59:59Z", "2026-03-02T09:00:00Z", "9999-12-28T00:00:00-23:59")
    told = [
        event("clinic", str(n), "contact.made", 2, kind="enquiry", precision="month")
        | {"time": time, "subject": subject}
        for n, time in enumerate(times)
    ]
    assert gateway.http.post("/v1/events", json=told, headers=BATCH).json()["accepted"] == len(times)
    gateway.settled()
    found = gateway.http.post("/v1/pathways/search", json={"org": "clinic", "subject": subject}).json()["pathway"]
    assert [step["id"] for step in gateway.http.get(f"/v1/pathways/{found}").json()["steps"]] == ["0", "1", "2", "3"]
    assert "4 steps at 1 organisation." in " ".join(page(gateway, f"/console/pathways/{found}").said.split())
    assert "Trace" in page(gateway, f"/console/pathways/{found}/trace").said
    otlp = json_format.ParseDict(gateway.http.get(f"/v1/pathways/{found}/trace").json(), TracesData())
    leaves = otlp.resource_spans[-1].scope_spans[0].spans[1:]
    assert [span.start_time_unix_nano // 10**9 for span in leaves] == [
        int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp())
    ]


def typed(line: str) -> str:
    """What a shell prints when somebody types this line."""
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout


def test_the_demonstration_shows_lives_and_the_stuck_hand_off(tmp_path: Path) -> None:
    demo = Up(tmp_path / "data", "--demo", out=tmp_path / "out")
    try:
        demo.ready()
        lines = dict(re.findall(r"^  (\S.*?)  +(\S.*)$", demo.output(), re.MULTILINE))
        asked = subprocess.run([BIN / "pathline-services", "stuck"], capture_output=True, text=True, check=True)
        where = json.loads(asked.stdout)
        assert where in [json.loads(body) for body in re.findall(r"-d '([^']+)'", lines["find a person"])]
        wait_until(lambda: "handoff.offered" in typed(lines["pull"]), "her hand-off is pulled", 30)
        wait_until(lambda: "traceId" in typed(f"{lines['pull']}/trace"), "her journey is pulled", 30)
        assert set(json.loads(typed(lines["find a person"]))) == {"pathway"}

        def shown() -> str:
            return httpx.post(f"{demo.url}/console/pathways", data=where, follow_redirects=True, timeout=30).text

        # What is pulled first may be an earlier hand-off of hers.
        wait_until(lambda: "A hand-off to Money help: offered" in shown(), "the stuck one is drawn", 60)
        assert "Hand-offs that wait too long" in httpx.get(lines["console"]).text
        wait_until(lambda: json.loads(typed(lines["status"]))["interactions"] > 100, "lives are told", 60)
        children = demo.descendants()
        assert len(children) >= 3
        demo.process.terminate()
        assert demo.process.wait(30) == 0
    finally:
        demo.end()
