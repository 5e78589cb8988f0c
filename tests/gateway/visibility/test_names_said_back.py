"""What a reader is told under a name of her own she can say back: it means what it names, and stays as she said it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.visibility.named_life import HANDOFF, LIFE, ME, find_step, said_by, told
from pathline.vocabulary import InteractionCorrected
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import apply_batch
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.intake.record_writer import BatchResult
from support.gateways.routes import OPERATOR, GatewayRoutes, subscriber
from support.intake.history import TOKEN, TOKEN_SHA256, Event, record, ref, source, step, subject
from support.intake.life import make_event


async def real_step(gateway: GatewayRoutes, type: str, org: str) -> dict[str, Any]:
    """The step as an operator sees it: what it means."""
    return find_step(await told(gateway, OPERATOR, "clinic", 1), type, org)


async def test_a_citizen_cancels_her_own_handoff_by_the_name_that_she_sees(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    (seen,) = (await told(gateway, ME, "citizen", 9))["handoffs"]
    assert seen["state"] == "requested"
    await gateway.publish(said_by("citizen", 9, "mine", "handoff.cancelled", handoff=seen["handoff"]))
    body = await told(gateway, ME, "citizen", 9)
    (after,) = body["handoffs"]
    assert (after["handoff"], after["state"], after["anomalies"]) == (seen["handoff"], "cancelled", [])
    assert find_step(body, "handoff.cancelled", "citizen")["data"] == {"handoff": seen["handoff"]}
    cancelled = await real_step(gateway, "handoff.cancelled", "citizen")
    assert cancelled["data"] == {"handoff": HANDOFF}
    row = await gateway.pool.fetchrow("select handoff from interaction where id = 'mine'")
    assert row["handoff"] == HANDOFF


@pytest.mark.parametrize(
    ("verb", "shown", "state"), [("seen", {}, "received"), ("accepted", {"token": TOKEN}, "accepted")]
)
async def test_an_organisation_answers_by_the_name_that_its_stream_told_it(
    gateway: GatewayRoutes, verb: str, shown: dict[str, str], state: str
) -> None:
    subscription = await subscribed(gateway, "housing")
    await gateway.publish(*LIFE)
    events = await streamed(gateway, "housing", subscription)
    (offer,) = (each for each in events if each["type"].endswith("handoff.offered.v1"))
    name = offer["data"]["handoff"]
    assert name.startswith("keyed:")
    # It was none of its affair then. Now it is asked itself.
    await gateway.publish(
        make_event("care", "r1", "handoff.redirected", 4, 7, handoff=HANDOFF, to={"org": "housing"},
                   token_sha256=TOKEN_SHA256),
        said_by("housing", 2, "answer", f"handoff.{verb}", 10, handoff=name, **shown),
    )  # fmt: skip
    (handoff,) = (await told(gateway, OPERATOR, "clinic", 1))["handoffs"]
    assert handoff["state"] == state
    answer = next(e for e in await streamed(gateway, "housing", subscription) if e["id"] == "answer")
    assert answer["data"]["handoff"] == name
    explained = await gateway.request(
        subscriber("housing"), "GET", f"/v1/subscriptions/{subscription}/explain",
        params={"source": source("housing"), "event": "answer"},
    )  # fmt: skip
    assert explained.json()["because"] == "given"
    assert HANDOFF not in explained.text


async def test_what_an_experience_is_said_of_is_the_event_that_was_meant(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    seen = find_step(await told(gateway, ME, "citizen", 9), "activity.recorded", "clinic")
    regarding = {"source": seen["source"], "id": seen["id"]}
    unknown = regarding | {"id": "secret-id-9"}
    await gateway.publish(
        said_by("citizen", 9, "mine", "experience.shared", value="confirmed", regarding=regarding),
        said_by("citizen", 9, "yours", "experience.shared", value="denied", regarding=unknown),
    )
    mine = next(each for each in (await told(gateway, ME, "citizen", 9))["steps"] if each["id"] == "mine")
    assert mine["data"]["regarding"] == regarding
    real = await told(gateway, OPERATOR, "clinic", 1)
    by_id = {each["id"]: each["data"]["regarding"] for each in real["steps"] if each["type"].endswith("shared.v1")}
    assert by_id == {
        "mine": {"source": source("clinic"), "id": "secret-id-1"},
        "yours": {"source": source("clinic"), "id": "secret-id-9"},
    }


async def test_a_service_changes_because_of_an_event_of_somebody_elses(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    seen = find_step(await told(gateway, subscriber("housing"), "housing", 2), "activity.recorded", "clinic")
    because = [{"source": seen["source"], "id": seen["id"]}, {"source": source("clinic"), "id": "keyed:nothing"}]
    await gateway.publish(said_by("housing", 7, "change", "change.made", change="c1", kind="process", because=because))
    payload = await gateway.pool.fetchval("select payload from evidence where id = 'change'")
    assert b"secret-id-1" in payload
    assert b"keyed:nothing" in payload


async def test_another_readers_name_is_an_unknown_id(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    (hers,) = (await told(gateway, ME, "citizen", 9))["handoffs"]
    theirs = (await told(gateway, subscriber("housing"), "housing", 2))["handoffs"][0]["handoff"]
    legal = find_step(await told(gateway, subscriber("legal"), "legal", 3), "activity.recorded", "clinic")
    assert len({hers["handoff"], theirs}) == 2
    regarding = {"source": legal["source"], "id": legal["id"]}
    await gateway.publish(
        said_by("citizen", 9, "tried", "handoff.cancelled", handoff=theirs),
        said_by("citizen", 9, "shared", "experience.shared", value="denied", regarding=regarding),
        said_by("citizen", 8, "stranger", "handoff.cancelled", handoff=hers["handoff"]),
    )
    real = {each["id"]: each["data"] for each in (await told(gateway, OPERATOR, "citizen", 9))["steps"]}
    assert real["tried"] == {"handoff": theirs}
    assert real["shared"]["regarding"] == regarding
    stranger = await gateway.read(OPERATOR, "citizen", subject(8))
    assert stranger["steps"][0]["data"] == {"handoff": hers["handoff"]}
    (handoff,) = (each for each in (await told(gateway, ME, "citizen", 9))["handoffs"] if each["to"])
    assert handoff["state"] == "requested"


async def test_an_agent_is_named_by_the_name_that_she_has_for_her(gateway: GatewayRoutes) -> None:
    agent: dict[str, Any] = {"agent": ref("clinic", 5), "powers": ["see"], "services": []}
    await gateway.publish(
        *LIFE, step("clinic", "a1", 5, 1), make_event("clinic", "g1", "mandate.given", 1, 6, mandate="m", **agent)
    )
    (listed,) = (await gateway.request(ME, "GET", "/v1/mandates")).json()["mandates"]
    assert (
        listed["agent"] == find_step(await told(gateway, ME, "citizen", 9), "mandate.given", "clinic")["data"]["agent"]
    )
    assert listed["agent"]["subject"] != subject(5)
    await gateway.publish(
        said_by("citizen", 9, "given", "mandate.given", mandate="mine", **agent | {"agent": listed["agent"]})
    )
    assert (await real_step(gateway, "mandate.given", "citizen"))["data"]["agent"] == ref("clinic", 5)
    mine = next(
        m for m in (await gateway.request(ME, "GET", "/v1/mandates")).json()["mandates"] if m["org"] == "citizen"
    )
    assert mine["agent"] == listed["agent"]
    assert (
        find_step(await told(gateway, ME, "citizen", 9), "mandate.given", "citizen")["data"]["agent"] == listed["agent"]
    )


async def test_a_correction_may_use_a_name(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    (seen,) = (await told(gateway, ME, "citizen", 9))["handoffs"]
    data = {"value": "denied", "handoff": seen["handoff"]}
    await gateway.publish(
        said_by("citizen", 9, "mine", "experience.shared", value="confirmed"),
        amended("citizen", "mine", 9, {"data": data}),
    )
    assert (await real_step(gateway, "experience.shared", "citizen"))["data"] == data | {"handoff": HANDOFF}
    body = await told(gateway, ME, "citizen", 9)
    assert find_step(body, "experience.shared", "citizen")["data"] == data
    assert [each["handoff"] for each in body["handoffs"]] == [seen["handoff"]]


async def test_an_event_keeps_its_name_when_it_is_corrected(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    before = find_step(await told(gateway, ME, "citizen", 9), "contact.made", "clinic")
    replacement = {"time": "2026-03-05T00:00:00Z", "data": {"kind": "inform"}}
    await gateway.publish(amended("clinic", "secret-id-2", 1, replacement))
    after = find_step(await told(gateway, ME, "citizen", 9), "contact.made", "clinic")
    assert (after["id"], after["time"]) == (before["id"], "2026-03-05T00:00:00.000000Z")
    regarding = {"source": after["source"], "id": after["id"]}
    await gateway.publish(said_by("citizen", 9, "mine", "experience.shared", value="confirmed", regarding=regarding))
    real = await real_step(gateway, "experience.shared", "citizen")
    assert real["data"]["regarding"]["id"] == "secret-id-2"


async def test_the_same_event_again_is_a_duplicate_in_whatever_form_and_another_is_a_conflict(
    gateway: GatewayRoutes,
) -> None:
    await gateway.publish(*LIFE)
    (seen,) = (await told(gateway, ME, "citizen", 9))["handoffs"]
    said = said_by("citizen", 9, "mine", "handoff.cancelled", handoff=seen["handoff"])
    plainly = said_by("citizen", 9, "mine", "handoff.cancelled", handoff=HANDOFF)
    value = json.dumps({"handoff": seen["handoff"]}).encode()
    spelt = value.replace(b"keyed:", b"\\u006beyed:").replace(b'"handoff":', b'"handoff" : ')
    assert spelt != value
    assert json.loads(spelt) == json.loads(value)
    results = [await applied(gateway, said, each) for each in (spelt, value, spelt)]
    await gateway.bind()
    assert [(each.accepted, each.duplicates, len(each.parked)) for each in results] == [(1, 0, 0), (0, 1, 0), (0, 1, 0)]
    conflict = await applied(gateway, plainly)
    assert [each.reason for each in conflict.parked] == ["conflicting-duplicate"]
    assert (await real_step(gateway, "handoff.cancelled", "citizen"))["data"] == {"handoff": HANDOFF}


async def test_an_offer_of_a_service_names_nobody(gateway: GatewayRoutes) -> None:
    """Its models hold themselves: nobody looks for names in it."""
    await gateway.publish(
        *LIFE,
        make_event("clinic", "offer", "offer.published", 1, 1, offer="o", title="keyed:\u00e9", needs=["housing"]),
    )
    assert await gateway.pool.fetchval("select count(*) from evidence where id = 'offer'") == 1


async def test_what_is_parked_is_parked_as_it_was_sent(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    (seen,) = (await told(gateway, ME, "citizen", 9))["handoffs"]
    await gateway.publish(
        said_by("citizen", 9, "mine", "handoff.cancelled", handoff=seen["handoff"]),
        said_by("citizen", 9, "mine", "handoff.seen", handoff=seen["handoff"]),
    )
    kept = await gateway.pool.fetchval("select value from parked where reason = 'conflicting-duplicate'")
    assert json.loads(kept) == {"handoff": seen["handoff"]}


async def test_it_is_asked_by_her_name_why_an_event_came(gateway: GatewayRoutes) -> None:
    subscription = await subscribed(gateway, "housing")
    await gateway.publish(*LIFE)
    event = next(e for e in await streamed(gateway, "housing", subscription) if e["type"].endswith("contact.made.v1"))
    of_legal = find_step(await told(gateway, subscriber("legal"), "legal", 3), "contact.made", "clinic")["id"]
    answers = [
        (
            await gateway.request(
                subscriber("housing"),
                "GET",
                f"/v1/subscriptions/{subscription}/explain",
                params={"source": event["source"], "event": id},
            )
        ).json()
        for id in (event["id"], of_legal, "keyed:nothing")
    ]
    assert [each["because"] for each in answers] == ["given", "unknown", "unknown"]
    assert answers[0]["number"] == event["number"]


def amended(org: str, target: str, n: int, replacement: dict[str, Any]) -> Event:
    """A correction of the organisation's own event."""
    said = {"source": source(org), "id": target, "reason": "wrong-content", "replacement": replacement}
    return Event(org, f"{target}-amended", subject(n), InteractionCorrected.model_validate(said), 11)


async def applied(gateway: GatewayRoutes, event: Event, value: bytes | None = None) -> BatchResult:
    """What becomes of the event as a record with this value."""
    made = record(event, gateway.partition.offset)
    gateway.partition.offset += 1
    at, sent = (made.topic, made.partition), made if value is None else replace(made, value=value)
    async with gateway.pool.acquire() as connection:
        batch = Batch({at: [parse_record(sent)]}, {at: made.offset}, {at: 1})
        return await apply_batch(connection, gateway.partition.into, batch)


async def subscribed(gateway: GatewayRoutes, org: str) -> str:
    wanted = {"protocol": "PULL", "config": {"organisation": org, "purpose": "care"}}
    made = await gateway.request(subscriber(org), "POST", "/v1/subscriptions", json=wanted)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def streamed(gateway: GatewayRoutes, org: str, subscription: str) -> list[dict[str, Any]]:
    await gateway.dispatch(everything=False)
    answer = await gateway.request(subscriber(org), "GET", f"/v1/subscriptions/{subscription}/events?limit=100")
    return list(answer.json()["events"])
