"""Subscriptions as an operator sees them: whether each receives, why not, what to do; and the buttons do it."""

from __future__ import annotations

import re

import pytest

from gateway.console.operator_pages import operator_pages, page_text
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.console.subscription_summary import advise
from support.gateways.routes import OPERATOR, GatewayRoutes
from support.gateways.webhook_workers import run_webhook_workers, status, subscribe_by_webhook, until
from support.intake.history import source, step
from support.servers.webhook_receiver import Reply, listening

NOBODY = "/console/streams/00000000-0000-4000-8000-000000000000"


async def pulling(gateway: GatewayRoutes, org: str = "reader") -> str:
    wanted = {"protocol": "PULL", "config": {"organisation": org, "purpose": "care"}, "filters": []}
    answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", "/v1/subscriptions", json=wanted)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_where_nobody_subscribed_it_says_how_one_does(gateway: GatewayRoutes) -> None:
    async with operator_pages(gateway) as pages:
        assert "No subscription." in await pages.text("/console/streams")
        assert (await pages.http.get(NOBODY)).status_code == 404
        assert "No such subscription" in (await pages.http.get(NOBODY)).text


async def test_a_sink_that_fails_is_on_the_front_page_and_its_reason_says_what_to_do(gateway: GatewayRoutes) -> None:
    async with listening() as sink, operator_pages(gateway) as pages, run_webhook_workers(gateway):
        id, _ = await subscribe_by_webhook(gateway, sink)
        sink.answer = lambda _: Reply(400)
        await gateway.publish(step("clinic", "c1", 1))
        await gateway.dispatch()
        await until(gateway, id, failures=1)
        assert "One event was given up by webhooks. Redrive them" in await pages.text("/console", OPERATOR)
        listed = await pages.html("/console/streams", OPERATOR)
        assert f'href="/console/streams/{id}"' in listed
        assert "It says that what is posted is wrong (400)" in listed
        shown = await pages.text(f"/console/streams/{id}", OPERATOR)
        assert "Redrive failed events" in shown
        sink.answer = lambda _: Reply()
        done = await pages.press(f"/console/streams/{id}/redrive", OPERATOR)
        assert (done.status_code, done.headers["location"]) == (303, f"/console/streams/{id}?done=redrive")
        await until(gateway, id, failures=0, waiting=0)
        shown = await pages.text(done.headers["location"], OPERATOR)
        assert "Failed events are tried again." in shown
        assert "To do: Nothing." in shown
        assert "Everything flows, and nothing waits." in await pages.text("/console", OPERATOR)


async def test_a_sink_that_wants_nothing_more_is_stopped_until_somebody_resumes(gateway: GatewayRoutes) -> None:
    async with listening() as sink, operator_pages(gateway) as pages, run_webhook_workers(gateway):
        id, _ = await subscribe_by_webhook(gateway, sink)
        sink.answer = lambda _: Reply(410)
        await gateway.publish(step("clinic", "c1", 1))
        await gateway.dispatch()
        await until(gateway, id, state="gone")
        assert "One webhook is stopped: Reader." in await pages.text("/console", OPERATOR)
        sink.answer = lambda _: Reply()
        assert (await pages.press(f"/console/streams/{id}/resume", OPERATOR)).status_code == 303
        await until(gateway, id, state="active", waiting=0)


async def test_the_buttons_pause_resume_and_replay(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("clinic", "c0", 1))
    id = await pulling(gateway)
    await gateway.publish(step("clinic", "c1", 1), step("clinic", "c2", 2))
    await gateway.dispatch()
    async with operator_pages(gateway) as pages:
        at = f"/console/streams/{id}"
        assert (await pages.press(f"{at}/pause", OPERATOR)).status_code == 303
        assert (await status(gateway, id))["state"] == "paused"
        assert "Somebody paused it" in await pages.text(at, OPERATOR)
        await pages.press(f"{at}/resume", OPERATOR)
        assert (await status(gateway, id))["state"] == "active"
        assert (await pages.press(f"{at}/replay", OPERATOR, start="n0")).status_code == 303
        await gateway.dispatch()
        (replay,) = (await status(gateway, id))["replays"]
        assert (replay["series"], replay["given"], replay["complete"]) == (2, 2, True)
        assert "replay 2" in await pages.text(at, OPERATOR)
        wrong = await pages.press(f"{at}/replay", OPERATOR, start="yesterday")
        assert wrong.status_code == 422
        assert "Not done. from:" in page_text(wrong.text)
        for button in ("pause", "resume", "redrive"):
            assert (await pages.press(f"{NOBODY}/{button}", OPERATOR)).status_code == 404


async def test_why_an_event_did_not_come_is_said_in_words_and_its_id_is_in_no_address(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("clinic", "before", 1))
    id = await pulling(gateway)
    await gateway.publish(step("clinic", "after", 1))
    await gateway.dispatch()
    async with operator_pages(gateway) as pages:
        for event, why in (
            ("after", "Given, as number 1: it was delivered under this number."),
            ("before", "Not given: it was stored before the subscription was made."),
            ("never", "Not given: there is no such event that you may know of"),
        ):
            asked = await pages.press(f"/console/streams/{id}/explain", source=source("clinic"), id=event)
            assert asked.status_code == 200
            assert why in page_text(asked.text)
            assert not re.search(rf'(href|action)="[^"]*{event}', asked.text)
        assert (await pages.press(f"/console/streams/{id}/explain", source="", id="x")).status_code == 422


@pytest.mark.parametrize("action", ["pause", "resume", "redrive", "replay", "explain"])
async def test_forms_of_other_sites_do_nothing(gateway: GatewayRoutes, action: str) -> None:
    id = await pulling(gateway)
    fields = {"start": "n0", "source": "x", "id": "x"}
    async with operator_pages(gateway) as pages:
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}):
            answer = await pages.http.post(f"/console/streams/{id}/{action}", data=fields, headers=headers)
            assert (answer.status_code, answer.json()["title"]) == (403, "foreign form")
    assert (await status(gateway, id))["state"] == "active"
    assert (await status(gateway, id))["replays"] == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"state": "active", "waiting": 0}, "Nothing."),
        ({"state": "active", "waiting": 3, "last_asked": None}, "Its reader has never asked"),
        (
            {"state": "failing", "waiting": 3, "last_failure": {"reason": "unreachable"}},
            "Nobody answers at its address",
        ),
        ({"state": "failing", "waiting": 3, "last_failure": {"reason": "302"}}, "It sends elsewhere (302)"),
        ({"state": "failing", "waiting": 3, "last_failure": {"reason": "502"}}, "It fails by itself (502)"),
        ({"state": "gone", "waiting": 3, "last_failure": {"reason": "410"}}, "Resume it once the sink is mended."),
        ({"state": "active", "waiting": 0, "failures": 2, "last_failure": None}, "2 events were given up."),
    ],
)
def test_what_to_do_follows_from_how_it_goes(said: dict[str, object], expected: str) -> None:
    assert expected in advise(said)
