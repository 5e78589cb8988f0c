"""A thousand broken inputs of many kinds, at the door and on a topic: each is refused or parked, the rest arrives."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from pathline import Pseudonyms
from pathline_gateway import embedded
from support.brokers.own_topic import Kafka
from support.gateways.process import Gateway, running

ORG = "clinic"
NAMES = Pseudonyms(ORG, b"a key of a test, 32 bytes long!!")
SECRET = "Jane Citizen"
PERSONAL = "123 456 782"
"""A tax file number that is valid and nobody's."""

Event = dict[str, Any]


def good(n: int) -> Event:
    return {
        "specversion": "1.0",
        "id": f"good-{n}",
        "source": f"urn:pathline:{ORG}:desk",
        "type": "org.pathline.contact.made.v1",
        "subject": NAMES.subject(str(n % 50)),
        "time": f"2026-03-{1 + n % 28:02}T09:00:00Z",
        "datacontenttype": "application/json",
        "data": {"kind": "enquiry"},
    }


def _without(name: str) -> Callable[[Event, Random], Event]:
    return lambda event, dice: {k: v for k, v in event.items() if k != name}


def _with(name: str, *values: object) -> Callable[[Event, Random], Event]:
    return lambda event, dice: {**event, name: dice.choice(values)}


def _data(*values: object) -> Callable[[Event, Random], Event]:
    return _with("data", *values)


_REQUIRED = ("id", "source", "type", "subject", "time")
_NO_TIMES = ("yesterday", "2026-02-30T00:00:00Z", "2026-03-01", SECRET)
EVENTS: dict[str, tuple[Callable[[Event, Random], Event], str, str | None]] = {
    **{
        f"no {name}": (_without(name), "missing-attribute", name)
        for name in ("id", "source", "type", "subject", "time")
    },
    "no data": (_without("data"), "invalid-data", "data"),
    "no version": (_without("specversion"), "", "specversion"),
    "another version": (_with("specversion", "0.3", "2.0", "1"), "invalid-attribute", "specversion"),
    "an empty id": (_with("id", ""), "missing-attribute", "id"),
    "a long id": (_with("id", "x" * 300, "y" * 2_000), "invalid-attribute", "id"),
    "a control character": (_with("id", "a\tb", "a\u0000b", "a\u0085b"), "invalid-attribute", "id"),
    "a number as id": (_with("id", 7, True), "invalid-attribute", "id"),
    "another source": (_with("source", "urn:x", "https://clinic.example", SECRET), "invalid-attribute", "source"),
    "an unknown type": (_with("type", "org.pathline.contact.mad.v1", SECRET), "unknown-type", "type"),
    "a name as subject": (_with("subject", SECRET, "v1.short", "v1." + "A" * 21 + "B"), "invalid-attribute", "subject"),
    "a personal number": (_with("subject", PERSONAL), "personal-number", "subject"),
    "a personal number as id": (_with("id", PERSONAL), "personal-number", "id"),
    "no instant": (
        _with("time", *_NO_TIMES),
        "invalid-attribute",
        "time",
    ),
    "no offset": (_with("time", "2026-03-01T09:00:00"), "invalid-attribute", "time"),
    "an unknown field": (_data({"kind": "enquiry", "nmae": SECRET}), "invalid-data", None),
    "a wrong code": (_data({"kind": SECRET}), "invalid-data", "data.kind"),
    "a missing field": (_data({}), "invalid-data", "data.kind"),
    "a wrong shape": (_data([], "x", 7, {"kind": ["enquiry"]}), "invalid-data", None),
    "an attribute with a bad name": (_with("Own-Name", "x"), "invalid-attribute", None),
    "an attribute that is an object": (_with("own", {"a": 1}, [1]), "invalid-attribute", "own"),
}
"""What is wrong, as an event in structured mode: how it is made, the reason, the field."""

BYTES: dict[str, tuple[bytes, str]] = {
    "half an object": (b'{"id":', "malformed"),
    "no JSON": (b"\x00\x01\x02", "malformed"),
    "no UTF-8": (b'{"id":"\xff\xfe"}', "malformed"),
    "a number": (b"7", "malformed"),
    "nothing": (b"", "malformed"),
    "not a number": (b'{"id":NaN}', "malformed"),
    "very deep": (b"[" * 10_000, "malformed"),
}
STRUCTURED = [("content-type", b"application/cloudevents+json")]
RECORDS: dict[str, tuple[list[tuple[str, bytes]], bytes | None, str]] = {
    "a tombstone": (STRUCTURED, None, "malformed"),
    "no headers": ([], b"{}", "malformed"),
    "a header that is no UTF-8": ([("ce_id", b"\xff\xfe")], b"{}", "invalid-attribute"),
    "a header twice": ([("ce_id", b"1"), ("ce_id", b"2")], b"{}", "invalid-attribute"),
    "another media type": ([("ce_id", b"1"), ("content-type", b"image/png")], b"\x89PNG", "unsupported-content-type"),
    **{name: (STRUCTURED, value, reason) for name, (value, reason) in BYTES.items()},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


def test_at_the_door_each_is_refused_with_event_field_and_remedy(gateway: Gateway) -> None:
    dice, sent, refused = Random(7), 0, 0
    for kind, (spoil, reason, field) in EVENTS.items():
        batch = [good(1_000 + sent + n) if n % 2 else spoil(good(n), dice) for n in range(32)]
        for n, event in enumerate(batch):
            if not n % 2 and "id" in event and event["id"] == good(n)["id"]:
                event["id"] = f"bad-{sent + n}"
        sent += 32
        answer = gateway.http.post(
            "/v1/events", json=batch, headers={"content-type": "application/cloudevents-batch+json"}
        )
        assert answer.status_code == 202, (kind, answer.text)
        body = answer.json()
        assert body["accepted"] + body["duplicate"] == 16, kind
        assert [each["index"] for each in body["refused"]] == list(range(0, 32, 2)), kind
        for each in body["refused"]:
            assert each["reason"].startswith(reason or each["reason"]), (kind, each)
            assert each["field"] == field or field is None, (kind, each)
            assert len(each["detail"]) > len(each["field"] or ""), (kind, each)
        assert SECRET not in answer.text
        assert PERSONAL not in answer.text
        refused += 16
    for kind, (body_bytes, reason) in BYTES.items():
        for media in ("application/cloudevents+json", "application/cloudevents-batch+json"):
            answer = gateway.http.post("/v1/events", content=body_bytes, headers={"content-type": media})
            assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), kind
            assert answer.json()["type"] == f"urn:pathline:problem:{reason}", kind
            refused += 1
    assert refused >= 350
    status = gateway.settled()
    assert status["interactions"] == sent // 2
    assert status["parked"] == 0


def test_on_a_topic_each_is_parked_with_its_reason_and_its_neighbours_arrive(gateway: Gateway) -> None:
    machine = embedded.find_machine(gateway.data)
    assert machine is not None
    before = gateway.settled()
    org = "ward"
    dice, expected, sent = Random(11), Counter[str](), 0
    topic = Kafka(machine.kafka, org)
    try:
        records: list[tuple[list[tuple[str, bytes]], bytes | None]] = []
        for spoil, reason, _ in EVENTS.values():
            for _n in range(25):
                bad = spoil({**good(len(records)), "source": f"urn:pathline:{org}:desk"}, dice)
                records.append((STRUCTURED, json.dumps(bad).encode()))
                expected[reason] += 1
        for headers, value, reason in RECORDS.values():
            records += [(headers, value)] * 10
            expected[reason] += 10
        for n in range(20):  # an event of another organisation on this topic
            records.append((STRUCTURED, json.dumps({**good(n), "id": f"foreign-{n}"}).encode()))
            expected["not-your-source"] += 1
        assert len(records) >= 650
        for n in range(len(records)):
            event = {**good(n), "source": f"urn:pathline:{org}:desk", "id": f"topic-{n}"}
            records.insert(2 * n, (STRUCTURED, json.dumps(event).encode()))
        sent = len(records)
        topic.send_all(records)
    finally:
        topic.stop()
    gateway.until(lambda: _accounted(gateway, before) == sent, "accepted and parked are what was sent")
    status = gateway.settled()
    assert status["interactions"] - before["interactions"] == sent // 2
    assert status["parked"] - before["parked"] == sent // 2
    known = {reason: n for reason, n in expected.items() if reason}
    parked = _parked_by_reason(gateway)
    assert sum(parked.values()) == sent // 2
    for reason, n in known.items():
        assert parked[reason] >= n, (reason, parked)


@pytest.mark.parametrize("milliseconds", [253_402_300_800_000, 2**53, 2**63 - 1])
def test_a_bad_record_whose_time_no_calendar_holds_is_parked(gateway: Gateway, milliseconds: int) -> None:
    machine = embedded.find_machine(gateway.data)
    assert machine is not None
    before = gateway.settled()["parked"]
    topic = Kafka(machine.kafka, f"clock-{milliseconds}")
    try:
        sent = topic.producer.send_and_wait(topic.topic, b"x", headers=STRUCTURED, timestamp_ms=milliseconds)
        topic.loop.run_until_complete(sent)
    finally:
        topic.stop()
    gateway.until(lambda: gateway.http.get("/v1/status").json()["parked"] == before + 1, "it is parked", 20)


def _accounted(gateway: Gateway, before: dict[str, int]) -> int:
    status = gateway.http.get("/v1/status").json()
    return int(status["interactions"] + status["parked"] - before["interactions"] - before["parked"])


def _parked_by_reason(gateway: Gateway) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in gateway.http.get("/metrics").text.splitlines():
        if line.startswith("pathline_intake_records_total{") and 'pathline_outcome="parked"' in line:
            reason = line.split('pathline_reason="', 1)[1].split('"', 1)[0]
            found[reason] += int(float(line.rsplit(" ", 1)[1]))
    return found
