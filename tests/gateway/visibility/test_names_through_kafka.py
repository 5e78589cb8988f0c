"""A name goes through the door, and over an organisation's own topic, as any id does: what it names is meant."""

from __future__ import annotations

import json
from typing import Any

from aiokafka import AIOKafkaProducer

from pathline.codec import json_format
from pathline.codec import kafka as kafka_codec
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller, Role
from pathline_gateway.auth.dependencies import current_caller
from pathline_gateway.integrity.verify.run import verify_all
from support.gateways.in_process import Client, event, link, ref
from support.gateways.routes import OPERATOR, citizen, purpose_headers, subscriber
from support.intake.history import TOKEN_SHA256, subject

HANDOFF = "west:out-1"
CONSENT: dict[str, Any] = {
    "consent": "c", "holders": [], "recipients": ["east"], "nouns": ["handoff", "contact"], "purpose": "care",
}  # fmt: skip
OFFER: dict[str, Any] = {"handoff": HANDOFF, "to": {"org": "north"}, "token_sha256": TOKEN_SHA256}
LIFE = (
    event("west", "handoff.offered", ref("west", 1), "o1", context_released=False, **OFFER),
    event("east", "contact.made", ref("east", 2), "e1", kind="chase"),
    event("citizen", "consent.given", ref("citizen", 9), "k1", **CONSENT),
    link(ref("west", 1), ref("east", 2)),
    link(ref("west", 1), ref("citizen", 9)),
)
ACCOUNT = Caller(frozenset((Role.CITIZEN,)), account=subject(9))


async def test_a_name_is_said_back_at_the_door_and_over_kafka(client: Client, kafka: str) -> None:
    await client.publish(*LIFE)
    seen = (await read(client, citizen(subject(9)), "citizen", 9))["handoffs"][0]["handoff"]
    called = (await read(client, subscriber("east"), "east", 2))["handoffs"][0]["handoff"]
    assert HANDOFF not in (seen, called)
    topic = "pathline.in.east"
    producer = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=False)
    await producer.start()
    for n, name in enumerate((called, seen)):
        await send(producer, topic, event("east", "contact.made", ref("east", 2), f"t{n}", kind="chase", handoff=name))
    await producer.stop()
    cancelled = event("citizen", "handoff.cancelled", ref("citizen", 9), "mine", handoff=seen)
    cancelled |= {"source": "urn:pathline:citizen:me", "time": "2026-03-01T10:00:00Z"}
    as_caller(client, ACCOUNT)
    await client.post("/v1/events", 202, cancelled, headers=EVENT)
    as_caller(client, AUTH_DISABLED_CALLER)

    async def stored() -> set[str]:
        return {each["id"] for each in (await read(client, OPERATOR, "west", 1))["steps"]}

    known: set[str] = set()
    while not {"t0", "t1", "mine"} <= known:
        await client.settled()
        known = await stored()
    body = await read(client, OPERATOR, "west", 1)
    meant = {each["id"]: each["data"]["handoff"] for each in body["steps"] if "handoff" in each["data"]}
    assert meant == {"o1": HANDOFF, "t0": HANDOFF, "t1": seen, "mine": HANDOFF}
    assert [each["state"] for each in body["handoffs"] if each["handoff"] == HANDOFF] == ["cancelled"]
    own = {each["id"]: each["data"] for each in (await read(client, subscriber("east"), "east", 2))["steps"]}
    assert (own["t0"]["handoff"], own["t1"]["handoff"]) == (called, seen)
    async with client.up.pool.acquire() as connection:
        assert [check.name for check in await verify_all(connection) if check.differing_count] == []


EVENT = {"content-type": "application/cloudevents+json"}


def as_caller(client: Client, caller: Caller) -> None:
    """Whose requests these are from now on."""
    client.http._transport.app.dependency_overrides[current_caller] = lambda: caller  # type: ignore[attr-defined]


async def read(client: Client, by: Caller, org: str, n: int) -> dict[str, Any]:
    """What this reader is told of the pathway."""
    as_caller(client, by)
    found = await client.post("/v1/pathways/search", 200, ref(org, n))
    answer = await client.http.get(
        f"/v1/pathways/{found['pathway']}", params={"limit": 100}, headers=purpose_headers("care")
    )
    as_caller(client, AUTH_DISABLED_CALLER)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def send(producer: AIOKafkaProducer, topic: str, sent: dict[str, Any]) -> None:
    """It is on the topic, as the organisation itself writes it there."""
    headers, value = kafka_codec.encode(json_format.decode(json.dumps(sent).encode()))
    await producer.send_and_wait(topic, value, key=sent["subject"].encode(), headers=headers)
