"""A person carries tokens from one organisation to another: linked, refused, taken back; over HTTP, to the pathway."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.dependencies import citizen, publisher
from pathline_gateway.reserved_names import ACCOUNT_SOURCE
from support.gateways.in_process import Client, event, ref, step, subject

MINE = subject(77)


async def token(client: Client, org: str, n: int) -> str:
    return str((await client.post("/v1/identity/tokens", 201, ref(org, n)))["token"])


async def joined(client: Client) -> bool:
    return await client.pathway("east", 1) == await client.pathway("west", 2)


async def test_two_tokens_join_and_who_joined_takes_it_back(strict: Client) -> None:
    await strict.publish(step("east", 1), step("west", 2))
    tokens = [await token(strict, "east", 1), await token(strict, "west", 2)]
    assert all(len(each) == 32 for each in tokens)
    made = await strict.post("/v1/identity/links", 201, {"tokens": tokens})
    assert (made["state"], made["evidence"]["source"]) == ("bound", ACCOUNT_SOURCE)
    assert await joined(strict)
    assert await strict.waiting() == []
    assert (await strict.get(made["look"]))["state"] == "bound"
    for _ in range(2):
        taken = await strict.post("/v1/identity/retractions", 201, made["evidence"])
        assert taken["bound"]
    assert not await joined(strict)
    assert (await strict.get(made["look"]))["state"] == "retracted"
    assert (await strict.settled())["parked"] == 0
    await strict.post("/v1/identity/links", 404, {"tokens": tokens})
    for wrong in ({**made["evidence"], "id": "token-x"}, {**made["evidence"], "source": "urn:pathline:east:desk"}):
        assert (await strict.post("/v1/identity/retractions", 404, wrong))["title"] == "no such link"


async def test_a_link_that_contradicts_what_is_told_apart_waits_and_says_so(client: Client) -> None:
    apart = event("north", "identity.distinguished", ref("east", 1), different=[ref("east", 1), ref("west", 2)])
    await client.publish(step("east", 1), step("west", 2), apart)
    tokens = [await token(client, "east", 1), await token(client, "west", 2)]
    made = await client.post("/v1/identity/links", 201, {"tokens": tokens})
    assert made["state"] == "in-review"
    assert not await joined(client)
    (item,) = await client.waiting(reason="conflict")
    await client.post(f"/v1/identity/review/{item['item']}/decision", 200, {"decision": "same"})
    assert (await client.get(made["look"]))["state"] == "bound"
    assert await joined(client)


async def test_every_bad_token_is_refused_alike_and_only_the_log_says_why(
    strict: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    a, b, c, other = [await token(strict, "east", 1) for _ in range(4)]
    west = [await token(strict, "west", 2) for _ in range(4)]
    await strict.post("/v1/identity/links", 201, {"tokens": [a, west[0]]})
    async with strict.up.pool.acquire() as connection:
        late = "update link_token set expires_at = now() where digest = sha256(convert_to($1, 'UTF8'))"
        await connection.execute(late, west[3])
    bad = {
        "used": [a, west[1]],
        "unknown": ["x" * 32, west[1]],
        "expired": [b, west[3]],
        "one-record": [b, c],
    }
    answers: list[httpx.Response] = []
    for reason, tokens in bad.items():
        caplog.clear()
        answers.append(await strict.http.post("/v1/identity/links", json={"tokens": tokens}))
        assert f"link tokens refused: {reason}" in caplog.text
    answers.append(await strict.http.post("/v1/identity/links", json={"tokens": [b, b]}))
    assert {(each.status_code, each.text, each.headers["content-type"]) for each in answers} == {
        (404, answers[0].text, "application/problem+json")
    }
    assert len({tuple(sorted(each.headers)) for each in answers}) == 1
    await strict.post("/v1/identity/links", 201, {"tokens": [other, west[2]]})


async def test_one_token_is_completed_by_the_callers_own_account_and_she_alone_takes_it_back(strict: Client) -> None:
    app = strict.http._transport.app  # type: ignore[attr-defined]
    await strict.publish(step("east", 1))
    carried = await token(strict, "east", 1)
    await strict.post("/v1/identity/links", 422, {"tokens": [carried]})
    me = Caller(frozenset((Role.CITIZEN,)), account=MINE)
    app.dependency_overrides[citizen] = lambda: me
    made = await strict.post("/v1/identity/links", 201, {"tokens": [carried]})
    joined = await strict.post("/v1/pathways/search", 200, {"org": "citizen", "subject": MINE})
    assert joined["pathway"] == await strict.pathway("east", 1)
    app.dependency_overrides[citizen] = lambda: Caller(frozenset((Role.CITIZEN,)), account=subject(78))
    await strict.post("/v1/identity/retractions", 404, made["evidence"])
    assert (await strict.http.get(made["look"])).status_code == 404
    app.dependency_overrides[citizen] = lambda: me
    await strict.post("/v1/identity/retractions", 201, made["evidence"])
    app.dependency_overrides[publisher] = lambda: Caller(frozenset((Role.PUBLISHER,)), org="west")
    assert (await strict.post("/v1/identity/tokens", 403, ref("east", 1)))["title"] == "not your subject"
    app.dependency_overrides[publisher] = lambda: me
    await strict.post("/v1/identity/tokens", 201, {"org": "citizen", "subject": MINE})


async def test_two_redeemers_at_once_are_one_link(strict: Client) -> None:
    for _ in range(5):
        tokens = [await token(strict, "east", 1), await token(strict, "west", 2)]
        answers = await asyncio.gather(
            *(strict.http.post("/v1/identity/links", json={"tokens": tokens}) for _ in range(2))
        )
        assert sorted(each.status_code for each in answers) == [201, 404]
    assert (await strict.settled())["links"] == 5


async def test_failures_are_limited_and_the_limit_says_nothing_of_tokens(strict: Client) -> None:
    good = [await token(strict, "east", 1), await token(strict, "west", 2)]
    for _ in range(10):
        await strict.post("/v1/identity/links", 404, {"tokens": ["x", "y"]})
    for tokens in (["x", "y"], good):
        answer = await strict.http.post("/v1/identity/links", json={"tokens": tokens})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")


async def test_no_token_and_no_subject_is_logged_named_or_kept(
    strict: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("aiokafka").setLevel(logging.INFO)  # it shows what it sends, when it is asked to
    await strict.publish(step("east", 1), step("west", 2))
    tokens = [await token(strict, "east", 1), await token(strict, "west", 2)]
    answers = [await strict.http.post("/v1/identity/links", json={"tokens": [tokens[0], "z" * 101]})]
    answers.append(await strict.http.post("/v1/identity/tokens", json={"org": "east", "subject": "her name"}))
    answers.append(await strict.http.post("/v1/identity/links", json={"tokens": tokens[:1]}))
    made = await strict.http.post("/v1/identity/links", json={"tokens": tokens})
    answers += [made, await strict.http.get(made.json()["look"])]
    seen = [caplog.text, (await strict.http.get("/metrics")).text, *(each.text for each in answers)]
    for hidden in (*tokens, "z" * 101, "her name", subject(1), subject(2)):
        assert not any(hidden in text for text in seen)
    async with strict.up.pool.acquire() as connection:
        kept = await connection.fetch("select t::text from link_token t")
    assert not any(each in str(kept) for each in tokens)
