"""What a pathway was at an earlier moment: what a pull answered then, whatever was joined, parted or amended since."""

from __future__ import annotations

from typing import Any

from support.gateways.in_process import Client, event, link, ref, step

EAST, WEST, NORTH = ref("east", 1), ref("west", 2), ref("north", 3)


async def test_every_moment_is_answered_as_it_was(client: Client) -> None:
    first, late = step("east", 1), step("east", 1)
    joins = link(EAST, WEST)
    parts = event("registry", "identity.retracted", EAST, evidence={"source": joins["source"], "id": joins["id"]})
    void = event("east", "interaction.voided", EAST) | {
        "data": {"source": first["source"], "id": first["id"], "reason": "other"}
    }
    seen: list[tuple[str, str, dict[str, Any]]] = []
    births: dict[str, str] = {}
    for told in ([first], [step("west", 2)], [joins], [late], [void], [parts], [link(WEST, NORTH), step("north", 3)]):
        await client.publish(*told)
        async with client.up.pool.acquire() as connection:
            now = (await connection.fetchval("select clock_timestamp()")).isoformat()
        for org, n in (("east", 1), ("west", 2)):
            answer = await client.http.post("/v1/pathways/search", json={"org": org, "subject": ref(org, n)["subject"]})
            if answer.status_code == 200:
                pathway = answer.json()["pathway"]
                births.setdefault(org, pathway)
                seen.append((now, pathway, (await client.http.get(f"/v1/pathways/{pathway}")).json()))
    assert len({str(body["subjects"]) for _, _, body in seen}) >= 4
    for now, pathway, body in seen:
        then = (await client.http.get(f"/v1/pathways/{pathway}", params={"as_of": now})).json()
        assert {**then, "version": None} == {**body, "version": None}
    before = "2020-01-01T00:00:00Z"
    assert (await client.http.get(f"/v1/pathways/{births['east']}", params={"as_of": before})).status_code == 404


async def test_an_id_that_was_part_of_another_pathway_then_leads_there(client: Client) -> None:
    await client.publish(step("east", 1))
    await client.publish(step("west", 2))
    west = await client.pathway("west", 2)
    await client.publish(link(EAST, WEST))
    async with client.up.pool.acquire() as connection:
        now = (await connection.fetchval("select clock_timestamp()")).isoformat()
    moved = await client.http.get(f"/v1/pathways/{west}", params={"as_of": now})
    assert moved.status_code == 308
    followed = await client.http.get(moved.headers["location"])
    assert followed.json()["subjects"] == [EAST, WEST]
    assert (await client.http.get(f"/v1/pathways/{west}", params={"as_of": "yesterday"})).status_code == 422
