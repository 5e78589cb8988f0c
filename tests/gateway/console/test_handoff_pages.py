"""Hand-offs by who hands to whom: counts, waits and silence as a plain reading of the table has them."""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import orjson
import pytest

from gateway.console.operator_pages import OperatorPages, operator_pages
from pathline import instant
from pathline.vocabulary import InteractionCorrected
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller
from pathline_gateway.handoffs import overview_repository
from pathline_gateway.handoffs.overview_repository import OverviewScope, PairCursor
from pathline_gateway.handoffs.projection_row import HandoffRow
from support.gateways.routes import OPERATOR, GatewayRoutes
from support.generators.pathways import NOW
from support.intake.history import START, Event, source, step, subject
from support.intake.life import make_event

ORGS = ("clinic", "housing", "refuge", "bank")
STATES = ("requested", "received", "accepted", "rejected", "in-progress", "completed", "cancelled", None)


TOKEN = "a-token-of-22-characters"


def offer(handoff: str, to: str = "housing", service: str | None = None, **more: Any) -> dict[str, Any]:
    due = {"accept": instant.to_text(START + timedelta(hours=1))}
    asked = {"org": to} if service is None else {"org": to, "service": service}
    hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
    return {"handoff": handoff, "to": asked, "token_sha256": hashed, "due": due, "context_released": False, **more}


def offered(handoff: str, to: str = "housing", n: int = 1, **more: Any) -> Event:
    return make_event(handoff.partition(":")[0], f"o {handoff}", "handoff.offered", n, **offer(handoff, to, **more))


def some_record(chance: random.Random, n: int, ref: int) -> HandoffRow:
    def at() -> datetime | None:
        return None if chance.random() < 0.4 else NOW + timedelta(days=chance.uniform(-200, 5))

    sender, receiver = chance.choice(ORGS), chance.choice((*ORGS, None, "stranger"))
    values: dict[str, Any] = {name: at() for name in HandoffRow._fields}
    values |= dict.fromkeys(("offer_trace_id", "offer_span_id", "end_trace_id", "end_span_id", "outcome", "service"))
    values |= {
        "handoff": f"{sender}:{n}", "sender": sender, "receiver": receiver, "state": chance.choice(STATES),
        "ended_by": chance.choice((None, "declined", "expired", "completed")), "redirect_count": chance.randrange(3),
        "anomaly_count": chance.randrange(3), "offer_ref": ref, "is_concealed": False,
    }  # fmt: skip
    return HandoffRow(**values)


def counts(record: HandoffRow) -> bool:
    """Whether it is on the pages."""
    return record.offered_at is not None and (record.ended_at is None or record.offered_at >= NOW - timedelta(days=90))


def silent_since(record: HandoffRow) -> datetime | None:
    """Since when nothing was heard of a receiver on the register."""
    waited = ((record.accept_due_at, record.accept_answered_at), (record.contact_due_at, record.contact_answered_at))
    past = [due for due, answer in waited if due is not None and due < NOW and answer is None]
    return min(past, default=None) if record.receiver in ORGS else None


def nobody_answered(record: HandoffRow) -> bool:
    """Whether the receiver has not even answered, though that is due."""
    due, answer = record.accept_due_at, record.accept_answered_at
    return record.receiver in ORGS and due is not None and due < NOW and answer is None


async def drawn(gateway: GatewayRoutes, seed: int) -> list[HandoffRow]:
    await gateway.publish(*(step(org, f"s {org}", n) for n, org in enumerate(ORGS)))
    refs = [row["id"] for row in await gateway.pool.fetch("select id from subject_ref")]
    chance = random.Random(seed)
    records = [some_record(chance, n, chance.choice(refs)) for n in range(chance.choice((0, 5, 400)))]
    async with gateway.pool.acquire() as connection:
        await connection.copy_records_to_table("handoff", records=records, columns=HandoffRow._fields)
    return records


@pytest.mark.parametrize("seed", range(6))
async def test_pairs_are_counted_as_a_plain_reading_counts_them(gateway: GatewayRoutes, seed: int) -> None:
    by_pair: dict[Any, list[HandoffRow]] = defaultdict(list)
    hidden = set()
    for record in await drawn(gateway, seed):
        if record.handoff.endswith("7"):
            hidden.add(record.handoff)
        elif counts(record):
            by_pair[record.sender, record.receiver].append(record)
    async with gateway.pool.acquire() as connection:
        scope = OverviewScope(NOW, NOW - timedelta(days=90), hidden)
        n, found = await overview_repository.list_pairs(connection, scope, 100)
        parts = [
            await overview_repository.list_pairs(connection, scope, 2, offset=skip)
            for skip in range(0, len(found) + 2, 2)
        ]
        assert [pair for _, part in parts for pair in part] == found
        assert {of for of, part in parts if part} <= {n} == {len(by_pair)}
        for org in ORGS:
            _, pairs = await overview_repository.list_pairs(connection, scope, 100, org)
            assert pairs == [pair for pair in found if org in (pair.sender, pair.receiver)]
        assert set(await overview_repository.list_organisations(connection, scope)) == {
            org for pair in by_pair for org in pair if org
        }
    assert {(pair.sender, pair.receiver) for pair in found} == by_pair.keys()
    assert [pair.silent for pair in found] == sorted((pair.silent for pair in found), reverse=True)
    for pair in found:
        theirs = by_pair[pair.sender, pair.receiver]
        waits = [
            r.accepted_at - r.offered_at
            for r in theirs
            if r.offered_at and r.accepted_at and r.accepted_at >= r.offered_at
        ]
        met = [
            r.first_contact_at - r.offered_at
            for r in theirs
            if r.offered_at and r.first_contact_at and r.first_contact_at >= r.offered_at
        ]
        assert pair.offered == len(theirs)
        assert pair.waiting == sum(r.state in ("requested", "received") for r in theirs)
        assert pair.silent == sum(nobody_answered(r) for r in theirs)
        assert pair.silent + pair.unmet == sum(silent_since(r) is not None for r in theirs)
        assert (pair.accepted, pair.contacted) == (len(waits), len(met))
        for said, expected in ((pair.median_to_acceptance, waits), (pair.median_to_contact, met)):
            assert (said is None) == (not expected)
            middle = timedelta(seconds=median(each.total_seconds() for each in expected)) if expected else None
            assert said is None or (middle is not None and abs(said - middle) < timedelta(milliseconds=1))
        assert pair.observable == (pair.receiver in ORGS)
        assert (pair.declined, pair.expired) == tuple(
            sum(r.ended_by == verb for r in theirs) for verb in ("declined", "expired")
        )


@pytest.mark.parametrize("seed", range(6))
async def test_a_pair_s_hand_offs_come_open_first_and_the_longest_silent_first(
    gateway: GatewayRoutes, seed: int
) -> None:
    records = [each for each in await drawn(gateway, seed) if counts(each)]
    far = NOW + timedelta(days=9_999)
    scope = OverviewScope(NOW, NOW - timedelta(days=90))
    async with gateway.pool.acquire() as connection:
        for sender, receiver in {(each.sender, each.receiver) for each in records}:
            found = await overview_repository.list_of_pair(connection, scope, sender, receiver, 1_000)
            theirs = [each for each in records if (each.sender, each.receiver) == (sender, receiver)]
            theirs.sort(key=lambda r: r.handoff)
            theirs.sort(key=lambda r: r.offered_at or far, reverse=True)
            theirs.sort(key=lambda r: (r.ended_at is not None, silent_since(r) or far))
            assert [each.handoff for each in found] == [each.handoff for each in theirs]
            parts: list[str] = []
            after: PairCursor | None = None
            while part := await overview_repository.list_of_pair(connection, scope, sender, receiver, 7, after):
                parts += [each.handoff for each in part]
                last = part[-1]
                after = PairCursor(last.handoff, last.ended is not None, last.silent_since, last.offered)
            assert parts == [each.handoff for each in theirs]
        silent = sorted((r for r in records if silent_since(r)), key=lambda r: silent_since(r) or far, reverse=True)
        n, latest = await overview_repository.list_latest_silent(connection, scope, 3)
        walked: list[tuple[datetime | None, str]] = []
        reached: tuple[str, datetime] | None = None
        while part := await overview_repository.list_longest_silent(connection, scope, 7, reached):
            walked += [(each.silent_since, each.handoff) for each in part]
            assert part[-1].silent_since is not None
            reached = (part[-1].handoff, part[-1].silent_since)
        assert walked == sorted((silent_since(r), r.handoff) for r in silent)
    assert n.silent == len(silent)
    assert n.unanswered <= n.silent
    assert [each.handoff for each in latest] == [each.handoff for each in silent[:3]]


async def test_from_a_pair_one_comes_to_each_hand_off_its_pathway_and_its_trace(gateway: GatewayRoutes) -> None:
    await gateway.publish(
        offered("clinic:1"), offered("clinic:2", n=2), offered("bank:1", "clinic"), step("housing", "h", 9)
    )
    await gateway.publish(make_event("clinic", "x", "handoff.cancelled", 2, 5, handoff="clinic:2"))
    gateway.now = START + timedelta(days=30)
    async with operator_pages(gateway) as pages:
        pairs = await pages.html("/console/handoffs")
        assert pairs.index("Clinic to Housing") < pairs.index("Bank to Clinic")
        assert "1 silent" in pairs
        only = await pages.html("/console/handoffs?org=bank")
        assert "Bank to Clinic" in only
        assert "Clinic to Housing" not in only
        assert "No hand-off from or to Nobody." in await pages.text("/console/handoffs?org=nobody")
        (link,) = re.findall(r'href="(/console/handoffs/pair\?from=clinic[^"]+)"', pairs)
        opened = await pages.html(link.replace("&amp;", "&"))
        assert opened.index("silent: an answer was due on 1 Mar 2026") < opened.index("taken back")
        pathways = re.findall(r'href="/console/pathways/([0-9a-f-]{36})"', opened)
        assert len(pathways) == 2
        assert [f'href="/console/pathways/{each}/trace"' in opened for each in pathways] == [True, True]
        assert (await pages.http.get("/console/handoffs/pair")).status_code == 422
        assert (await pages.http.get("/console/handoffs?org=%00")).status_code == 422


async def test_a_receiver_that_is_not_on_the_register_is_never_silent(gateway: GatewayRoutes) -> None:
    await gateway.publish(offered("clinic:1", "nobody-here"))
    async with operator_pages(gateway) as pages:
        assert "Everything flows, and nothing waits." in await pages.text("/console")
        assert "not on the register: cannot be seen" in await pages.text("/console/handoffs")
        shown = await pages.text("/console/handoffs/pair?from=clinic&to=nobody-here")
        assert "not on the register: whether it answers cannot be seen" in shown
        assert "silent:" not in shown


async def everything(pages: OperatorPages, by: Caller) -> str:
    """All that the pages tell of hand-offs."""
    pairs = [f"/console/handoffs/pair?from={a}&to={b}" for a in ORGS for b in ORGS]
    paths = ("/console", "/console/handoffs", *pairs)
    return " ".join([re.sub(r"As of.*UTC", "", await pages.text(path, by)) for path in paths])


PLAIN = offered("clinic:plain", n=5)
CORRECTION = {
    "source": source("clinic"),
    "id": "o clinic:1",
    "reason": "wrong-content",
    "replacement": {"time": START.isoformat(), "data": offer("clinic:1", safety="conceal")},
}
CONCEALED = {
    "by its sender's word": [offered("clinic:1", safety="conceal")],
    "at a receiver that conceals": [offered("clinic:1", "refuge")],
    "from a sender that conceals": [offered("refuge:1")],
    "at a service that is concealed": [offered("clinic:1", "bank", service="shelter")],
    "of a person who is concealed": [offered("clinic:1", n=7)],
    "by a correction": [
        offered("clinic:1"),
        Event("clinic", "k", subject(0), InteractionCorrected.model_validate(CORRECTION)),
    ],
    "by its answer": [
        offered("clinic:1"),
        make_event("housing", "a", "handoff.accepted", 2, 2, handoff="clinic:1", token=TOKEN, safety="conceal"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("how", CONCEALED)
async def test_an_operator_is_told_nothing_of_a_concealed_hand_off_and_counts_nothing(
    gateway: GatewayRoutes, how: str
) -> None:
    await gateway.publish(*(step(org, f"s {org}", 90 + n) for n, org in enumerate(ORGS)), PLAIN)
    await gateway.execute("update organisation set conceals = true where org = 'refuge'")
    await gateway.execute("insert into concealed_service values ('bank', 'shelter', 'operator')")
    await gateway.execute("insert into concealed_ref values ('clinic', $1, 'operator')", subject(7))
    async with operator_pages(gateway) as pages:
        before = await everything(pages, OPERATOR)
        assert "One hand-off is silent" in before
        await gateway.publish(*CONCEALED[how])
        assert silences(await everything(pages, OPERATOR)) == silences(before)
        silent = "One hand-off is silent" if how == "by its answer" else "2 hand-offs are silent"
        assert silent in await everything(pages, AUTH_DISABLED_CALLER)


async def test_a_word_that_is_spelled_by_escapes_conceals_as_well(gateway: GatewayRoutes) -> None:
    await gateway.publish(PLAIN, step("housing", "h", 9))
    (stored,) = await gateway.pool.fetch("select payload from interaction where handoff is not null")
    *head, data = stored["payload"].split(b"\n", 2)
    spelled = data[:-1] + rb',"safety":"conce\u0061l"}'
    assert orjson.loads(spelled.removeprefix(b',"data":'))["safety"] == "conceal"
    await gateway.execute("update interaction set payload = $1 where handoff is not null", b"\n".join([*head, spelled]))
    async with operator_pages(gateway) as pages:
        assert "nothing waits" in await pages.text("/console", OPERATOR)
        assert "One hand-off is silent" in await pages.text("/console", AUTH_DISABLED_CALLER)


def silences(said: str) -> str:
    """Of what the pages say, all but the totals of everything that is stored."""
    return re.sub(r"interactions [\d,]+ pathways [\d,]+ links [\d,]+", "", said)
