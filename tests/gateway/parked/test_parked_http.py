"""What is parked, over HTTP and in the console: listed, shown, replayed, discarded; no value where none need be."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from gateway.parked.database import Server
from gateway.parked.delivery import Log, event
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.console import parked_pages
from pathline_gateway.organisations import endpoints as organisation_endpoints
from pathline_gateway.parked import endpoints as parked_endpoints
from pathline_gateway.parked import overview_repository
from pathline_gateway.parked.redaction import DETAIL
from pathline_gateway.telemetry.instruments import PARKED
from pathline_gateway.web.context import AppContext
from support.gateways.application import application

SECRET = "the-words-she-said"


@dataclass
class Client:
    http: httpx.AsyncClient
    pool: asyncpg.Pool
    app: FastAPI
    log: Log

    async def park(self, *events: dict[str, Any] | bytes) -> list[int]:
        async with self.pool.acquire() as connection:
            await self.log.take_in(connection, events)
            return await overview_repository.ids(connection, overview_repository.ParkedFilter(), 0, 2**62, 1_000)

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def client(postgres: Server) -> AsyncIterator[Client]:
    async with postgres.emptied("http") as dsn, asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool:
        context = AppContext(pool, pool, b"", lambda: datetime.now(UTC))
        modules = (parked_endpoints, organisation_endpoints, parked_pages)
        with application(*modules, context=context, caller=lambda: AUTH_DISABLED_CALLER) as app:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as http:
                yield Client(http, pool, app, Log())


async def test_a_page_ends_where_the_next_begins_and_holds_no_bytes(client: Client) -> None:
    ids = await client.park(*(event("shelter", str(n), activity=SECRET) for n in range(7)), SECRET.encode())
    found, after = [], 0
    while after is not None:
        answer = await client.get("/v1/parked", after=after, limit=3)
        assert SECRET not in repr(answer)
        found += answer["records"]
        after = answer["next"]
    assert [each["id"] for each in found] == ids
    assert {"id", "org", "reason", "field", "detail", "topic", "partition", "offset", "parked_at"} <= found[0].keys()
    chosen = await client.get("/v1/parked", reason="malformed", org="")
    assert [each["id"] for each in chosen["records"]] == ids[-1:]
    assert (await client.get("/v1/parked", org="nobody"))["records"] == []


async def test_the_summary_counts_by_publisher_and_reason(client: Client) -> None:
    await client.park(event("shelter", "1"), event("shelter", "2"), event("court", "1"), b"noise")
    groups = (await client.get("/v1/parked/summary"))["groups"]
    assert [(g["org"], g["reason"], g["n"], g["fields"]) for g in groups] == [
        ("shelter", "unknown-organisation", 2, ["source"]),
        (None, "malformed", 1, None),
        ("court", "unknown-organisation", 1, ["source"]),
    ]
    assert all(g["oldest"] <= g["newest"] for g in groups)


async def test_one_record_is_served_as_it_came(client: Client) -> None:
    first, other = await client.park(event("shelter", "1", activity=SECRET), b"\xff\x00")
    found = await client.get(f"/v1/parked/{first}")
    assert SECRET in found["value"]["text"]
    assert base64.b64decode(found["value"]["base64"]).decode() == found["value"]["text"]
    names = {header["name"]["text"]: header["value"]["text"] for header in found["headers"]}
    assert names["ce_id"] == "1"
    assert (await client.get(f"/v1/parked/{other}"))["value"] == {"base64": "/wA=", "text": None}
    missing = await client.http.get(f"/v1/parked/{other + 1}")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:pathline:problem:no-such-record")


async def test_after_the_operator_enters_the_organisation_a_replay_takes_everything_in(client: Client) -> None:
    ids = await client.park(event("shelter", "1"), event("shelter", "2"), b"noise")
    before = (await client.http.post("/v1/parked/replay", json={"reason": "unknown-organisation"})).json()
    assert (before["replayed"], before["still_parked"], before["next"]) == (0, 2, None)
    assert before["results"][0]["detail"].startswith("is not on the register")
    entry = {"org": "shelter", "name": "The Shelter", "sector": "third-sector"}
    assert (await client.http.post("/v1/organisations", json=entry)).status_code == 201
    assert (await client.http.post("/v1/organisations", json=entry)).status_code == 200
    listed = (await client.get("/v1/organisations"))["organisations"]
    assert [(o["org"], o["name"], o["registered_by"]) for o in listed] == [("shelter", "The Shelter", "operator")]
    after = (await client.http.post("/v1/parked/replay", json={"ids": [*ids, 10**9]})).json()
    assert (after["replayed"], after["still_parked"]) == (2, 1)
    assert [r["outcome"] for r in after["results"]] == ["replayed", "replayed", "still-parked", "unknown"]
    done = (await client.get("/v1/parked", state="replayed"))["records"]
    assert [(each["id"], each["resolved_by"], each["resolution"]) for each in done] == [
        (id, "operator", "accepted") for id in ids[:2]
    ]


async def test_what_is_discarded_says_why_and_is_gone_from_the_list(client: Client) -> None:
    ids = await client.park(b"noise", b"more noise")
    answer = await client.http.post("/v1/parked/discard", json={"ids": [ids[0], 10**9], "because": "a mistake"})
    assert answer.json() == {
        "discarded": 1,
        "results": [{"id": ids[0], "outcome": "discarded"}, {"id": 10**9, "outcome": "unknown"}],
    }
    again = await client.http.post("/v1/parked/discard", json={"ids": [ids[0]], "because": "a mistake"})
    assert again.json()["results"] == [{"id": ids[0], "outcome": "settled-before"}]
    assert [r["id"] for r in (await client.get("/v1/parked"))["records"]] == ids[1:]
    (gone,) = (await client.get("/v1/parked", state="discarded"))["records"]
    assert (gone["resolution"], gone["resolved_by"]) == ("a mistake", "operator")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/parked/replay", {}),
        ("/v1/parked/replay", {"ids": [1], "org": "shelter"}),
        ("/v1/parked/replay", {"ids": []}),
        ("/v1/parked/replay", {"ids": [2**63]}),
        ("/v1/parked/discard", {"ids": [1]}),
        ("/v1/parked/discard", {"ids": [1], "because": " "}),
        ("/v1/organisations", {"org": "Not A Code"}),
        ("/v1/organisations", {"org": "shelter", "abn": "123"}),
        ("/v1/organisations", {"org": "shelter", "name": "The \x00 Shelter"}),
        ("/v1/organisations", {"org": "shelter", "directory": {"a": "\x00"}}),
        ("/v1/parked/discard", {"ids": [1], "because": "a\x00b"}),
        ("/v1/parked/replay", {"org": "\x00"}),
    ],
)
async def test_a_request_that_does_not_fit_says_which_field(client: Client, path: str, body: dict[str, Any]) -> None:
    answer = await client.http.post(path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"]


async def test_every_operation_is_described(client: Client) -> None:
    described = client.app.openapi()["paths"]
    assert {path for path in described if path.startswith("/v1/parked")} == {
        "/v1/parked",
        "/v1/parked/summary",
        "/v1/parked/{id}",
        "/v1/parked/replay",
        "/v1/parked/discard",
    }
    assert all(
        operation["summary"] and operation["description"] for path in described.values() for operation in path.values()
    )


async def test_the_page_groups_marks_the_field_and_holds_no_value(client: Client) -> None:
    await client.park(event("shelter", "1", activity=SECRET), SECRET.encode())
    text = (await client.http.get("/console/parked")).text
    assert "unknown organisation: Shelter, 1 record" in text
    assert "<mark>source</mark>" in text
    assert SECRET not in text


async def test_the_forms_of_the_page_replay_and_discard_what_it_showed(client: Client) -> None:
    ids = await client.park(event("shelter", "1"), b"noise")
    await client.http.post("/v1/organisations", json={"org": "shelter"})
    form = {"reason": "unknown-organisation", "org": "shelter", "last": str(ids[0])}
    done = await client.http.post("/console/parked/replay", data=form)
    assert done.status_code == 303
    assert "1 replayed, 0 still parked" in (await client.http.get(done.headers["location"])).text
    await client.park(b"came after the page was read")
    noise = {"reason": "malformed", "org": "", "last": str(ids[1])}
    assert (await client.http.post("/console/parked/discard", data=noise)).status_code == 422
    gone = await client.http.post("/console/parked/discard", data={**noise, "because": "nobody knows what it was"})
    assert "1 discarded" in (await client.http.get(gone.headers["location"])).text
    assert len((await client.get("/v1/parked"))["records"]) == 1


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}, {"origin": "null"}]
)
async def test_a_form_of_another_site_does_nothing(client: Client, headers: dict[str, str]) -> None:
    (id,) = await client.park(b"noise")
    form = {"reason": "malformed", "org": "", "last": str(id), "because": "mischief"}
    for action in ("replay", "discard"):
        answer = await client.http.post(f"/console/parked/{action}", data=form, headers=headers)
        assert answer.status_code == 403
    assert len((await client.get("/v1/parked"))["records"]) == 1


async def test_the_metric_names_organisations_on_the_register_alone_and_ends_at_nothing(client: Client) -> None:
    await client.http.post("/v1/organisations", json={"org": "clinic"})
    ids = await client.park(
        event("clinic", "1"),
        event("clinic", "1", activity="other"),
        event("shelter", "1"),
        event("court", "1"),
        b"noise",
    )
    await client.http.post("/v1/parked/replay", json={"ids": ids})
    told = {
        (dict(at)["pathline.organisation"], dict(at)["pathline.reason"]): n for at, n in PARKED.current_values().items()
    }
    assert {key: n for key, n in told.items() if n} == {
        ("clinic", "conflicting-duplicate"): 1,
        ("unknown", "unknown-organisation"): 2,
        ("unknown", "malformed"): 1,
    }
    await client.http.post("/v1/parked/discard", json={"ids": ids, "because": "the end of a test"})
    assert set(PARKED.current_values().values()) == {0}


async def test_a_replay_tells_nobody_whose_record_it_was_where_that_organisation_conceals(client: Client) -> None:
    await client.pool.execute(
        "insert into organisation (org, registered_by, conceals)"
        " values ('refuge', 'operator', true), ('shelter', 'operator', false)"
    )
    orgs = ("refuge", "shelter")
    ids = await client.park(*(event(org, "1", activity=SECRET, unknown="x") for org in orgs))

    async def replayed(**which: Any) -> list[dict[str, Any]]:
        """As if each came by its organisation's own topic, which says whose it is."""
        for org, id in zip(orgs, ids, strict=True):
            await client.pool.execute("update parked set org = $1 where id = $2", org, id)
        return list((await client.http.post("/v1/parked/replay", json=which)).json()["results"])

    hidden, shown = await replayed(ids=ids)
    assert (hidden["id"], hidden["outcome"]) == (ids[0], "still-parked")
    assert (hidden["field"], hidden["detail"]) == (None, DETAIL)
    assert (shown["outcome"], shown["field"]) == ("still-parked", "data.unknown")
    assert "org" not in hidden
    assert [each["id"] for each in await replayed(org="shelter")] == ids[1:]
    assert await replayed(org="refuge") == []
    chosen = {"reason": "invalid-data", "org": "refuge", "last": ids[-1], "because": "nobody mends it"}
    for act in ("replay", "discard"):
        done = await client.http.post(f"/console/parked/{act}", data=chosen)
        assert done.status_code == 303, done.text
        assert re.fullmatch(r"/console/parked\?[a-z]+=0(&still=0&more=0)?", done.headers["location"])
