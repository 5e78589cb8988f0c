"""A gateway of which everything extreme is told, and who reads it: beside a calm person, and an innocent one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from hypothesis import HealthCheck, Phase, given, settings

from acceptance.readers import Asker, ask
from pathline.cloudevent import CloudEvent
from pathline.codec import json_format
from pathline.errors import Refused
from pathline.interaction import accept
from pathline.vocabulary import TYPES
from pathline_gateway.auth.caller import ORGANISATION_ROLES, Role
from pathline_gateway.auth.dev_issuer.issuer import load_issuer
from support.gateways.process import Gateway
from support.generators import events as drawn
from support.generators.extremes import ORG, ORGS, subject_of
from support.servers.webhook_receiver import Sink

BATCH: Final = {"content-type": "application/cloudevents-batch+json"}
CALM: Final = ("calm", "v1.CalmCalmCalmCalmCalmCA")
"""Somebody of whom nothing extreme is said."""
INNOCENT: Final = "v1.InnocentInnocentInnocA"
PATIENCE_S: Final = 240.0
"""For some four thousand events of up to a hundred kilobytes beside other tests; a few seconds when it is quiet."""


@dataclass
class World:
    """A gateway, first with auth off, then with auth on, over the same Postgres."""

    gateway: Gateway
    sink: Sink
    subscriptions: list[str] = field(default_factory=list)
    calm: dict[str, bytes] = field(default_factory=dict)
    """What calm readers were answered before anything extreme came."""

    @property
    def http(self) -> httpx.Client:
        return self.gateway.http

    def publish(self, events: list[dict[str, Any]]) -> None:
        answer = self.http.post("/v1/events", content=json.dumps(events, ensure_ascii=False).encode(), headers=BATCH)
        assert answer.status_code == 202, answer.text[:500]
        told = answer.json()
        # Of those that lie ahead, and of conditions that nobody can prove.
        noticed = {each["field"].split("/")[0] for each in told.pop("notices", [])}
        assert noticed <= {"time", "data.eligibility"}
        assert told == {"accepted": len(events), "duplicate": 0, "refused": []}, answer.text[:500]


def event(source: str, subject: str, id: str, type: str, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": f"urn:pathline:{source}:desk",
        "type": f"org.pathline.{type}.v1",
        "subject": subject,
        "time": datetime.now(UTC).isoformat(),
        "data": data,
    }


def offer(source: str, subject: str, id: str, to: str, due: datetime) -> dict[str, Any]:
    said = {"handoff": f"{source}:{id}", "to": {"org": to}, "context_released": True, "token_sha256": "a" * 64}
    return event(source, subject, id, "handoff.offered", **said, due={"accept": due.isoformat()})


def begin(world: World) -> None:
    """Calm steps, subscriptions of each kind, and every organisation that extremes name."""
    calm = [event(*CALM, f"calm-{n}", "need.expressed", need=f"n{n}", code="food") for n in range(3)]
    others = [event(org, INNOCENT, "hello", "contact.made", kind="enquiry") for org in (*ORGS, "receiver")]
    world.publish([*calm, offer(*CALM, "calm-offer", "receiver", datetime(9999, 12, 31, tzinfo=UTC)), *others])
    hers = [{"exact": {"org": CALM[0]}}]
    for org, more in (
        (ORGS[0], {"protocol": "PULL"}),
        (ORG, {"protocol": "PULL"}),
        (CALM[0], {"protocol": "PULL", "filters": hers}),
        (CALM[0], {"protocol": "HTTP", "sink": world.sink.url}),
    ):
        made = world.http.post("/v1/subscriptions", json={**more, "config": {"organisation": org, "purpose": "care"}})
        assert made.status_code == 201, made.text
        world.subscriptions.append(made.json()["id"])
    world.publish([event(*CALM, "calm-4", "contact.made", kind="inform")])
    world.gateway.settled()
    world.calm = calm_answers(world)


def calm_answers(world: World) -> dict[str, bytes]:
    """What is read of the calm person, as bytes; of the trace her links to calls come with the events."""
    found = world.http.post("/v1/pathways/search", json=dict(zip(("org", "subject"), CALM, strict=True))).json()
    path = f"/v1/pathways/{found['pathway']}"
    asked = (path, f"{path}/trace", f"/v1/subscriptions/{world.subscriptions[2]}/events?limit=1000")
    return {each.replace(found["pathway"], "x"): world.http.get(each).content for each in asked}


def published_at_random(world: World) -> None:
    """And some of each type as a property draws them."""

    batch: list[dict[str, Any]] = []
    for cls in TYPES.values():

        @given(drawn.events_of(cls).filter(is_valid))
        @settings(max_examples=1, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
        def each(event: CloudEvent) -> None:
            batch.append({**json.loads(json_format.encode(event)), "id": f"drawn {len(batch)}"})

        each()
    world.publish(batch)


def is_valid(event: CloudEvent) -> bool:
    try:
        accept(event)
    except Refused:
        return False
    return True


def every_event(
    http: httpx.Client, subscription: str, headers: Mapping[str, str] | None = None, after: str = "n0"
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = http.get(f"/v1/subscriptions/{subscription}/events?after={after}&limit=500", headers=headers)
        assert answer.status_code == 200, answer.text[:300]
        page = answer.json()
        found += page["events"]
        if not page["events"]:
            return found
        after = page["next"]


def orgs_of(role: Role) -> tuple[str | None, ...]:
    if role not in ORGANISATION_ROLES:
        return (None,)
    return (ORG,) if role is Role.LINKER else (ORG, ORGS[0])


def asker(world: World, role: Role, org: str | None) -> Asker:
    token = load_issuer(world.gateway.data).issue_token([role], org, f"somebody-{role}")
    return Asker(role, org, {"authorization": f"Bearer {token}", "pathline-purpose": "care"})


def known_to_persons(world: World, askers: Mapping[tuple[Role, str | None], Asker]) -> None:
    """A citizen is the person of the first round, and a helper has her mandate for ever."""
    citizen, helper = askers[Role.CITIZEN, None], askers[Role.HELPER, None]

    def post(who: Asker, path: str, body: Any, content: str = "application/json") -> Any:
        answer = world.http.post(path, content=json.dumps(body), headers={**who.headers, "content-type": content})
        assert answer.is_success, (path, answer.text)
        return answer.json()

    token = post(askers[Role.PUBLISHER, ORG], "/v1/identity/tokens", {"org": ORG, "subject": subject_of(0)})["token"]
    post(citizen, "/v1/identity/links", {"tokens": [token]})
    account, other = (world.http.get("/v1/account", headers=who.headers).json() for who in (citizen, helper))
    said = {"mandate": "m", "services": [], "powers": ["see"], "until": "9999-12-31T23:59:59Z"}
    mandate = event("citizen", account["subject"], "mandate", "mandate.given", **said, agent=ref(other))
    post(citizen, "/v1/events", [{**mandate, "source": account["source"]}], BATCH["content-type"])

    def sees(who: Asker) -> bool:
        found = ask(world.http, who, "POST ", "/v1/pathways/search", {"json": ref(account)})
        if found.status_code != 200:
            return False
        return len(ask(world.http, who, "GET ", f"/v1/pathways/{found.json()['pathway']}", {}).json()["steps"]) > 1

    world.gateway.until(lambda: sees(citizen) and sees(helper), "both see her pathway", PATIENCE_S)


def ref(account: Mapping[str, str]) -> dict[str, str]:
    return {"org": account["org"], "subject": account["subject"]}


def subscribed(world: World, who: Asker) -> str:
    """A subscription of this organisation that was given again everything that it may see, and read it."""
    wanted = {"protocol": "PULL", "config": {"organisation": who.org, "purpose": "care"}}
    id = str(world.http.post("/v1/subscriptions", json=wanted, headers=who.headers).json()["id"])
    since = {"from": "0001-01-01T00:00:00Z"}
    again = world.http.post(f"/v1/subscriptions/{id}/replay", json=since, headers=who.headers)
    assert again.status_code == 201, again.text

    def complete() -> bool:
        said = world.http.get(f"/v1/subscriptions/{id}/status", headers=who.headers).json()
        return all(each["complete"] for each in said["replays"])

    world.gateway.until(complete, "all is given again", PATIENCE_S)
    assert every_event(world.http, id, who.headers, again.json()["next"]) or who.org != ORG
    return id
