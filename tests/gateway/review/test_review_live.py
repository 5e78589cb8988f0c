"""What waits is seen, decided, undone, and decided for ever: on a real broker and a real Postgres, over HTTP."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from pathline_gateway.embedded import Machine
from pathline_gateway.integrity.rebuild.run import rebuild
from pathline_gateway.integrity.verify.run import verify_all
from pathline_gateway.status import repository as status_repository
from support.gateways.in_process import Client, event, gateway, link, ref, registered, step
from support.postgres.fresh_database import fresh_database

EAST, WEST = ref("east", 1), ref("west", 2)


async def proposed(strict: Client) -> str:
    """The one item of a link that nobody who may has made."""
    await strict.publish(step("east", 1), step("west", 2), link(EAST, WEST, confidence=0.8, purpose="care"))
    (item,) = await strict.waiting()
    return str(item["item"])


async def joined(client: Client) -> bool:
    return await client.pathway("east", 1) == await client.pathway("west", 2)


async def decide(client: Client, item: str, verdict: str) -> dict[str, Any]:
    answer = await client.post(f"/v1/identity/review/{item}/decision", 200, {"decision": verdict, "reason": "looked"})
    assert answer["bound"]
    return dict(answer)


async def test_a_link_of_nobody_who_may_waits_with_the_evidence_on_both_sides(strict: Client) -> None:
    item = await proposed(strict)
    assert not await joined(strict)
    (listed,) = await strict.waiting(reason="proposed")
    assert listed["refs"] == [EAST, WEST]
    assert (listed["asserter"], listed["method"], listed["decision"]) == ("registry", "record-key", None)
    assert await strict.waiting(reason="hub") == []
    found = await strict.get(f"/v1/identity/review/{item}")
    (said,) = found["evidence"]
    assert (said["standing"], said["purpose"], said["waits"]) == ("proposed", "care", "proposed")
    assert said["confidence"] == pytest.approx(0.8)
    assert [(side["org"], side["interactions"], side["organisations"]) for side in found["sides"]] == [
        ("east", 1, 1),
        ("west", 1, 1),
    ]
    assert [p["size"] for p in found["if"]["same"]["before"]] == [1, 1]
    assert [p["size"] for p in found["if"]["same"]["after"]] == [2]
    assert found["if"]["same"]["changes"]
    assert not found["if"]["different"]["changes"]


async def test_a_decision_binds_is_listed_and_can_be_undone(strict: Client) -> None:
    item = await proposed(strict)
    before = await strict.pathway("east", 1)
    would = (await strict.get(f"/v1/identity/review/{item}"))["if"]["same"]["after"][0]["pathway"]
    (said,) = (await decide(strict, item, "same"))["evidence"]
    assert said["id"].startswith(f"{item}.same.")
    assert await joined(strict)
    assert await strict.pathway("west", 2) == would == before
    assert await strict.waiting() == []
    (decided,) = await strict.waiting(state="decided")
    assert (decided["item"], decided["decision"], decided["reason"]) == (item, "same", None)
    found = await strict.get(f"/v1/identity/review/{item}")
    assert found["decision"]["decision"] == "same"
    undone = await strict.post(f"/v1/identity/review/{item}/undo", 200, {})
    assert undone["bound"]
    assert not await joined(strict)
    assert [each["reason"] for each in await strict.waiting()] == ["proposed"]
    assert await strict.waiting(state="decided") == []
    assert (await strict.get(f"/v1/identity/review/{item}"))["reason"] == "proposed"
    await strict.post(f"/v1/identity/review/{item}/undo", 409, {})
    await decide(strict, item, "same")
    assert await joined(strict)


async def test_a_decision_outranks_what_binds_by_itself(client: Client) -> None:
    await client.publish(step("east", 1), step("west", 2), link(EAST, WEST))
    assert await joined(client)
    different = event("north", "identity.distinguished", EAST, different=[EAST, WEST])
    status = await client.publish(different)
    assert (status["conflicts"], status["quarantined"]) == (1, 0)
    assert not await joined(client)
    (item,) = await client.waiting(reason="conflict")
    await decide(client, item["item"], "same")
    assert await joined(client)
    await client.publish(event("north", "identity.distinguished", EAST, different=[EAST, WEST]))
    assert await joined(client)
    await decide(client, item["item"], "different")
    assert not await joined(client)
    assert await client.waiting() == []
    assert (await client.settled())["conflicts"] == 0


async def test_the_same_decision_twice_is_said_once(strict: Client) -> None:
    item = await proposed(strict)
    assert len((await decide(strict, item, "different"))["evidence"]) == 1
    assert (await decide(strict, item, "different"))["evidence"] == []
    assert len(await strict.waiting(state="decided")) == 1


async def test_decisions_survive_a_rebuild_and_a_replay_into_an_empty_database(
    kafka: str, database: str, machine: Machine
) -> None:
    async with gateway(kafka, await registered(database), auth="on") as first:
        item = await proposed(first)
        await decide(first, item, "same")
        async with first.up.pool.acquire() as connection:
            await rebuild(connection)
        assert await wrong(first) == []
        assert await joined(first)
    async with gateway(kafka, await registered(await fresh_database(machine)), auth="on") as again:
        await again.settled()
        assert await joined(again)
        (decided,) = await again.waiting(state="decided")
        assert decided["item"] == item
        assert (await again.get(f"/v1/identity/review/{item}"))["decision"]["decision"] == "same"
        assert (await again.post(f"/v1/identity/review/{item}/undo", 200, {"reason": "not so"}))["bound"]
        assert not await joined(again)
        assert [each["reason"] for each in await again.waiting()] == ["proposed"]
        assert await wrong(again) == []
    async with gateway(kafka, database, auth="on") as back:
        await back.settled()
        assert not await joined(back)


async def wrong(client: Client) -> list[str]:
    """What `verify` finds different."""
    async with client.up.pool.acquire() as connection:
        return [check.name for check in await verify_all(connection) if check.differing_count]


async def test_a_hub_of_five_hundred_merges_none_and_shows_its_evidence(client: Client) -> None:
    hub = ref("registry", 0)
    status = await client.publish(*(link(hub, ref("east", n), id=f"hub-{n}") for n in range(1, 501)))
    assert (status["quarantined"], status["conflicts"]) == (500, 0)
    first = await client.get("/v1/identity/review", reason="hub", limit=300)
    rest = await client.get("/v1/identity/review", reason="hub", limit=300, after=first["next"])
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (300, 200, None)
    assert first["waiting"] == {"hub": 500}
    assert len({each["item"] for each in first["items"] + rest["items"]}) == 500
    found = await client.get(f"/v1/identity/review/{first['items'][7]['item']}")
    crowded, other = found["sides"]
    assert len(crowded["evidence"]) + crowded["more_evidence"] == 499
    assert (other["evidence"], other["more_evidence"]) == ([], 0)
    assert [p["size"] for p in found["if"]["same"]["after"]] == [2]
    assert found["evidence"][0]["waits"] == "hub"
    await decide(client, found["item"], "same")
    assert (await client.settled())["quarantined"] == 499


async def test_what_does_not_exist_is_not_found_and_says_no_more(client: Client) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    for path, body in (("decision", {"decision": "same"}), ("undo", {})):
        answer = await client.post(f"/v1/identity/review/{nobody}/{path}", 404, body)
        assert answer["type"] == "urn:pathline:problem:no-such-item"
    assert (await client.http.get(f"/v1/identity/review/{nobody}")).status_code == 404
    assert (await client.http.get("/v1/identity/review/hub")).status_code == 422


async def test_the_lag_counts_hand_offs_that_nobody_has_looked_at(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("insert into source (source, org) values ('urn:pathline:citizen:me', 'citizen')")
    assert (await status_repository.load_totals(connection))["unbound"] == 0
    await connection.execute("insert into handoff_input (kind, handoff, source, id) values ('shown', 'h', 1, 'e')")
    assert (await status_repository.load_totals(connection))["unbound"] == 1
    await connection.execute("update membership_progress set handoff_input_seq = (select max(seq) from handoff_input)")
    assert (await status_repository.load_totals(connection))["unbound"] == 0
    await connection.close()
