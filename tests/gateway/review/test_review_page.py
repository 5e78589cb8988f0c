"""A steward looks at `/console/review` or types `review`, without a script, and decides; no address names anybody."""

from __future__ import annotations

import asyncio
import os
import re

import pytest

from support.gateways.in_process import Client, link, ref, step
from support.preloaded import run_command

EAST, WEST = ref("east", 1), ref("west", 2)
WRITES_NOBODY = re.compile(r"v1\.[0-9A-Za-z_-]{22}")


async def text(client: Client, path: str) -> str:
    answer = await client.http.get(path, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


async def propose_link(strict: Client) -> str:
    await strict.publish(
        step("east", 1), step("west", 2), link(EAST, WEST, confidence=0.8, purpose="care", id="secret-id")
    )
    (item,) = await strict.waiting()
    return str(item["item"])


async def test_the_page_shows_both_sides_and_what_would_merge_and_decides_and_undoes(strict: Client) -> None:
    item = await propose_link(strict)
    front = await text(strict, "/console/review?reason=proposed")
    assert f'href="/console/review/{item}"' in front
    assert "East and West" in front
    assert "proposed (1)" in front
    assert "Nothing." in await text(strict, "/console/review?reason=hub")
    shown = await text(strict, f"/console/review/{item}")
    for said in ("East", "West", EAST["subject"], WEST["subject"], "80% sure", "record-key", "care", "Registry"):
        assert said in shown
    assert "1 interaction at 1 organisation, under 1 record" in shown
    assert "If they were one person" in shown
    assert "<script" not in shown.replace('<script src="/console/static/console.js" defer></script>', "")
    assert "secret-id" not in shown
    done = await strict.http.post(f"/console/review/{item}/decision", data={"decision": "same", "reason": "seen"})
    assert done.status_code == 303
    assert "Decided: one person" in await text(strict, done.headers["location"])
    assert await strict.pathway("east", 1) == await strict.pathway("west", 2)
    assert f"/console/review/{item}" in await text(strict, "/console/review?state=decided")
    undone = await strict.http.post(f"/console/review/{item}/undo", data={"reason": ""})
    assert await strict.pathway("east", 1) != await strict.pathway("west", 2)
    assert (undone.status_code, undone.headers["location"]) == (303, f"/console/review/{item}?done=yes")
    assert not WRITES_NOBODY.search("".join(re.findall(r'(?:href|action)="([^"]*)"', front + shown)))


async def test_the_page_shows_a_hub_with_its_evidence(client: Client) -> None:
    hub = ref("registry", 0)
    await client.publish(*(link(hub, ref("east", n)) for n in range(1, 501)))
    front = await text(client, "/console/review?reason=hub")
    (first, *others) = re.findall(r'href="(/console/review/[0-9a-f-]{36})"', front)
    assert len(others) == 49
    assert "hub (500)" in front
    assert re.search(r'href="/console/review\?state=waiting&amp;reason=hub&amp;after=\d+"', front)
    shown = await text(client, first)
    assert "more records than a person has" in shown
    assert shown.count("no: hub") == 100
    assert "And 400 more." in shown
    assert len({await client.pathway("east", n) for n in range(1, 501)}) == 500


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}])
async def test_a_form_of_another_site_decides_nothing(strict: Client, headers: dict[str, str]) -> None:
    item = await propose_link(strict)
    answer = await strict.http.post(f"/console/review/{item}/decision", data={"decision": "same"}, headers=headers)
    assert answer.status_code == 403
    assert len(await strict.waiting()) == 1


async def test_a_page_of_nothing_is_missing_and_a_form_that_does_not_fit_says_so(strict: Client) -> None:
    nobody = "/console/review/00000000-0000-4000-8000-000000000000"
    assert (await strict.http.get(nobody)).status_code == 404
    assert (await strict.http.post(f"{nobody}/decision", data={"decision": "perhaps"})).status_code == 422


async def test_the_command_lists_shows_decides_and_undoes(strict: Client, kafka: str, database: str) -> None:
    item = await propose_link(strict)
    environment = {**os.environ, "PATHLINE_KAFKA": kafka, "PATHLINE_DATABASE": database}

    async def typed(*words: str, code: int = 0) -> str:
        done = await asyncio.to_thread(run_command, "review", *words, env=environment)
        assert done.returncode == code, done
        return done.stdout or done.stderr

    listed = await typed("list")
    assert listed.startswith("1 proposed\n")
    assert item in listed
    shown = await typed("show", item)
    assert "if same:" in shown
    assert "if different: nobody's pathway would change" in shown
    assert await typed("decide", item, "same", "--because", "looked") == "done\n"
    assert await strict.pathway("east", 1) == await strict.pathway("west", 2)
    assert await typed("decide", item, "same") == "it was decided so before\n"
    assert '"decision":"same"' in await typed("list", "--state", "decided", "--json")
    assert await typed("undo", item) == "done\n"
    assert await strict.pathway("east", 1) != await strict.pathway("west", 2)
    assert "nothing is decided" in await typed("undo", item, code=1)
