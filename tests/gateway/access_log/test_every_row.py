"""Every route, whoever asks and whatever the answer is, leaves exactly the row that it declares."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway.access_log.logged_rows import LEAVES_A_ROW, LoggedRows, asked_without_sense
from gateway.api_docs.every_operation import ANNA, PARTS, World, event, publish
from pathline_gateway.access_log.declarations import ROUTE_ROWS, AccessKind, find_unlogged_routes
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.route_permissions import OPTIONAL_ROUTES, PUBLIC, ROUTE_ROLES
from support.desk_worker import Page
from support.gateways.secured import ORGS, secured
from support.gateways.up_command import wait_until
from support.openapi_check import OpenApiCheck

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HERS = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with secured(tmp_path_factory.mktemp("gateway"), PATHLINE_SINKS_PRIVATE="true") as up:
        here = World(up, OpenApiCheck(up.http.get("/openapi.json").json()))
        for org in ("food-bank", "housing"):
            here.ask("operator", "POST /v1/organisations", 201, json={"org": org, "sector": "third-sector"})
        yield here


@pytest.fixture(scope="module")
def rows(world: World) -> Iterator[LoggedRows]:
    logged = LoggedRows(world.up)
    logged.watch(world.up.http)
    yield logged
    logged.close()


def browser(world: World, rows: LoggedRows, who: str) -> httpx.Client:
    """Somebody at the pages."""
    return rows.watch(httpx.Client(base_url=world.up.url, timeout=30, cookies={"pathline-session": world.token(who)}))


def test_the_two_tables_are_of_the_same_routes() -> None:
    assert find_unlogged_routes(ROUTE_ROLES.keys()) == (set(), set())
    assert {name for name, row in ROUTE_ROWS.items() if row.category is AccessKind.PUBLIC} == {
        name for name, roles in ROUTE_ROLES.items() if roles is PUBLIC
    }
    assert find_unlogged_routes([*ROUTE_ROLES, "GET /v1/new"]) == ({"GET /v1/new"}, set())
    assert find_unlogged_routes(ROUTE_ROLES.keys() - OPTIONAL_ROUTES - {"GET /v1/access"}) == (
        set(),
        {"GET /v1/access"},
    )


def test_whoever_is_refused_and_whoever_asks_for_nothing_leaves_what_is_declared(
    world: World, rows: LoggedRows
) -> None:
    tokens = {role: world.up.token(role, ORGS.get(role)) for role in Role}
    asked_before = copy.deepcopy(rows.seen)
    with rows.apart() as seen:
        for route in ROUTE_ROWS:
            method, path = asked_without_sense(route)
            world.up.http.request(method, path)
            # Whoever signs out with her token has none for what follows.
            for token in () if route == "POST /sign-out" else tokens.values():
                world.up.http.request(method, path, headers={"authorization": f"Bearer {token}"})
    refused = [
        name
        for name, row in ROUTE_ROWS.items()
        if row.category is not AccessKind.PUBLIC and "refused" not in seen[name]
    ]
    assert refused == []
    # An operator was shown the register on the way: that somebody asks for it is for the tests below to prove.
    assert "shown" in seen["GET /v1/linkers"]
    assert rows.seen == asked_before


def test_every_operation_leaves_its_row(world: World, rows: LoggedRows) -> None:
    for part in PARTS:
        part(world)
    # A stream does not end: here it is one that is not there. `tests/acceptance/test_streams.py` reads those that are.
    nobody = "0195a000-0000-7000-8000-000000000000"
    world.ask("subscriber food-bank", f"GET /v1/subscriptions/{nobody}/stream", 404)
    assert [name for name in ROUTE_ROWS if " /v1/" in name and not rows.seen[name]] == [], "nobody asks for them here"
    missing = [
        name
        for name in ROUTE_ROWS
        if " /v1/" in name and ROUTE_ROWS[name].category in LEAVES_A_ROW and not _told(rows, name)
    ]
    assert missing == []
    assert "unchanged" in rows.seen["GET /v1/pathways/{pathway}"]


def test_every_page_leaves_its_row(world: World, rows: LoggedRows) -> None:
    offer: dict[str, Any] = {
        "to": {"org": "housing"},
        "context_released": False,
        "token_sha256": "0" * 64,
        "due": {"accept": "2026-03-04T09:00:00Z"},
    }
    publish(world, event("food-bank", "page", "handoff.offered", handoff="food-bank:page", **offer))
    _at_the_desk(world, rows)
    _at_the_console(world, rows)
    pages = [name for name in ROUTE_ROWS if name.partition(" ")[2].startswith(("/desk", "/console"))]
    assert [name for name in pages if not rows.seen[name]] == [], "nobody asks for them here"
    assert [name for name in pages if ROUTE_ROWS[name].category in LEAVES_A_ROW and not _told(rows, name)] == []


def _told(rows: LoggedRows, route: str) -> bool:
    return bool(rows.seen[route] & {"shown", "done"})


def _at_the_desk(world: World, rows: LoggedRows) -> None:
    with browser(world, rows, "publisher housing") as desk:
        inbox = Page(desk.get("/desk").text)
        offered = next(link for link in inbox.links if link.startswith("/desk/handoffs/"))
        form = next(fields for fields in Page(desk.get(offered).text).forms.values() if fields.get("verb") == "seen")
        assert desk.post(offered, data=form).status_code == 200
        assert desk.post(offered, data={"verb": "nonsense"}).status_code == 409
        assert desk.get("/desk/handoffs/none").status_code == 404
        for page in ("/ended", "/referrals", "/referrals/ended", "/referrals/new", "/contact", "/spreadsheet"):
            assert desk.get(f"/desk{page}").status_code == 200
        # It is for a browser that nobody signed in with.
        assert desk.get("/desk/organisation").status_code == 303
        assert desk.post("/desk/organisation", data={"org": "housing"}).status_code == 303
        said = {"subject": ANNA, "kind": "enquiry", "once": "aaaaaaaaaaaaaaaa"}
        assert desk.post("/desk/contact", data=said).status_code == 200
        assert desk.post("/desk/contact", data={}).status_code == 422
        assert desk.post("/desk/referrals", data={"subject": ANNA}).status_code == 422
        sent = Page(desk.get("/desk/referrals/new").text).forms["/desk/referrals"]
        sent |= {"subject": ANNA, "to": "food-bank", "need": "food", "days": "5"}
        assert desk.post("/desk/referrals", data=sent).status_code == 200
        batch = json.dumps(
            [event("housing", "row", "activity.recorded", activity="Visit") | {"source": "urn:pathline:housing:import"}]
        )
        headers = {"content-type": "application/cloudevents-batch+json"}
        assert desk.post("/desk/spreadsheet", content=batch, headers=headers).status_code == 202
    with browser(world, rows, "reviewer") as nobody:
        assert nobody.get("/desk").status_code == 403


def _at_the_console(world: World, rows: LoggedRows) -> None:
    wanted = {"protocol": "PULL", "config": {"organisation": "food-bank", "purpose": "care"}}
    made = world.ask("subscriber food-bank", "POST /v1/subscriptions", 201, json=wanted)
    link: dict[str, Any] = {"same": [{"org": "food-bank", "subject": ANNA}, {"org": "housing", "subject": ANNA}]}
    publish(world, event("food-bank", "again", "identity.linked", method="record-key", purpose="care", **link))
    with browser(world, rows, "operator") as console:
        for page in (
            "", "/handoffs", "/handoffs/silent", "/handoffs/pair?from=food-bank&to=housing", "/streams", "/parked",
            "/set-aside", "/review",
        ):  # fmt: skip
            assert console.get(f"/console{page}").status_code == 200
        stream = f"/console/streams/{made['id']}"
        assert console.get(stream).status_code == 200
        for act in ("pause", "resume", "redrive"):
            assert console.post(f"{stream}/{act}").status_code == 303
        assert console.post(f"{stream}/replay", data={"start": "n0"}).status_code == 303
        asked = {"source": "urn:pathline:food-bank:desk", "id": "page"}
        assert console.post(f"{stream}/explain", data=asked).status_code == 200
        found = console.post("/console/pathways", data={"org": "food-bank", "subject": ANNA})
        assert console.get(found.headers["location"]).status_code == 200
        assert console.get(f"{found.headers['location']}/trace").status_code == 200
        chosen = {"reason": "unknown-type", "org": "housing", "last": "9"}
        assert console.post("/console/parked/replay", data=chosen).status_code == 303
        assert console.post("/console/parked/discard", data=chosen | {"because": "a test"}).status_code == 303
        assert console.post("/console/set-aside/retry", data={"work": "hand-offs"}).status_code == 303
        item = world.ask("reviewer", "GET /v1/identity/review", 200)["items"][0]["item"]
        assert console.get(f"/console/review/{item}").status_code == 200
        assert console.post(f"/console/review/{item}/decision", data={"decision": "same"}).status_code == 303
        assert console.post(f"/console/review/{item}/undo").status_code == 303


def test_what_the_caller_sends_is_not_the_number_of_the_request(world: World, rows: LoggedRows) -> None:
    for _ in range(2):
        world.ask("operator", "POST /v1/pathways/search", 404, json={"org": "none", "subject": ANNA}, headers=HERS)
    one, other = rows.rows("POST /v1/pathways/search")[-2:]
    assert one["trace_id"] != other["trace_id"]
    assert {one["caller_trace_id"].hex(), other["caller_trace_id"].hex()} == {TRACE}
    assert TRACE not in {one["trace_id"].hex(), other["trace_id"].hex()}
    told = world.ask("auditor", "GET /v1/access", 200, params={"limit": 1})["findUsage"][0]
    assert (told["trace"], told["caller_trace"]) == (other["trace_id"].hex(), TRACE)


def test_who_acted_is_the_same_for_one_person_and_another_for_another_and_no_name(
    world: World, rows: LoggedRows
) -> None:
    def who(account: str) -> str:
        headers = {"authorization": f"Bearer {world.up.token('operator', account=account)}"}
        assert world.up.http.get("/v1/linkers", headers=headers).status_code == 200
        return str(rows.rows("GET /v1/linkers")[-1]["actor_digest"])

    ann, again, bob = who("ann"), who("ann"), who("bob")
    assert ann == again != bob
    assert "ann" not in (ann, bob)
    hers = world.ask("citizen", "GET /v1/access", 200)["findUsage"]
    assert {each["who"] for each in hers} <= {None}


def test_a_page_that_renews_itself_leaves_a_row_for_the_same_people_once(world: World, rows: LoggedRows) -> None:
    with browser(world, rows, "operator") as console:
        console.get("/console")
        before = len(rows.rows("GET /console"))
        for _ in range(3):
            console.get("/console")
    assert len(rows.rows("GET /console")) == before
    assert rows.rows("GET /console")[-1]["refs"] != []


def test_what_was_read_is_in_the_log_of_the_person_and_what_is_concealed_is_not_told(
    world: World, rows: LoggedRows
) -> None:
    publish(
        world,
        event("food-bank", "quiet", "handoff.offered", subject="v1.CCCCCCCCCCCCCCCCCCCCCA", handoff="food-bank:quiet",
              to={"org": "housing"}, token_sha256="0" * 64, context_released=False, safety="conceal"),
    )  # fmt: skip
    wait_until(lambda: bool(rows.fetch("select from handoff where handoff = 'food-bank:quiet'")), "it is known")
    with browser(world, rows, "publisher food-bank") as desk:
        assert desk.get("/desk/referrals").status_code == 200
    last = rows.rows("GET /desk/referrals")[-1]
    hidden = rows.fetch("select id from subject_ref where subject = 'v1.CCCCCCCCCCCCCCCCCCCCCA'")[0]["id"]
    assert hidden in last["hidden_refs"]
    assert hidden not in last["refs"]
    assert last["refs"] != []


@pytest.fixture
def unlogged(rows: LoggedRows) -> Iterator[None]:
    """No row can be written."""
    refuse = "create function no_row() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$"
    rows.fetch(refuse)
    rows.fetch("create trigger no_row before insert on access for each row execute function no_row()")
    yield
    rows.fetch("drop trigger no_row on access")
    rows.fetch("drop function no_row()")


@pytest.mark.usefixtures("unlogged")
def test_a_reading_that_cannot_be_logged_is_not_told(world: World) -> None:
    bare = httpx.Client(base_url=world.up.url, timeout=30)
    headers = {"authorization": f"Bearer {world.token('operator')}"}
    for route in ("GET /v1/linkers", "GET /v1/parked", "GET /console/handoffs", "GET /console/set-aside"):
        method, path = route.split(" ")
        cookies = {"cookie": f"pathline-session={world.token('operator')}"}
        answer = bare.request(method, path, headers=cookies if "console" in path else headers)
        assert answer.status_code == 500, answer.text
    wanted = {"org": "food-bank", "subject": ANNA}
    assert bare.post("/v1/pathways/search", json=wanted, headers=headers).status_code == 500
    bare.close()


@pytest.mark.usefixtures("unlogged")
def test_an_act_that_cannot_be_logged_is_not_done(world: World, rows: LoggedRows) -> None:
    [[item]] = rows.fetch(
        "insert into set_aside (work, kind, key, reason, retry_at, version)"
        " values ('hand-offs', 'hand-off', 'food-bank:unlogged', 'a-defect', now() + interval '1 day', '0')"
        " returning id"
    )
    with httpx.Client(base_url=world.up.url, timeout=30) as bare:
        token = world.token("operator")
        asked = {"ids": [item]}
        retried = bare.post("/v1/set-aside/retry", json=asked, headers={"authorization": f"Bearer {token}"})
        form = {"work": "hand-offs"}
        pressed = bare.post("/console/set-aside/retry", data=form, headers={"cookie": f"pathline-session={token}"})
    assert (retried.status_code, pressed.status_code) == (500, 500)
    [[waits]] = rows.fetch("select retry_at > now() + interval '23 hours' from set_aside where id = $1", item)
    rows.fetch("delete from set_aside where id = $1", item)
    assert waits


def test_a_row_of_every_kind_can_be_read_by_auditors(world: World, rows: LoggedRows) -> None:
    page = world.ask("auditor", "GET /v1/access", 200, params={"limit": 500})["findUsage"]
    assert {"shown", "refused", "done"} <= {each["outcome"] for each in page}
    assert all(each["route"] for each in page if each["action"] != "stream")
