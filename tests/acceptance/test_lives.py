"""Whole lives, delivered as they stand (late, doubled, conflicting): each organisation's part is as worked out by hand.

Joining by tokens is not looked at here: the order of a pathway is held against those parts that are joined already.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from support.gateways.process import Gateway, running
from support.repository import LIVES

STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}

Identity = tuple[str, str]


@pytest.mark.parametrize("life", LIVES, ids=lambda p: p.name)
@pytest.mark.parametrize("order", ["as delivered", "backwards"])
def test_a_life_is_assembled_as_it_was_worked_out(life: Path, order: str, tmp_path: Path) -> None:
    expected = json.loads((life / "expected.json").read_text())
    lines = (life / "events.ndjson").read_text().splitlines()
    parked = {(each["source"], each["id"]) for each in expected["parked"]}
    if order == "backwards":
        lines = _first_of_conflicts_first(lines, parked)
    with running(tmp_path, PATHLINE_NOW=expected["now"]) as gateway:
        for line in lines:
            answer = gateway.http.post("/v1/events", content=line.encode(), headers=STRUCTURED)
            assert answer.status_code == 202, answer.text
        status = gateway.settled()
        served = [steps for pathway in expected["pathways"] for steps in _parts(gateway, pathway)]
        handoffs = _handoffs(gateway, expected["pathways"])
        assert _parked_by_reason(gateway) == Counter(each["reason"] for each in expected["parked"])
        again = gateway.http.post("/v1/events", content=f"[{','.join(lines)}]".encode(), headers=BATCH).json()
    assert status["parked"] == len(expected["parked"])
    assert handoffs == {each["id"]: each for each in expected["handoffs"]}
    data = {_identity(step): step["data"] for part in served for step in part}
    assert set(data) == {tuple(step) for pathway in expected["pathways"] for step in pathway["steps"]}
    assert status["interactions"] == len(data)
    events = [json.loads(line) for line in lines]
    for identity in parked:
        assert data[identity] == next(event["data"] for event in events if _identity(event) == identity)
    # What is no step is kept too: everything but the parked deliveries is known when it is sent again.
    assert len({_identity(event) for event in events}) == expected["deliveries"]["distinct_accepted"]
    evidence = {id for _, id in {_identity(event) for event in events} - set(data)}
    assert evidence == {*expected["evidence_not_steps"], *expected["voided"]}
    assert (again["accepted"], again["duplicate"]) == (0, len(lines))


def _identity(event: dict[str, Any]) -> Identity:
    return event["source"], event["id"]


def _parked_by_reason(gateway: Gateway) -> Counter[str]:
    text = gateway.http.get("/metrics").text
    counted = re.findall(r'^pathline_intake_records_total{.*"parked".*_reason="([^"]+)".*} (\S+)$', text, re.MULTILINE)
    return Counter({reason: int(float(n)) for reason, n in counted})


def _parts(gateway: Gateway, pathway: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The parts that hold one person's subjects now; each is in the order of the whole."""
    whole = [tuple(step) for step in pathway["steps"]]
    parts: dict[str, list[dict[str, Any]]] = {}
    for subject in pathway["subjects"]:
        found = gateway.http.post("/v1/pathways/search", json=subject)
        assert found.status_code == 200, found.text
        read = gateway.http.get(f"/v1/pathways/{found.json()['pathway']}").json()
        assert subject in read["subjects"]
        parts[read["pathway"]] = read["steps"]
    for part in parts.values():
        identities = [_identity(step) for step in part]
        assert identities == [identity for identity in whole if identity in set(identities)]
    return list(parts.values())


def _handoffs(gateway: Gateway, pathways: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Each hand-off of these pathways, in the words of the worked answers."""
    found: dict[str, dict[str, Any]] = {}
    for subject in (subject for pathway in pathways for subject in pathway["subjects"]):
        pathway = gateway.http.post("/v1/pathways/search", json=subject).json()["pathway"]
        for each in gateway.http.get(f"/v1/pathways/{pathway}").json()["handoffs"]:
            found[each["handoff"]] = {
                "id": each["handoff"],
                "from": each["from"],
                "to": each["to"]["org"],
                "state": each["state"],
                "acceptance_seconds": _seconds(each["offered"], each["accepted"]),
                "first_contact_seconds": _seconds(each["offered"], each["first_contact"]),
                "silent_stages": each["silent"],
                "late_stages": each["late"],
                "observable": each["observable"],
            }
    return found


def _seconds(start: str, end: str | None) -> int | None:
    if end is None:
        return None
    return int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())


def _first_of_conflicts_first(lines: list[str], conflicting: set[Identity]) -> list[str]:
    """Backwards, but for the one pair in which the first to come wins."""
    events = [(json.loads(line), line) for line in lines]
    kept = [line for event, line in events if (event["source"], event["id"]) in conflicting]
    others = [line for event, line in events if (event["source"], event["id"]) not in conflicting]
    return [*reversed(others), *kept]
