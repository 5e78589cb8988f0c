"""Whole lives, read by each organisation: its own part exactly, and of others what the story's hand-offs show it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from pathline import instant
from pathline.codec import json_format
from pathline_gateway.visibility.name_identities import EventIdentity
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from support.gateways.routes import SECRET, GatewayRoutes, citizen, subscriber
from support.repository import LIVES

PURPOSES = (None, "tell-once", "care")

Identity = tuple[str, str]
Event = dict[str, Any]


@pytest.mark.parametrize("life", LIVES, ids=lambda p: p.name)
async def test_an_organisation_reads_its_part_of_a_life(life: Path, gateway: GatewayRoutes) -> None:
    expected = json.loads((life / "expected.json").read_text())
    lines = (life / "events.ndjson").read_text().splitlines()
    events = first_of_each(json.loads(line) for line in lines)
    await gateway.deliver(*(json_format.decode(line.encode()) for line in lines))
    foreign = 0
    rows = await gateway.pool.fetch("select org, subject, anchor_id from subject_ref")
    anchor_ids = {(row["org"], row["subject"]): row["anchor_id"] for row in rows}
    identities = {
        each: EventIdentity.of(
            anchor_ids[org_of(each), event["subject"]], instant.parse(event["time"]).astimezone(UTC), *each
        )
        for each, event in events.items()
        if (org_of(each), event["subject"]) in anchor_ids
    }
    for pathway in expected["pathways"]:
        steps = [(source, id) for source, id in pathway["steps"]]
        for at in pathway["subjects"]:
            for purpose in PURPOSES if at["org"] != "citizen" else ():
                served = (await gateway.read(subscriber(at["org"]), **at, purpose=purpose))["steps"]
                own = [(each["source"], each["id"]) for each in served if each["org"] == at["org"]]
                assert own == [each for each in steps if org_of(each) == at["org"]]
                key = ReaderKey(SECRET, f"organisation:{at['org']}")
                named = {key.event_name(identities[each]): each for each in steps}
                others = {named[each["id"]] for each in served if each["org"] != at["org"]}
                shown = set() if purpose is None else shown_by_handoffs(at["org"], steps, events, expected["handoffs"])
                assert others == {each for each in shown if org_of(each) != at["org"]}
                foreign += len(others)
    assert foreign > 10


@pytest.mark.parametrize("life", LIVES, ids=lambda p: p.name)
async def test_a_citizen_reads_all_of_hers(life: Path, gateway: GatewayRoutes) -> None:
    expected = json.loads((life / "expected.json").read_text())
    lines = (life / "events.ndjson").read_text().splitlines()
    await gateway.deliver(*(json_format.decode(line.encode()) for line in lines))
    for pathway in expected["pathways"]:
        for at in (subject for subject in pathway["subjects"] if subject["org"] == "citizen"):
            body = await gateway.read(citizen(at["subject"]), **at)
            assert [each["source"] for each in body["steps"]] == [source for source, _ in pathway["steps"]]
            assert body["subjects"] == [at]


def shown_by_handoffs(
    org: str, steps: list[Identity], events: dict[Identity, Event], handoffs: list[Event]
) -> set[Identity]:
    """What the hand-offs in which this organisation has a part show it, as the story tells them."""
    shown: set[Identity] = set()
    for handoff in handoffs:
        if org not in (handoff["from"], handoff["to"]):
            continue
        about = [each for each in steps if events[each]["data"].get("handoff") == handoff["id"]]
        about = [each for each in about if ".handoff." in events[each]["type"]]
        shown |= set(about)
        offer = next((each for each in about if events[each]["type"].endswith("offered.v1")), None)
        receives = org == handoff["to"] and handoff["state"] not in ("rejected", "cancelled")
        if offer is not None and receives and events[offer]["data"]["context_released"]:
            before = steps[: steps.index(offer)]
            whose = handoff["from"], events[offer]["subject"]
            shown |= {each for each in before if (org_of(each), events[each]["subject"]) == whose}
    return shown


def org_of(each: Identity) -> str:
    return each[0].split(":")[2]


def first_of_each(events: Iterator[Event]) -> dict[Identity, Event]:
    """What came first under each source and id: later ones are repeats, or parked."""
    found: dict[Identity, Event] = {}
    for event in events:
        found.setdefault((event["source"], event["id"]), event)
    return found
