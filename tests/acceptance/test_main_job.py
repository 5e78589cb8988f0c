"""Publish, assemble, pull: the main job, from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pathline import Pseudonyms
from support.gateways.process import Gateway, running

SUBJECT = Pseudonyms("food-bank", b"k" * 32).subject("client 7")
OTHER = Pseudonyms("housing", b"h" * 32).subject("tenant 9")
BATCH = {"content-type": "application/cloudevents-batch+json"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


def event(
    org: str, subject: str, id: str, time: str, type: str = "activity.recorded", **data: object
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:pathline:{org}:log",
        "type": f"org.pathline.{type}.v1",
        "subject": subject,
        "time": time,
        "data": data or {"activity": f"act {id}"},
    }


def link(id: str) -> dict[str, Any]:
    same = [{"org": "food-bank", "subject": SUBJECT}, {"org": "housing", "subject": OTHER}]
    return event("registry", SUBJECT, id, "2026-01-01T00:00:00Z", "identity.linked", same=same, method="record-key")


def pathway(gateway: Gateway, org: str, subject: str) -> dict[str, Any]:
    found = gateway.http.post("/v1/pathways/search", json={"org": org, "subject": subject})
    assert found.status_code == 200, found.text
    return dict(gateway.http.get(f"/v1/pathways/{found.json()['pathway']}").json())


def test_what_was_accepted_is_pulled_back_in_order_and_a_link_joins_two(gateway: Gateway) -> None:
    steps = [
        event("food-bank", SUBJECT, "b", "2026-03-02T09:00:00+11:00"),
        event("food-bank", SUBJECT, "a", "2026-03-01T22:00:00Z"),
        event("housing", OTHER, "h", "2026-03-01T23:00:00Z"),
    ]
    answer = gateway.http.post("/v1/events", json=[*steps, steps[0], link("l1")], headers=BATCH)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 4, "duplicate": 1, "refused": []}
    status = gateway.settled()
    assert (status["interactions"], status["pathways"], status["links"]) == (3, 1, 1)
    joined = pathway(gateway, "food-bank", SUBJECT)
    assert [s["id"] for s in joined["steps"]] == ["a", "b", "h"]
    assert [s["time"] for s in joined["steps"]] == sorted(s["time"] for s in joined["steps"])
    assert joined == pathway(gateway, "housing", OTHER)
    retracted = event(
        "registry", SUBJECT, "l2", "2026-01-02T00:00:00Z", "identity.retracted",
        evidence={"source": "urn:pathline:registry:log", "id": "l1"},
    )  # fmt: skip
    assert gateway.http.post("/v1/events", json=[retracted], headers=BATCH).status_code == 202
    assert gateway.settled()["pathways"] == 2
    assert [s["id"] for s in pathway(gateway, "housing", OTHER)["steps"]] == ["h"]


def test_an_unchanged_pathway_is_not_sent_again(gateway: Gateway) -> None:
    subject = Pseudonyms("clinic", b"c" * 32).subject("1")
    gateway.http.post("/v1/events", json=[event("clinic", subject, "c1", "2026-01-01T00:00:00Z")], headers=BATCH)
    found = gateway.http.post("/v1/pathways/search", json={"org": "clinic", "subject": subject}).json()["pathway"]
    first = gateway.http.get(f"/v1/pathways/{found}")
    tag = {"if-none-match": first.headers["etag"]}
    assert gateway.http.get(f"/v1/pathways/{found}", headers=tag).status_code == 304
    gateway.http.post("/v1/events", json=[event("clinic", subject, "c2", "2026-01-01T00:00:01Z")], headers=BATCH)
    assert gateway.http.get(f"/v1/pathways/{found}", headers=tag).status_code == 200


def test_each_refused_event_says_which_field_and_its_neighbours_are_taken(gateway: Gateway) -> None:
    good = event("shelter", SUBJECT, "s1", "2026-01-01T00:00:00Z")
    bad = event("shelter", SUBJECT, "s2", "2026-01-01T00:00:00Z", activty="typo")
    answer = gateway.http.post("/v1/events", json=[bad, good, {**good, "subject": "Jo Citizen"}], headers=BATCH).json()
    assert answer["accepted"] == 1
    assert [(r["index"], r["reason"], r["field"]) for r in answer["refused"]] == [
        (0, "invalid-data", "data.activity"),
        (2, "invalid-attribute", "subject"),
    ]
    assert "Jo Citizen" not in str(answer)


def test_after_kill_9_right_after_a_202_the_event_is_served(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        subject = Pseudonyms("clinic", b"c" * 32).subject("1")
        sent = up.http.post("/v1/events", json=[event("clinic", subject, "c1", "2026-01-01T00:00:00Z")], headers=BATCH)
        assert sent.status_code == 202
        up.kill()
        up.start()
        assert [s["id"] for s in pathway(up, "clinic", subject)["steps"]] == ["c1"]
        assert up.stop() == 0
