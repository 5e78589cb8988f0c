"""Operators say whose mandates count; from that moment they do, and from the removal on they do not."""

from __future__ import annotations

import asyncio

from support.gateways.in_process import Client, step
from support.preloaded import run_command


async def test_the_register_is_entered_listed_and_ended_over_http(strict: Client) -> None:
    await strict.publish(step("east", 1), step("west", 2))
    await strict.post("/v1/registrars", 201, {"org": "west"})
    await strict.post("/v1/registrars", 201, {"org": "east"})
    await strict.post("/v1/registrars", 200, {"org": "east"})
    first = await strict.get("/v1/registrars", limit=1)
    assert [(each["org"], each["entered_by"]) for each in first["registrars"]] == [("east", "operator")]
    rest = await strict.get("/v1/registrars", after=first["next"])
    assert [each["org"] for each in rest["registrars"]] == ["west"]
    assert (await strict.http.delete("/v1/registrars/west")).status_code == 204
    assert (await strict.http.delete("/v1/registrars/west")).status_code == 404
    assert len((await strict.get("/v1/registrars"))["registrars"]) == 1


async def test_only_organisations_on_the_register_are_entered(strict: Client) -> None:
    assert (await strict.post("/v1/registrars", 422, {"org": "nobody"}))["title"] == "unknown organisation"
    await strict.post("/v1/registrars", 422, {"org": "Not A Code"})


async def test_the_command_adds_lists_and_removes(strict: Client, database: str) -> None:
    async def typed(*words: str, code: int = 0) -> str:
        done = await asyncio.to_thread(run_command, "registrars", *words, env={"PATHLINE_DATABASE": database})
        assert done.returncode == code, done
        return done.stdout or done.stderr

    assert "west may register mandates\n" in await typed("add", "east", "west")
    assert "on the register" in await typed("add", "nobody", code=1)
    assert '"org":"east"' in await typed("list", "--json")
    assert "could not before" in await typed("remove", "east", "nobody", code=1)
    assert [each["org"] for each in (await strict.get("/v1/registrars"))["registrars"]] == ["west"]
