"""Every operation of the OpenAPI document, asked for once in a world of three organisations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pathline_gateway import embedded
from support.brokers.own_topic import Kafka
from support.gateways.secured import Secured, secured
from support.gateways.up_command import wait_until
from support.openapi_check import OpenApiCheck
from support.servers.webhook_receiver import listening_in_a_thread

ANNA, OTHER = "v1.AAAAAAAAAAAAAAAAAAAAAA", "v1.BBBBBBBBBBBBBBBBBBBBBA"
BATCH = {"content-type": "application/cloudevents-batch+json"}


@dataclass
class World:
    """A gateway with auth on, a token a caller, and the document that all answers are held against."""

    up: Secured
    described: OpenApiCheck
    tokens: dict[str, str] = field(default_factory=dict)

    def ask(self, who: str, route: str, expected: int, **more: Any) -> Any:
        """The body of the answer, which is as described."""
        method, path = route.split(" ", 1)
        headers = {"authorization": f"Bearer {self.token(who)}", **more.pop("headers", {})}
        answer = self.described.check(self.up.http.request(method, path, headers=headers, **more))
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content and "json" in answer.headers["content-type"] else answer.text

    def token(self, who: str) -> str:
        if who not in self.tokens:
            role, _, org = who.partition(" ")
            self.tokens[who] = self.up.token(role, org or None)
        return self.tokens[who]

    def settled(self) -> None:
        wait_until(lambda: self.ask("operator", "GET /v1/status", 200)["lag"] == 0, "no lag")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with secured(tmp_path_factory.mktemp("gateway"), PATHLINE_SINKS_PRIVATE="true") as up:
        here = World(up, OpenApiCheck(up.http.get("/openapi.json").json()))
        for org in ("food-bank", "housing"):
            assert here.ask("operator", "POST /v1/organisations", 201, json={"org": org, "sector": "third-sector"})
        yield here


def event(org: str, id: str, type: str = "contact.made", subject: str = ANNA, **data: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:pathline:{org}:desk",
        "type": f"org.pathline.{type}.v1",
        "subject": subject,
        "time": "2026-03-02T09:00:00Z",
        "data": data or {"kind": "enquiry"},
    }


def publish(world: World, *events: dict[str, Any]) -> None:
    for told in events:
        org = told["source"].split(":")[2]
        world.ask(f"publisher {org}", "POST /v1/events", 202, json=[told], headers=BATCH)
    world.settled()


def the_register(world: World) -> None:
    world.ask("operator", "POST /v1/organisations", 200, json={"org": "housing", "name": "Housing"})
    world.ask("operator", "GET /v1/organisations", 200, params={"limit": 1})
    world.ask("operator", "POST /v1/linkers", 201, json={"org": "housing", "of": "food-bank"})
    world.ask("operator", "GET /v1/linkers", 200)
    world.ask("operator", "DELETE /v1/linkers/housing/food-bank", 204)
    world.ask("operator", "DELETE /v1/linkers/housing/food-bank", 404)
    world.ask("operator", "POST /v1/registrars", 201, json={"org": "housing"})
    world.ask("operator", "POST /v1/registrars", 200, json={"org": "housing"})
    world.ask("operator", "GET /v1/registrars", 200)
    world.ask("operator", "DELETE /v1/registrars/housing", 204)
    world.ask("operator", "DELETE /v1/registrars/housing", 404)
    world.ask("operator", "POST /v1/concealed", 204, json={"org": "housing", "service": "refuge"})
    world.ask("operator", "GET /v1/concealed", 200)
    world.ask("operator", "POST /v1/concealed/lifted", 202, json={"org": "housing", "service": "refuge"})
    assert world.ask("publisher housing", "GET /v1/concealed", 200)["waiting"]
    world.ask("publisher food-bank", "POST /v1/concealed/lifted", 403, json={"org": "housing", "service": "refuge"})
    world.ask("publisher housing", "POST /v1/concealed/lifted", 204, json={"org": "housing", "service": "refuge"})
    assert world.ask("publisher housing", "GET /v1/concealed", 200)["changes"]
    assert world.ask("auditor", "GET /v1/register/changes", 200)["changes"]
    basis = {"reader": "housing", "basis": "law", "instrument": "An Act", "purpose": "care", "nouns": ["contact"]}
    number = world.ask("operator", "POST /v1/lawful-bases", 201, json=basis)["id"]
    world.ask("operator", "GET /v1/lawful-bases", 200)
    world.ask("operator", f"POST /v1/lawful-bases/{number}/end", 204)


def a_subscription(world: World) -> None:
    who = "subscriber food-bank"
    wanted = {"protocol": "PULL", "config": {"organisation": "food-bank", "purpose": "care"}}
    made = world.ask(who, "POST /v1/subscriptions", 201, json=wanted)
    path = f"/v1/subscriptions/{made['id']}"
    world.ask(who, "GET /v1/subscriptions", 200)
    world.ask(who, f"GET {path}", 200)
    world.ask(who, f"PUT {path}", 200, json=wanted)
    publish(world, event("food-bank", "streamed") | {"sequence": "1", "ownextension": "x"})
    wait_until(lambda: world.ask(who, f"GET {path}/events", 200)["count"] == 1, "an event was given")
    assert world.ask(who, f"GET {path}/events/1", 200)["id"] == "streamed"
    asked = {"source": "urn:pathline:food-bank:desk", "event": "streamed"}
    assert world.ask(who, f"GET {path}/explain", 200, params=asked)["because"] == "given"
    assert world.ask(who, f"POST {path}/pause", 200)["paused"]
    world.ask(who, f"GET {path}/events", 409)
    world.ask(who, f"POST {path}/resume", 200)
    assert world.ask(who, f"GET {path}/status", 200)["last_asked"]
    found = world.ask(who, "POST /v1/subscriptions/dry-run", 200, json=wanted)
    assert (found["given"], len(found["events"])) == (1, 1)
    world.ask(who, f"DELETE {path}", 204)


def a_webhook(world: World) -> None:
    who = "subscriber food-bank"
    config = {"organisation": "food-bank", "purpose": "care"}
    with listening_in_a_thread() as sink:
        wanted = {"protocol": "HTTP", "sink": sink.url, "config": config}
        made = world.ask(who, "POST /v1/subscriptions", 201, json=wanted)
        path = f"/v1/subscriptions/{made['id']}"
        assert world.ask(who, f"GET {path}", 200)["sink"] == sink.url
        assert world.ask(who, f"POST {path}/canary", 200)["delivered"]
        assert world.ask(who, f"POST {path}/secret", 200)["secret"] != made["secret"]
        publish(world, event("food-bank", "posted"))
        wait_until(lambda: world.ask(who, f"GET {path}/status", 200)["delivered"] == 1, "an event was posted")
        series = world.ask(who, f"POST {path}/replay", 201, json={"from": "n0"})
        assert world.ask(who, f"GET {path}/status", 200)["replays"][0]["series"] == series["series"]
        wait_until(
            lambda: world.ask(who, f"GET {path}/events", 200, params={"after": series["next"]})["count"] == 1,
            "an event was given again",
        )
        world.ask(who, f"GET {path}/failures", 200)
        world.ask(who, f"POST {path}/redrive", 200, json={})
        world.ask(who, f"DELETE {path}", 204)


def a_pathway(world: World) -> None:
    to: dict[str, Any] = {"to": {"org": "housing"}, "token_sha256": "0" * 64, "due": {"accept": "2026-03-04T09:00:00Z"}}
    offered = event("food-bank", "slip", "handoff.offered", handoff="food-bank:1", context_released=True, **to)
    publish(world, event("food-bank", "1"), offered)
    wanted = {"org": "food-bank", "subject": ANNA}
    found = world.ask("operator", "POST /v1/pathways/search", 200, json=wanted)["pathway"]
    assert world.ask("operator", f"GET /v1/pathways/{found}", 200)["handoffs"]
    world.ask("operator", f"GET /v1/pathways/{found}/trace", 200)
    etag = world.ask("operator", f"GET /v1/pathways/{found}", 200)["version"]
    world.ask("operator", f"GET /v1/pathways/{found}", 304, headers={"if-none-match": f'"{etag}"'})
    world.ask("auditor", "GET /v1/access", 200)


def what_is_measured(world: World) -> None:
    for each in world.ask("auditor", "GET /v1/measures", 200)["measures"]:
        world.ask("auditor", f"GET /v1/measures/{each['measure']}?by=pair", 200)
    assert world.ask("operator", "GET /v1/measures/handoff-silence?by=pair", 200)["suppressed"]


def what_a_citizen_says(world: World) -> None:
    assert world.ask("citizen", "GET /v1/account", 200)["org"] == "citizen"
    given = {"recipients": ["housing"], "nouns": ["contact"], "purpose": "care", "consent": "hers"}
    world.ask("citizen", "POST /v1/consents", 201, json=given)
    world.ask("citizen", "POST /v1/consents", 200, json=given)
    assert world.ask("citizen", "GET /v1/consents", 200)["consents"]
    world.ask("citizen", "POST /v1/consents/withdrawals", 200, json={"consent": "hers"})
    what_is_proposed_to_her(world)
    world.ask("citizen", "GET /v1/access", 200)
    tokens = [
        world.ask(f"publisher {org}", "POST /v1/identity/tokens", 201, json={"org": org, "subject": subject})["token"]
        for org, subject in (("food-bank", OTHER), ("housing", OTHER))
    ]
    made = world.ask("citizen", "POST /v1/identity/links", 201, json={"tokens": tokens})
    world.ask("citizen", f"GET {made['look']}", 200)
    world.ask("citizen", "POST /v1/identity/retractions", 201, json=made["evidence"])


def what_is_proposed_to_her(world: World) -> None:
    """By an organisation at which she is known: she agrees, and ends it."""
    client = "v1.CCCCCCCCCCCCCCCCCCCCCA"
    agent = {"org": "citizen", "subject": OTHER}
    publish(
        world,
        event(
            "food-bank", "proposed-mandate", "mandate.given", client,
            mandate="theirs", agent=agent, services=[], powers=["see"],
        ),
        event(
            "food-bank", "proposed-consent", "consent.given", client,
            consent="theirs", holders=["housing"], recipients=["food-bank"], nouns=["contact"], purpose="care",
        ),
    )  # fmt: skip
    known = {"org": "food-bank", "subject": client}
    token = world.ask("publisher food-bank", "POST /v1/identity/tokens", 201, json=known)["token"]
    world.ask("citizen", "POST /v1/identity/links", 201, json={"tokens": [token]})
    for kind in ("mandate", "consent"):
        listed = world.ask("citizen", f"GET /v1/{kind}s", 200)[f"{kind}s"]
        (proposal,) = [each for each in listed if each["counts"] == "proposal"]
        agreeing = {kind: proposal[kind], "version": proposal["version"]}
        agreed = world.ask("citizen", f"POST /v1/{kind}s/agreements", 201, json=agreeing)
        world.ask("citizen", f"POST /v1/{kind}s/agreements", 200, json=agreeing)
        world.ask("citizen", f"POST /v1/{kind}s/withdrawals", 200, json={kind: agreed[kind]})


def a_review(world: World) -> None:
    both = [{"org": "food-bank", "subject": ANNA}, {"org": "housing", "subject": ANNA}]
    publish(
        world,
        event("housing", "2"),
        event("food-bank", "link", "identity.linked", same=both, method="record-key", purpose="care"),
    )
    items = world.ask("reviewer", "GET /v1/identity/review", 200, params={"reason": "proposed"})["items"]
    path = f"/v1/identity/review/{items[0]['item']}"
    assert world.ask("reviewer", f"GET {path}", 200)["decision"] is None
    world.ask("reviewer", f"POST {path}/decision", 200, json={"decision": "same", "reason": "looked"})
    assert world.ask("reviewer", f"GET {path}", 200)["decision"]
    assert world.ask("reviewer", "GET /v1/identity/review", 200, params={"state": "decided"})["items"]
    world.ask("reviewer", f"POST {path}/undo", 200, json={})
    world.ask("reviewer", f"POST {path}/undo", 409, json={})


def what_is_parked(world: World) -> None:
    machine = embedded.find_machine(Path(world.up.data))
    assert machine is not None
    topic = Kafka(machine.kafka, "housing")
    try:
        silent = event("housing", "4", "handoff.silent")  # which the gateway alone tells
        for value in (b"{", *(json.dumps(each).encode() for each in (event("food-bank", "3"), silent))):
            topic.send(ANNA, [("content-type", b"application/cloudevents+json")], value)
    finally:
        topic.stop()
    wait_until(lambda: world.ask("operator", "GET /v1/status", 200)["parked"] == 3, "three are parked")
    records = world.ask("operator", "GET /v1/parked", 200)["records"]
    assert "unknown-type" in {each["reason"] for each in records}
    first, second, *_ = (each["id"] for each in records)
    assert len(world.ask("operator", "GET /v1/parked/summary", 200)["groups"]) == 3
    assert world.ask("operator", f"GET /v1/parked/{first}", 200)["value"]["text"]
    world.ask("operator", "POST /v1/parked/replay", 200, json={"ids": [first, 10**6]})
    world.ask("operator", "POST /v1/parked/discard", 200, json={"ids": [first, second], "because": "a test"})
    assert world.ask("operator", "GET /v1/parked", 200, params={"state": "discarded"})["records"]


def the_operation(world: World) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/v1/status"):
        world.ask("operator", f"GET {path}", 200)
    assert world.ask("operator", "GET /v1/set-aside", 200) == {"items": [], "next": None}
    assert world.ask("operator", "POST /v1/set-aside/retry", 200, json={"work": "hand-offs"}) == {"retried": 0}


PARTS = (
    the_register, a_subscription, a_webhook, a_pathway, what_is_measured, what_a_citizen_says,
    a_review, what_is_parked, the_operation,
)  # fmt: skip
