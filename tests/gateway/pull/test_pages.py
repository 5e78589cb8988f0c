"""The pages of a long pathway are, one after the other, what a short one is in one body: for every reader."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.visibility.any_life import any_life
from pathline.vocabulary import InteractionVoided
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.pathways import part_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.step_cursor import StepCursor
from pathline_gateway.pull import pathway_reader, unrestricted, visible_page_loading
from support.examples import later_ones_long
from support.gateways.routes import OPERATOR, GatewayRoutes, citizen, helper, purpose_headers, subscriber
from support.intake.history import Event, source, subject

READERS = {
    "open": (AUTH_DISABLED_CALLER, None),
    "operator": (OPERATOR, None),
    "alpha": (subscriber("alpha"), "care"),
    "alpha without purpose": (subscriber("alpha"), None),
    "beta": (subscriber("beta"), "care"),
    "gamma": (subscriber("gamma"), "care"),
    "citizen": (citizen(subject(7)), None),
    "helper": (helper(subject(8)), None),
}
_LONG = 4


async def world(gateway: GatewayRoutes, seed: int) -> None:
    for told in any_life(seed):  # so that each has come at a time of its own
        async with gateway.pool.acquire() as connection:
            await gateway.partition.apply(connection, told)
    await gateway.bind()
    while await project_next_batch(gateway.pool):
        pass
    await gateway.execute("update organisation set conceals = true where org = 'refuge'")


async def names(gateway: GatewayRoutes, caller: Caller, purpose: str | None) -> str | None:
    """What the reader calls the pathway, by whatever ref she knows it."""
    for row in await gateway.pool.fetch("select org, subject from subject_ref order by org, subject"):
        said = {} if purpose is None else {"purpose": purpose}
        if found := await gateway.find(caller, row["org"], row["subject"], **said):
            return found
    return None


async def walked(
    gateway: GatewayRoutes, caller: Caller, purpose: str | None, path: str, **said: str
) -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = []
    while True:
        answer = await gateway.request(
            caller, "GET", path, params=said, headers=purpose_headers(purpose), follow_redirects=True
        )
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        following = pages[-1].get("next")
        assert (following is not None) == ("link" in answer.headers)
        if following is None:
            return pages
        assert 0 < len(pages[-1].get("steps", "x")) <= int(said["limit"])
        said["after"] = following


def together(pages: list[dict[str, Any]]) -> dict[str, Any]:
    legs = {(leg["org"], leg["service"]): leg for page in pages for leg in page["legs"]}
    handoffs = {each["handoff"]: each for page in pages for each in page["handoffs"]}
    for page in pages:
        for each in page["handoffs"]:
            assert each == handoffs[each["handoff"]]
    return {
        "pathway": pages[0]["pathway"],
        "subjects": pages[0]["subjects"],
        "legs": list(legs.values()),
        "steps": [step for page in pages for step in page["steps"]],
        "handoffs": sorted(handoffs.values(), key=lambda each: (each["offered"] or "9", each["handoff"])),
        "facts": [],
    }


def whole(body: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in body.items() if name != "version"}
    told["handoffs"] = sorted(told["handoffs"], key=lambda each: (each["offered"] or "9", each["handoff"]))
    return told


async def fault(gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What pages tell otherwise than the whole does."""
    for name, (caller, purpose) in READERS.items():
        found = await names(gateway, caller, purpose)
        if found is None:
            continue
        path = f"/v1/pathways/{found}"
        short = await gateway.request(caller, "GET", path, headers=purpose_headers(purpose))
        assert short.status_code == 200
        sliced = await walked(gateway, caller, purpose, path, limit="3")
        with monkeypatch.context() as patched:
            patched.setattr(pathway_reader, "MAX_STEPS", _LONG)
            patched.setattr(unrestricted, "MAX_STEPS", _LONG)
            patched.setattr(visible_page_loading, "MAX_STEPS", _LONG)
            if await names(gateway, caller, purpose) != found:
                return f"{name}: called otherwise"
            one = await gateway.request(caller, "GET", path, headers=purpose_headers(purpose))
            pages = await walked(gateway, caller, purpose, path, limit="3")
            spans = await walked(gateway, caller, purpose, f"{path}/trace", limit="3")
        if name != "open" and one.content != short.content:
            return f"{name}: a long pathway that fits in a body is another body"
        for each in ([one.json()], pages, sliced):
            if together(each) != whole(short.json()):
                told, expected = together(each), whole(short.json())
                wrong = {part: (told[part], expected[part]) for part in told if told[part] != expected[part]}
                return f"{name}: {len(each)} pages say otherwise: {wrong}"
        if name == "open" and len({page["version"] for page in pages}) > 1:
            return "open: pages of one pathway have several versions"
        if sum(len(page["resourceSpans"]) > 0 for page in spans) != len([p for p in pages if p["steps"]]):
            return f"{name}: other pages of the trace"
    return None


@pytest.mark.parametrize("seed", later_ones_long(range(5), first=2))
async def test_pages_are_the_whole(gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    await world(gateway, seed)
    assert await fault(gateway, monkeypatch) is None


async def read_in_order(gateway: GatewayRoutes, limit: int) -> bool:
    """Whether all steps that nobody amended are read, each once and in order, so many at a time."""
    async with gateway.pool.acquire() as connection:
        found = await gateway.pool.fetchval("select pathway from membership where valid_until is null limit 1")
        members, stored = await pathway_repository.load_pathway(connection, found)
        assert isinstance(members, pathway_repository.PathwayMembers)
        amending = {each.target for each in await pathway_repository.load_amendments(connection, members.numbers)}
        expected = [step for step in stored.steps() if (step.source, step.id) not in amending]
        read: list[Step] = []
        place: StepCursor | None = None
        while part := (
            await part_repository.load_steps_after(connection, members, members.numbers, place, limit)
        ).steps():
            read += part
            place = StepCursor(*part[-1].sort_key)
            if len(read) > len(expected):
                break
        return read == expected


_KEYS = "(i.time, src.source, i.sequence is not null, coalesce(i.sequence, ''), i.id)"
_AFTER = "($2::text::timestamptz, $3, $4, $5, $6)"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (
            f"{_KEYS}\n            > {_AFTER}",
            "(i.time, src.source) > ($2::text::timestamptz, $3)"
            " and ($4::boolean or $5::text is not null or $6::text is not null)",
        ),
        ("not exists (select from amendment a where", "not exists (select from amendment a where false and"),
        ("i.time >= $2::text::timestamptz", "i.time > $2::text::timestamptz"),
        (f"> {_AFTER}", f">= {_AFTER}"),
    ],
    ids=["a tie is cut", "what was voided is on a page", "what happened at one time is lost", "the last comes again"],
)
async def test_planted_faults_of_pages_are_found(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str
) -> None:
    await world(gateway, 1)
    assert [await read_in_order(gateway, limit) for limit in (1, 2, 3)] == [True, True, True]
    assert right in part_repository._STEPS_AFTER
    monkeypatch.setattr(part_repository, "_STEPS_AFTER", part_repository._STEPS_AFTER.replace(right, wrong))
    assert not all([await read_in_order(gateway, limit) for limit in (1, 2, 3)])


async def test_a_step_that_comes_between_pages_is_on_a_later_one_or_tells_by_the_version(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world(gateway, 2)
    found = await names(gateway, AUTH_DISABLED_CALLER, None)
    monkeypatch.setattr(pathway_reader, "MAX_STEPS", _LONG)
    monkeypatch.setattr(unrestricted, "MAX_STEPS", _LONG)
    path = f"/v1/pathways/{found}"
    first = await gateway.request(AUTH_DISABLED_CALLER, "GET", path, params={"limit": "3"})
    again = await gateway.request(
        AUTH_DISABLED_CALLER, "GET", path, params={"limit": "3"}, headers={"if-none-match": first.headers["etag"]}
    )
    assert again.status_code == 304
    await gateway.publish(_late("after all others", 50_000), _late("before all others", -50_000))
    pages = await walked(gateway, AUTH_DISABLED_CALLER, None, path, limit="3", after=first.json()["next"])
    told = {step["id"] for page in pages for step in page["steps"]}
    assert "after all others" in told
    assert "before all others" not in told
    assert {page["version"] for page in pages} != {first.json()["version"]}
    anew = await gateway.request(
        AUTH_DISABLED_CALLER, "GET", path, params={"limit": "3"}, headers={"if-none-match": first.headers["etag"]}
    )
    assert anew.status_code == 200
    assert anew.json()["steps"][0]["id"] == "before all others"
    assert anew.json()["version"] == pages[0]["version"]


def _late(id: str, minute: int) -> Event:
    told = next(each for each in any_life(2) if each.id == "first 1")
    return Event(told.org, id, told.subject, told.payload, minute)


async def test_what_was_then_comes_in_pages_as_well(gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch) -> None:
    await world(gateway, 3)
    found = await names(gateway, AUTH_DISABLED_CALLER, None)
    at = str(await gateway.pool.fetchval("select now()"))
    target = await gateway.pool.fetchval(
        "select id from interaction where ref in (select id from subject_ref where org = 'alpha') limit 1"
    )
    payload = InteractionVoided(source=source("alpha"), id=target, reason="entered-in-error")
    await gateway.publish(_late("since", 3), Event("alpha", "voids", subject(1), payload, 9))
    for caller in (AUTH_DISABLED_CALLER, OPERATOR):
        called = found if caller is AUTH_DISABLED_CALLER else await names(gateway, caller, None)
        path = f"/v1/pathways/{called}"
        short = await gateway.request(
            caller, "GET", path, params={"as_of": at.replace(" ", "T")}, follow_redirects=True
        )
        assert short.status_code == 200, short.text
        with monkeypatch.context() as patched:
            patched.setattr(pathway_reader, "MAX_STEPS", _LONG)
            patched.setattr(unrestricted, "MAX_STEPS", _LONG)
            pages = await walked(gateway, caller, None, path, limit="3", as_of=at.replace(" ", "T"))
        assert len(pages) > 1
        told = together(pages)
        assert told["steps"] == short.json()["steps"]
        assert told["handoffs"] == whole(short.json())["handoffs"]


@pytest.mark.parametrize("after", ["x", "", "A" * 60])
async def test_a_cursor_that_was_never_given_is_refused(gateway: GatewayRoutes, after: str) -> None:
    await world(gateway, 1)
    found = await names(gateway, AUTH_DISABLED_CALLER, None)
    answer = await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/pathways/{found}", params={"after": after})
    assert (answer.status_code, answer.json()["title"]) == (400, "malformed cursor")
