"""No subject, personal number, event id or payload in a span, metric, log line, URL, topic name or error message."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pathline import Pseudonyms
from pathline.codec import json_format, kafka
from pathline_gateway import embedded
from support.brokers.own_topic import Kafka
from support.gateways.process import running
from support.servers.otlp_receiver import receiving

ORGS = ("clinic", "shelter", "court")
PERSONAL = "123 456 782"
TOLD = "the-words-she-said"
BATCH = {"content-type": "application/cloudevents-batch+json"}
SUBJECTS = {org: Pseudonyms(org, b"a key of a test, 32 bytes long!!").subject("one person") for org in ORGS}


def event(org: str, id: str, type: str = "experience.shared", **data: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"event-{id}",
        "source": f"urn:pathline:{org}:desk",
        "type": f"org.pathline.{type}.v1",
        "subject": SUBJECTS[org],
        "time": "2026-03-02T09:00:00Z",
        "datacontenttype": "application/json",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "data": data or {"value": "confirmed", "text": TOLD},
    }


def test_nothing_that_tells_of_a_person_is_observed(tmp_path: Path) -> None:
    hidden = [*SUBJECTS.values(), PERSONAL, PERSONAL.replace(" ", ""), TOLD, "event-"]
    urls: list[str] = []
    answers: list[str] = []
    with receiving() as sink:
        with running(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_BSP_SCHEDULE_DELAY="200") as gateway:
            gateway.http.event_hooks["response"].append(lambda response: urls.append(str(response.url)))
            same = [{"org": org, "subject": SUBJECTS[org]} for org in ORGS[:2]]
            linked = event("clinic", "link", "identity.linked", same=same, method="record-key")
            sent = [event("clinic", "1"), event("shelter", "2"), linked]
            assert gateway.http.post("/v1/events", json=sent, headers=BATCH).json()["accepted"] == 3
            bad = [
                {**sent[0], "subject": PERSONAL},
                {**sent[0], "id": PERSONAL},
                {**sent[0], "subject": TOLD},
                {**sent[0], "data": {PERSONAL: TOLD}},
                {**sent[0], "type": TOLD},
            ]
            answers += [gateway.http.post("/v1/events", json=[each], headers=BATCH).text for each in bad]
            machine = embedded.find_machine(gateway.data)
            assert machine is not None
            topic = Kafka(machine.kafka, "court")
            good = json_format.decode(json.dumps(event("court", "3")).encode())
            topic.send(SUBJECTS["court"], *kafka.encode(good))
            topic.send(PERSONAL, [("ce_id", PERSONAL.encode())], TOLD.encode())
            topic.send(PERSONAL, [("content-type", b"application/cloudevents+json")], TOLD.encode())
            topic.stop()
            gateway.until(lambda: gateway.http.get("/v1/status").json()["parked"] == 2, "two are parked")
            gateway.until(lambda: gateway.settled()["interactions"] == 3, "three are applied")
            for org in ORGS:
                found = gateway.http.post("/v1/pathways/search", json={"org": org, "subject": SUBJECTS[org]})
                pathway = found.json()["pathway"]
                assert gateway.http.get(f"/v1/pathways/{pathway}").status_code in (200, 308)
                assert gateway.http.get(f"/v1/pathways/{pathway}/trace").status_code in (200, 308)
                page = gateway.http.post("/console/pathways", data={"org": org, "subject": SUBJECTS[org]})
                urls.append(page.headers["location"])
            answers.append(gateway.http.post("/v1/pathways/search", json={"org": "x", "subject": TOLD}).text)
            answers.append(gateway.http.post("/v1/pathways/search", json={PERSONAL: TOLD}).text)
            answers.append(gateway.http.get(f"/v1/pathways/{TOLD}").text)
            answers.append(gateway.http.get("/v1/status").text)
            prometheus = gateway.http.get("/metrics").text
        log = gateway.log.read_text()
    kinds = {"GET /v1/pathways/{pathway}", "POST /v1/events", "process pathline.in.*", "pull trace"}
    assert kinds <= sink.span_names()
    assert any(name.startswith("send pathline.in.door") for name in sink.span_names())
    assert {"pathline.intake.records", "pathline.door.events", "pathline.pull.duration"} <= sink.metric_names()
    assert 'pathline_reason="personal-number"' in prometheus
    assert "ready http://" in log
    assert len(urls) > 20
    own = re.sub(rf"/v1/pathways/{TOLD}", "", "\n".join(urls))  # the one that the test itself made up
    for where, text in {
        "spans and metrics": sink.text(),
        "prometheus": prometheus,
        "the log": log,
        "URLs": own,
        "answers that refuse": "\n".join(answers),
    }.items():
        assert [text[max(0, text.find(each) - 300) :][:400] for each in hidden if each in text] == [], where
