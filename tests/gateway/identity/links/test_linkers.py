"""Operators say who may link whom; links bind accordingly from then on."""

from __future__ import annotations

import asyncio

from support.gateways.in_process import Client, link, ref, step
from support.preloaded import run_command

EAST, WEST = ref("east", 1), ref("west", 2)


async def test_a_link_binds_once_its_asserter_may_link_both_sides_and_not_before(strict: Client) -> None:
    await strict.publish(step("east", 1), step("west", 2))
    await strict.post("/v1/linkers", 201, {"org": "registry", "of": "east"})
    await strict.publish(link(EAST, WEST, id="one-side"))
    assert await strict.pathway("east", 1) != await strict.pathway("west", 2)
    await strict.post("/v1/linkers", 201, {"org": "registry", "of": "west"})
    await strict.post("/v1/linkers", 200, {"org": "registry", "of": "west"})
    await strict.publish(link(EAST, WEST, id="both-sides"))
    assert await strict.pathway("east", 1) == await strict.pathway("west", 2)
    assert await strict.waiting() == []
    listed = await strict.get("/v1/linkers", limit=1)
    assert [(each["org"], each["of"]) for each in listed["linkers"]] == [("registry", "east")]
    rest = await strict.get("/v1/linkers", after=listed["next"])
    assert [(each["of"], each["entered_by"]) for each in rest["linkers"]] == [("west", "operator")]
    assert (await strict.http.delete("/v1/linkers/registry/west")).status_code == 204
    assert (await strict.http.delete("/v1/linkers/registry/west")).status_code == 404
    assert await strict.pathway("east", 1) == await strict.pathway("west", 2)
    await strict.publish(link(ref("east", 5), ref("west", 5)))
    assert len(await strict.waiting(reason="proposed")) == 1


async def test_only_organisations_on_the_register_link_and_are_linked(strict: Client) -> None:
    assert (await strict.post("/v1/linkers", 422, {"org": "registry", "of": "nobody"}))["title"] == (
        "unknown organisation"
    )
    await strict.post("/v1/linkers", 422, {"org": "Not A Code", "of": "east"})


async def test_the_command_adds_lists_and_removes(strict: Client, database: str) -> None:
    async def typed(*words: str, code: int = 0) -> str:
        done = await asyncio.to_thread(run_command, "linkers", *words, env={"PATHLINE_DATABASE": database})
        assert done.returncode == code, done
        return done.stdout or done.stderr

    assert "registry may link subjects of west\n" in await typed("add", "registry", "east", "west")
    assert "as before" in await typed("add", "registry", "east")
    assert "on the register" in await typed("add", "registry", "nobody", code=1)
    assert [line.split()[:2] for line in (await typed("list", "--org", "west")).splitlines()] == [["registry", "west"]]
    assert '"of_org":"east"' in await typed("list", "--json")
    assert "may not link" in await typed("remove", "registry", "east")
    assert "could not before" in await typed("remove", "registry", "east", code=1)
    assert len((await strict.get("/v1/linkers"))["linkers"]) == 1
