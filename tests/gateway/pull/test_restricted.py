"""Readers over HTTP: what they are served, under which names, and what is kept of it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from uuid import UUID

from pathline.vocabulary import TYPES
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller, Role
from support.gateways.routes import AUDITOR, OPERATOR, GatewayRoutes, citizen, helper, purpose_headers, subscriber
from support.intake.history import Event, linked, ref, source, step, subject, voided
from support.intake.life import LIFE, ME, consent_given, make_event


async def test_with_auth_off_nothing_is_other_than_it_was(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    body = await gateway.read(AUTH_DISABLED_CALLER, "housing", subject(2))
    assert [each["id"] for each in body["steps"]] == ["c1", "c2", "c3", "h1", "m1"]
    assert len(body["subjects"]) == 3
    assert await gateway.pool.fetchval("select count(*) from access") == 0


async def test_an_organisation_is_told_its_own_part_as_it_sent_it(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    everything = await gateway.read(AUTH_DISABLED_CALLER, "housing", subject(2))
    body = await gateway.read(subscriber("housing"), "housing", subject(2))
    assert body["steps"] == [each for each in everything["steps"] if each["org"] == "housing"]
    assert body["subjects"] == [ref("housing", 2)]
    assert body["legs"] == [{"org": "housing", "service": "casework"}]
    assert body["pathway"] != everything["pathway"]


async def test_what_others_know_comes_under_names_of_the_readers_own(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE, consent_given())
    body = await gateway.read(subscriber("housing"), "housing", subject(2), "care")
    first, second, third, own = body["steps"]
    assert own["id"] == "h1"
    assert first["data"].keys() == {"appointment", "start", "handoff", "episode"}
    assert second["data"] == {"kind": "chase", "regarding": {"source": source("clinic"), "id": first["id"]}}
    assert third["data"] == {"kind": "chase"}
    assert {each["subject"] for each in (first, second, third)} == {None}
    text = json.dumps(body)
    for raw in ("booking-77", "out-1", "episode-5", '"c1"', subject(1), subject(5), subject(9)):
        assert raw not in text
    again = consent_given("k2", recipients=["bank"], consent="c2")
    await gateway.publish(step("bank", "b1", 4), linked("l3", ref("bank", 4), ref("clinic", 1)), again)
    other = await gateway.read(subscriber("bank"), "bank", subject(4), "care")
    assert other["pathway"] != body["pathway"]
    assert {each["id"] for each in other["steps"]}.isdisjoint(each["id"] for each in body["steps"])


async def test_somebody_elses_handle_is_an_unknown_id(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    theirs, own = (
        await gateway.find(subscriber("clinic"), "clinic", subject(1)),
        await gateway.find(AUTH_DISABLED_CALLER, "clinic", subject(1)),
    )
    answers = [
        await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{name}{below}")
        for name in (theirs, own, UUID(int=7))
        for below in ("", "/trace")
    ]
    assert {(each.status_code, each.text) for each in answers} == {(404, answers[0].text)}
    known = await gateway.request(subscriber("housing"), "POST", "/v1/pathways/search", json=ref("clinic", 1))
    nobody = await gateway.request(subscriber("housing"), "POST", "/v1/pathways/search", json=ref("clinic", 77))
    assert (known.status_code, known.text) == (nobody.status_code, nobody.text)


async def test_the_handle_of_a_younger_ref_leads_to_the_older_one(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "h1", 2, 4))
    await gateway.publish(step("housing", "h2", 3, 4))
    older, younger = [await gateway.find(subscriber("housing"), "housing", subject(n)) for n in (2, 3)]
    await gateway.publish(linked("l9", ref("housing", 2), ref("housing", 3)))
    answer = await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{younger}/trace")
    assert (answer.status_code, answer.headers["location"]) == (308, f"/v1/pathways/{older}/trace")
    assert (await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{older}")).status_code == 200
    assert await gateway.find(subscriber("housing"), "housing", subject(3)) == older


async def test_a_reader_that_has_it_is_told_so(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    found = await gateway.find(subscriber("housing"), "housing", subject(2))
    first = await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{found}")
    await gateway.publish(step("clinic", "c9", 1, 9))
    again = {"if-none-match": first.headers["etag"]}
    assert (
        await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{found}", headers=again)
    ).status_code == 304
    await gateway.publish(step("housing", "h9", 2, 9))
    assert (
        await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{found}", headers=again)
    ).status_code == 200


async def test_a_trace_links_to_the_readers_own_spans_alone(gateway: GatewayRoutes) -> None:
    traced = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    await gateway.publish(
        step("clinic", "c1", 1, 1, **traced),
        step("housing", "h1", 2, 2, **traced),
        step("citizen", "m1", 9, 3),
        linked("l1", ref("clinic", 1), ref("housing", 2)),
        linked("l2", ref("clinic", 1), ref("citizen", 9)),
        consent_given(nouns=["activity"]),
    )
    found = await gateway.find(subscriber("housing"), "housing", subject(2))
    answer = await gateway.request(
        subscriber("housing"), "GET", f"/v1/pathways/{found}/trace", headers=purpose_headers("care")
    )
    spans = [s for r in answer.json()["resourceSpans"] for each in r["scopeSpans"] for s in each["spans"]]
    assert len(spans) == 7
    assert sum("links" in span for span in spans) == 1
    open_trace = await gateway.request(
        AUTH_DISABLED_CALLER,
        "GET",
        f"/v1/pathways/{await gateway.find(AUTH_DISABLED_CALLER, 'housing', subject(2))}/trace",
    )
    assert spans[0]["traceId"] not in open_trace.text


async def test_where_a_step_took_place_is_hidden_when_it_says_so(gateway: GatewayRoutes) -> None:
    placed = make_event(
        "clinic", "c1", "appointment.booked", 1, 1, appointment="room-12", start="2026-04-01T00:00:00Z",
        service="north-ward", channel="in-person", kind="by-the-river", safety="location-hidden",
    )  # fmt: skip
    await gateway.publish(placed, step("citizen", "m1", 9), linked("l", ref("clinic", 1), ref("citizen", 9)))
    for reader, at in ((ME, ref("citizen", 9)), (OPERATOR, ref("citizen", 9))):
        body = await gateway.read(reader, **at)
        assert re.search("north-ward|in-person|river|room-12|clinic:desk", json.dumps(body)) is None
        assert body["legs"][1] == {"org": "clinic", "service": None}
    assert "north-ward" in json.dumps(await gateway.read(subscriber("clinic"), "clinic", subject(1)))


async def test_an_operator_is_told_names_as_they_are_and_nothing_that_is_concealed(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("refuge", "r1", 7), *LIFE, linked("l7", ref("refuge", 7), ref("clinic", 1)))
    await gateway.execute("update organisation set conceals = true where org = 'refuge'")
    body = await gateway.read(OPERATOR, "clinic", subject(1))
    assert [each["id"] for each in body["steps"]] == ["c1", "c2", "c3", "h1", "m1"]
    assert ref("clinic", 1) in body["subjects"]
    assert "refuge" not in json.dumps(body)
    assert await gateway.find(OPERATOR, "refuge", subject(7)) is None
    assert await gateway.find(subscriber("refuge"), "refuge", subject(7)) is not None


async def test_what_a_reader_states_must_be_readable(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    found = await gateway.find(subscriber("housing"), "housing", subject(2))
    for headers in (
        purpose_headers("Not a code"),
        purpose_headers("care", "because"),
        purpose_headers("care", "law"),
        purpose_headers("care", "law; x=1"),
    ):
        answer = await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{found}", headers=headers)
        assert answer.status_code == 400
        assert answer.json()["type"].startswith("urn:pathline:problem:malformed-")
    searched = {**ref("housing", 2), "authority": "law"}
    assert (
        await gateway.request(subscriber("housing"), "POST", "/v1/pathways/search", json=searched)
    ).status_code == 400


async def test_who_reads_no_pathways_is_refused_and_that_is_kept(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    of_nobody = Caller(frozenset((Role.SUBSCRIBER,)))
    for answer in (
        await gateway.request(of_nobody, "POST", "/v1/pathways/search", json=ref("clinic", 1)),
        await gateway.request(of_nobody, "GET", f"/v1/pathways/{UUID(int=1)}"),
    ):
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:pathline:problem:not-a-reader")
    assert await gateway.pool.fetchval("select count(*) from access where kind = 'none' and outcome = 'refused'") == 2


async def test_every_reading_and_every_refusal_is_kept(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE, consent_given())
    found = await gateway.find(subscriber("housing"), "housing", subject(2))
    read = await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{found}", headers=purpose_headers("care"))
    await gateway.request(
        subscriber("housing"),
        "GET",
        f"/v1/pathways/{found}",
        headers={**purpose_headers("care"), "if-none-match": read.headers["etag"]},
    )
    await gateway.request(
        subscriber("housing"),
        "GET",
        f"/v1/pathways/{found}/trace",
        headers=purpose_headers("care", "law; instrument=x"),
    )
    await gateway.find(subscriber("housing"), "clinic", subject(1))
    rows = await gateway.pool.fetch("select * from access order by id")
    assert [(row["action"], row["outcome"], row["purpose"], row["instrument"]) for row in rows] == [
        ("search", "shown", None, None),
        ("pathway", "shown", "care", None),
        ("pathway", "unchanged", "care", None),
        ("trace", "shown", "care", "x"),
        ("search", "refused", None, None),
    ]
    assert {(row["kind"], row["org"]) for row in rows} == {("organisation", "housing")}
    assert [len(row["refs"]) for row in rows] == [1, 2, 2, 2, 1]


async def test_a_citizen_is_told_who_read_her_pathway(gateway: GatewayRoutes) -> None:
    await gateway.publish(
        *LIFE, consent_given(), step("refuge", "r1", 7), linked("l7", ref("refuge", 7), ref("clinic", 1))
    )
    await gateway.execute("update organisation set conceals = true where org = 'refuge'")
    await gateway.read(subscriber("housing"), "housing", subject(2), "care")
    await gateway.read(subscriber("refuge"), "refuge", subject(7))
    await gateway.find(subscriber("bank"), "clinic", subject(1))
    first = (await gateway.request(ME, "GET", "/v1/access", params={"limit": 2})).json()
    assert [(e["receiver"]["org"], e["action"], e["outcome"]) for e in first["findUsage"]] == [
        ("bank", "search", "refused"),
        ("housing", "pathway", "shown"),
    ]
    rest = (await gateway.request(ME, "GET", "/v1/access", params={"before": first["next"]})).json()
    assert [(e["receiver"]["org"], e["action"]) for e in rest["findUsage"]] == [("housing", "search")]
    assert rest["next"] is None
    assert first["usagePeriod"] == {"since": "2019-05-27", "until": "2026-06-01"}
    whole = (await gateway.request(AUDITOR, "GET", "/v1/access")).json()["findUsage"]
    assert len(whole) == 5
    assert re.search(r"v1\.", json.dumps(whole)) is None
    assert (await gateway.request(subscriber("housing"), "GET", "/v1/access")).status_code == 403
    assert (await gateway.request(citizen(subject(55)), "GET", "/v1/access")).json()["findUsage"] == []
    assert (await gateway.request(ME, "GET", "/v1/access", params={"before": str(UUID(int=5))})).status_code == 400


async def test_a_helper_sees_by_a_mandate_until_it_ends(gateway: GatewayRoutes) -> None:
    mandate = make_event(
        "citizen", "md1", "mandate.given", 9, 6,
        mandate="m1", agent=ref("citizen", 3), services=[{"org": "clinic"}], powers=["see"],
    )  # fmt: skip
    await gateway.publish(*LIFE, mandate)
    friend = helper(subject(3))
    body = await gateway.read(friend, "citizen", subject(9))
    assert {each["org"] for each in body["steps"]} == {"clinic"}
    assert body["subjects"] == []
    assert await gateway.find(friend, "clinic", subject(1)) is None
    listed = (await gateway.request(friend, "GET", "/v1/access", params={"pathway": body["pathway"]})).json()[
        "findUsage"
    ]
    assert [each["mandate"] for each in listed if each["outcome"] == "shown"] == ["m1", "m1"]
    await gateway.publish(make_event("citizen", "md2", "mandate.withdrawn", 9, 7, mandate="m1"))
    assert (await gateway.request(friend, "GET", f"/v1/pathways/{body['pathway']}")).status_code == 404
    assert await gateway.find(friend, "citizen", subject(9)) is None


async def test_a_void_takes_a_step_from_everybody(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE, consent_given(), voided("clinic", "v", "c1"))
    body = await gateway.read(subscriber("housing"), "housing", subject(2), "care")
    assert len(body["steps"]) == 3


async def test_an_operator_is_told_what_was_then_less_what_is_concealed_and_nobody_else_is(
    gateway: GatewayRoutes,
) -> None:
    await gateway.publish(step("housing", "h1", 2, 4))
    await gateway.publish(step("clinic", "c1", 1, 5))
    then = (await gateway.pool.fetchval("select clock_timestamp()")).isoformat()
    await gateway.publish(linked("l1", ref("clinic", 1), ref("housing", 2)), step("housing", "h2", 2, 6))
    one, other = [await gateway.find(OPERATOR, org, subject(n)) for org, n in (("housing", 2), ("clinic", 1))]
    assert one == other
    answer = await gateway.request(OPERATOR, "GET", f"/v1/pathways/{one}", params={"as_of": then})
    assert [each["id"] for each in answer.json()["steps"]] == ["h1"]
    assert answer.json()["subjects"] == [ref("housing", 2)]
    theirs = await gateway.find(subscriber("housing"), "housing", subject(2))
    refused = await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{theirs}", params={"as_of": then})
    assert refused.status_code == 403
    await gateway.execute("update organisation set conceals = true where org = 'housing'")
    hidden = await gateway.request(OPERATOR, "GET", f"/v1/pathways/{one}", params={"as_of": then})
    assert hidden.status_code == 404
    logged = await gateway.pool.fetch("select outcome, reason from access where action = 'pathway' order by id")
    assert [tuple(row) for row in logged] == [
        ("shown", None), ("refused", "forbidden"), ("refused", "no-such-pathway"),
    ]  # fmt: skip


async def test_hand_offs_are_told_to_either_side_from_what_it_sees(gateway: GatewayRoutes) -> None:
    secret = "a" * 22
    offer = make_event(
        "clinic", "o1", "handoff.offered", 1, 1, handoff="clinic:ho-1", to={"org": "housing", "service": "intake"},
        token_sha256=hashlib.sha256(secret.encode()).hexdigest(), context_released=False, need="housing",
        due={"accept": "2026-01-01T00:00:00Z"},
    )  # fmt: skip
    await gateway.publish(offer, step("housing", "h1", 2, 4))
    (waits,) = (await gateway.read(subscriber("clinic"), "clinic", subject(1)))["handoffs"]
    assert (waits["handoff"], waits["state"], waits["silent"]) == ("clinic:ho-1", "requested", ["accept"])
    assert (await gateway.read(subscriber("housing"), "housing", subject(2)))["handoffs"] == []
    await gateway.publish(make_event("housing", "a1", "handoff.accepted", 2, 5, handoff="clinic:ho-1", token=secret))
    for org, n in (("clinic", 1), ("housing", 2)):
        (found,) = (await gateway.read(subscriber(org), org, subject(n), "care"))["handoffs"]
        assert (found["state"], found["silent"], found["late"]) == ("accepted", [], ["accept"])
        assert found["to"] == {"org": "housing", "service": "intake"}
    (everything,) = (await gateway.read(AUTH_DISABLED_CALLER, "clinic", subject(1)))["handoffs"]
    assert everything["handoff"] == "clinic:ho-1"
    await gateway.execute("update organisation set conceals = true where org = 'housing'")
    (hidden,) = (await gateway.read(subscriber("clinic"), "clinic", subject(1), "care"))["handoffs"]
    assert (hidden["state"], hidden["observable"], hidden["silent"]) == ("requested", False, [])


async def test_an_answer_under_a_name_that_nobody_linked_moves_the_state_and_the_version(
    gateway: GatewayRoutes,
) -> None:
    offer = make_event(
        "clinic", "o1", "handoff.offered", 1, 1, handoff="clinic:ho-1", to={"org": "housing"},
        token_sha256=hashlib.sha256(b"b" * 22).hexdigest(), context_released=False,
    )  # fmt: skip
    await gateway.publish(offer)
    found = await gateway.find(AUTH_DISABLED_CALLER, "clinic", subject(1))
    first = await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/pathways/{found}")
    await gateway.publish(make_event("housing", "a1", "handoff.accepted", 2, 5, handoff="clinic:ho-1", token="c" * 22))
    tag = {"if-none-match": first.headers["etag"]}
    again = await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/pathways/{found}", headers=tag)
    assert again.status_code == 200
    assert [each["state"] for each in again.json()["handoffs"]] == ["accepted"]
    assert [each["id"] for each in again.json()["steps"]] == ["o1"]
    await gateway.publish(voided("housing", "v1", "a1"))
    after = (await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/pathways/{found}")).json()
    assert [each["state"] for each in after["handoffs"]] == ["requested"]


async def test_a_correction_that_names_another_hand_off_moves_that_one(gateway: GatewayRoutes) -> None:
    offers = [
        make_event(
            "clinic", f"o{n}", "handoff.offered", n, n, handoff=f"clinic:ho-{n}", to={"org": "housing"},
            token_sha256=hashlib.sha256(b"d" * 22).hexdigest(), context_released=False,
        )
        for n in (1, 2)
    ]  # fmt: skip
    await gateway.publish(*offers)
    await gateway.publish(make_event("housing", "a1", "handoff.accepted", 7, 5, handoff="clinic:ho-1", token="e" * 22))
    right = {"data": {"handoff": "clinic:ho-2", "token": "e" * 22}}
    await gateway.publish(told_of("housing", "x1", "a1", right))
    states = {}
    for n in (1, 2):
        (found,) = (await gateway.read(AUTH_DISABLED_CALLER, "clinic", subject(n)))["handoffs"]
        states[found["handoff"]] = found["state"]
    assert states == {"clinic:ho-1": "requested", "clinic:ho-2": "accepted"}
    (theirs,) = (await gateway.read(AUTH_DISABLED_CALLER, "housing", subject(7)))["handoffs"]
    assert (theirs["handoff"], theirs["state"]) == ("clinic:ho-2", "accepted")


def told_of(org: str, id: str, target: str, replacement: dict[str, Any]) -> Event:
    """A correction."""
    payload = TYPES["org.pathline.interaction.corrected.v1"].model_validate_json(
        json.dumps({"source": source(org), "id": target, "reason": "other", "replacement": replacement})
    )
    return Event(org, id, subject(7), payload, 6)
