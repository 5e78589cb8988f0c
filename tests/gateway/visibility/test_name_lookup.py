"""How names are read back: along an index, in one statement for a batch, at the same cost whatever they are worth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from gateway.visibility.named_life import HANDOFF, LIFE, ME, find_step, said_by, told
from pathline_gateway.visibility import name_repository
from pathline_gateway.visibility.name_identities import name_digest
from support.gateways.routes import GatewayRoutes, subscriber
from support.intake.history import START, Event, ref, source, subject
from support.intake.life import make_event

AGENT: dict[str, Any] = {"agent": ref("clinic", 5), "powers": ["see"], "services": []}


@pytest.mark.parametrize("text", ["clinic:1", "\u00e9\U0001f600 \\x", "a" * 400])
async def test_postgres_makes_the_digests_that_names_hold(gateway: GatewayRoutes, text: str) -> None:
    assert await gateway.pool.fetchval("select name_digest($1)", text) == name_digest(text)


async def test_a_name_that_cannot_be_read_harms_no_neighbour(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    name = (await told(gateway, ME, "citizen", 9))["handoffs"][0]["handoff"]
    broken = ("keyed:!", "keyed:A", name[:-1], f"{name[:-1]}é", f"keyed:{'A' * 190}")
    await gateway.publish(
        *(saying("handoff", each, f"b{n}") for n, each in enumerate(broken)), saying("handoff", name, "right")
    )
    assert await gateway.pool.fetchval("select count(*) from parked") == 0
    kept = await gateway.pool.fetch(
        "select i.handoff from interaction i join source s on s.id = i.source where s.org = 'citizen'"
    )
    assert sorted(each["handoff"] for each in kept if each["handoff"]) == sorted([HANDOFF, *broken])


async def test_a_pseudonym_that_looks_like_a_name_means_itself(gateway: GatewayRoutes) -> None:
    """Where no person has such a name: an organisation may have made as many keys."""
    own = f"v4711.{'A' * 22}"
    about = [{"subject": own, "role": "child"}]
    await gateway.publish(make_event("clinic", "c1", "contact.made", 1, 1, kind="chase", about=about))
    payload = await gateway.pool.fetchval("select payload from interaction where id = 'c1'")
    assert own.encode() in payload
    assert b"\x1e" not in payload


@pytest.mark.parametrize("kind", ["handoff", "event", "subject"])
async def test_a_name_that_is_tried_costs_what_a_right_one_costs(gateway: GatewayRoutes, kind: str) -> None:
    """The same statements, for names of hers, of another's and of nobody's, however many a batch has of them."""
    await gateway.publish(*LIFE, make_event("clinic", "g1", "mandate.given", 1, 6, mandate="m", **AGENT))
    hers, theirs = [
        names_in(await told(gateway, by, org, n))[kind]
        for by, org, n in ((ME, "citizen", 9), (subscriber("legal"), "legal", 3))
    ]
    nobodys = {"source": source("clinic"), "id": "keyed:AAAA"} if kind == "event" else "keyed:AAAA"
    if kind == "subject":
        nobodys = {"org": "clinic", "subject": f"v1234.{'A' * 22}"}
    assert hers != theirs

    async def statements(*values: Any) -> list[str]:
        asked: list[str] = []
        events = [saying(kind, value, f"{gateway.partition.offset}-{n}") for n, value in enumerate(values)]
        async with gateway.pool.acquire() as connection:
            with connection.query_logger(lambda query: asked.append(query.query)):
                await gateway.partition.apply(connection, *events)
        return asked

    await statements(nobodys)  # from now on the type is known
    first = await statements(hers)
    assert any("name_digest" in each for each in first)
    for tried in ([theirs], [nobodys], [hers, theirs, nobodys, nobodys]):
        assert await statements(*tried) == first


async def test_names_are_found_along_an_index_however_much_is_stored(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    digests, refs = [name_digest(HANDOFF)], ["clinic"]
    asked = digests, [UUID(int=0)], [START], digests, refs, [subject(1)]
    async with gateway.pool.acquire() as connection:
        await connection.execute("set enable_seqscan = off")
        plan = json.loads(await connection.fetchval(f"explain (format json) {name_repository._FIND}", *asked))
        await connection.execute("reset enable_seqscan")
    scans = [each for each in nodes(plan[0]["Plan"]) if "Scan" in each["Node Type"] and "Relation Name" in each]
    tables = {each["Relation Name"].partition("_2")[0] for each in scans}
    assert {"interaction", "handoff_input", "subject_ref"} <= tables
    assert [each["Relation Name"] for each in scans if each["Node Type"] == "Seq Scan"] == []
    conditions = [each.get("Index Cond", each.get("Recheck Cond", "")) for each in scans]
    for expected in ("name_digest(i.handoff)", "name_digest(q.handoff)", "i.ref =", "r.org ="):
        assert any(expected.replace("i.", "").replace("q.", "").replace("r.", "") in each for each in conditions), (
            expected
        )


def names_in(body: dict[str, Any]) -> dict[str, Any]:
    """One name of each kind that this reader is told."""
    seen = find_step(body, "activity.recorded", "clinic")
    return {
        "handoff": body["handoffs"][0]["handoff"],
        "event": {"source": seen["source"], "id": seen["id"]},
        "subject": find_step(body, "mandate.given", "clinic")["data"]["agent"],
    }


def saying(kind: str, value: Any, id: str) -> Event:
    """An event of hers that names this."""
    id = hashlib.sha256(id.encode()).hexdigest()
    match kind:
        case "handoff":
            return said_by("citizen", 9, id, "contact.made", kind="chase", handoff=value)
        case "event":
            return said_by("citizen", 9, id, "experience.shared", value="denied", regarding=value)
        case _:
            return said_by("citizen", 9, id, "mandate.given", mandate=id, **AGENT | {"agent": value})


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)
