"""What is concealed changes no byte of what others are answered, over every route that reads, and no time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.visibility.common_history import COMMON
from gateway.visibility.common_history import name_pathways_by_subject as named
from pathline_gateway.access_log.declarations import ROUTE_ROWS, AccessKind
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.route_permissions import find_route
from pathline_gateway.embedded import Machine
from pathline_gateway.streams.webhooks.attempt_result import NO_ANSWER, public_reason
from pathline_gateway.visibility.response_time_padding import BUCKET_S, ResponseTimePadding
from pathline_gateway.web.formatting import format_day, format_instant
from support.gateways.routes import AUDITOR, OPERATOR, GatewayRoutes, purpose_headers, routes_on, subscriber
from support.intake.history import Event, distinguished, linked, ref, step, subject
from support.intake.life import make_event

REVIEWER = Caller(frozenset((Role.REVIEWER,)))
RESEARCHER = Caller(frozenset((Role.RESEARCHER,)))
ALPHA = subscriber("alpha")

# The same two people, seen by others: what is said of them by whom may be known waits for a reviewer.
SEEN: Sequence[Event] = (
    *COMMON,
    step("gamma", "g1", 4, 2),
    distinguished("d1", ref("alpha", 1), ref("gamma", 4)),
    linked("l3", ref("beta", 1), ref("gamma", 4)),
    make_event("beta", "b5", "handoff.offered", 1, 5, handoff="beta:2", to={"org": "alpha"}, token_sha256="0" * 64,
         context_released=False, due={"accept": "2026-03-02T00:00:00Z"}),
)  # fmt: skip
HIDDEN: Sequence[Event] = (
    step("refuge", "r1", 7, 0),
    linked("lr", ref("refuge", 7), ref("alpha", 1)),
    distinguished("dr", ref("refuge", 7), ref("gamma", 4)),
    linked("lg", ref("refuge", 7), ref("gamma", 4)),
    step("refuge", "r8", 8, 1),
    linked("l8", ref("refuge", 8), ref("refuge", 7)),
    make_event("beta", "b9", "contact.made", 1, 9, kind="inform", safety="conceal"),
    make_event("beta", "b7", "handoff.offered", 1, 7, handoff="beta:1", to={"org": "refuge"}, token_sha256="0" * 64,
         context_released=False, due={"accept": "2026-03-02T00:00:00Z"}),
    make_event("refuge", "r9", "handoff.offered", 7, 7, handoff="refuge:1", to={"org": "alpha"}, token_sha256="0" * 64,
         context_released=False, due={"accept": "2026-03-02T00:00:00Z"}),
)  # fmt: skip
REGISTER = (
    "insert into organisation (org, registered_by) values ('refuge', 'operator') on conflict do nothing",
    "update organisation set conceals = true where org = 'refuge'",
    'insert into parked (log_epoch, topic, partition, "offset", value, '
    "header_names, header_values, reason, detail, org)"
    " values (1, 'pathline.in.refuge', 0, 900, 'her name', '{}', '{}', 'unknown-type', 'x', 'refuge')",
)
_OF_AN_OPERATOR = (
    "/v1/parked",
    "/v1/parked?org=refuge",
    "/v1/parked/summary",
    "/v1/parked/summary?org=refuge",
    "/console/parked",
    "/console/handoffs",
    "/console/handoffs/silent",
    "/console/handoffs/pair?from=beta&to=alpha",
    "/console/handoffs/pair?from=beta&to=refuge",
    "/v1/concealed",
    "/v1/lawful-bases",
)
NOT_HERE = {
    # They answer from the same functions, and are asked with a gateway at work:
    # `tests/gateway/access_log`, `tests/gateway/desk`.
    name
    for name in ROUTE_ROWS
    if name.startswith(("GET /desk", "GET /v1/identity/links", "GET /v1/set-aside", "GET /console/set-aside"))
} | {
    "GET /console",  # totals over everybody beside the hand-offs of `/console/handoffs/silent`
    "GET /v1/linkers",
    # the register itself, which operators keep
    "GET /v1/registrars",
    "GET /v1/organisations",
    "GET /v1/register/changes",
}  # fmt: skip


_NOT_SERVED = ('{"detail":"Not Found"}', '{"detail":"Method Not Allowed"}')
"""What is answered where no endpoint has the path; a gateway's own 404 is a problem, or a page."""


def words(text: str, now: datetime | None = None) -> str:
    """The text without when things came: that is another instant each time.

    Of what pages print, today and yesterday alone: days of the history are the same each time, and may tell something.
    """
    now = now or datetime.now(UTC)
    days = "|".join(format_day(each) for each in (now, now - timedelta(days=1)))
    came = rf"\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d[^\"<]*|datetime=\"[^\"]*\"|\b(?:{days})\b(?:, \d\d:\d\d UTC)?"
    return re.sub(came, "then", text)


def require_served(answer: httpx.Response) -> None:
    """An endpoint answered: where there is none, an answer is the same whatever is hidden, and proves nothing."""
    said = (
        f"{answer.request.url.path} is not served here: its module belongs in ENDPOINTS of support/gateways/routes.py"
    )
    assert answer.text not in _NOT_SERVED, said


async def answers(machine: Machine, hidden: Sequence[Event], plant: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    """What everybody is answered who has no business with what is hidden."""
    async with routes_on(machine) as gateway:
        await gateway.publish(*SEEN)
        if hidden:
            await gateway.publish(*hidden)
        for statement in (*REGISTER, *plant):
            await gateway.execute(statement)
        await named(gateway)
        items = await gateway.pool.fetch("select item from review_item order by seq")
        return [each async for each in _asked(gateway, [str(row["item"]) for row in items])]


async def _asked(gateway: GatewayRoutes, items: Sequence[str]) -> Any:
    asked: set[str] = set()

    async def ask(by: Caller, method: str, path: str, **more: Any) -> tuple[Any, ...]:
        answer = await gateway.request(by, method, path, **more)
        require_served(answer)
        asked.add(str(find_route(method, path.partition("?")[0])))
        return method, path if "review/" not in path else "item", answer.status_code, words(answer.text)

    for by in (OPERATOR, REVIEWER):
        listed = (await gateway.request(by, "GET", "/v1/identity/review")).json()
        yield "review", [each["refs"] for each in listed["items"]], listed["waiting"]
        for each in listed["items"]:
            body = (await gateway.request(by, "GET", f"/v1/identity/review/{each['item']}")).json()
            text = json.dumps({name: value for name, value in body.items() if name != "item"})
            yield "dossier", words(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", text))
        known = {each["item"] for each in listed["items"]}
        for item in set(items) - known:
            path = f"/v1/identity/review/{item}"
            assert (await gateway.request(by, "GET", path)).status_code == 404
            assert (await gateway.request(by, "POST", f"{path}/decision", json={"decision": "same"})).status_code == 404
        page = await gateway.request(by, "GET", "/console/review")
        yield "review page", words(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", page.text))
        for each in listed["items"][:1]:
            page = await gateway.request(by, "GET", f"/console/review/{each['item']}")
            yield "review page", words(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", page.text))
    asked |= {name for name in ROUTE_ROWS if name.startswith("GET") and "/review" in name}
    for path in _OF_AN_OPERATOR:
        yield await ask(OPERATOR, "GET", path)
    number = await gateway.pool.fetchval("select max(id) from parked")
    yield await ask(OPERATOR, "GET", f"/v1/parked/{number}")
    for by in (AUDITOR, RESEARCHER, OPERATOR):
        for measure in ("handoff-silence", "handoff-completion"):
            yield await ask(by, "GET", f"/v1/measures/{measure}")
    wanted = {"protocol": "PULL", "config": {"organisation": "refuge", "purpose": "care"}}
    made = (await gateway.request(subscriber("refuge"), "POST", "/v1/subscriptions", json=wanted)).json()["id"]
    for source, event in (("urn:pathline:refuge:system", "r1"), ("urn:pathline:beta:system", "b9")):
        answer = await gateway.request(
            OPERATOR, "GET", f"/v1/subscriptions/{made}/explain", params={"source": source, "event": event}
        )
        yield "explain", answer.status_code, answer.text
        page = await gateway.request(
            OPERATOR, "POST", f"/console/streams/{made}/explain", data={"source": source, "id": event}
        )
        yield "explain page", page.status_code, "no such event" in page.text
    asked |= {"GET /v1/subscriptions/{subscription}/explain", "POST /console/streams/{subscription}/explain"}
    for by, who in itertools.product((ALPHA, OPERATOR), (ref("alpha", 1), ref("refuge", 7))):
        found = await ask(by, "POST", "/v1/pathways/search", json=who)
        yield found
        drawn = await ask(by, "POST", "/console/pathways", data=who)
        yield drawn[2:]
        if found[2] == 200:
            name = json.loads(found[3])["pathway"]
            yield await ask(by, "GET", f"/v1/pathways/{name}", headers=purpose_headers("care"))
            yield await ask(by, "GET", f"/v1/pathways/{name}/trace", headers=purpose_headers("care"))
            if by is OPERATOR:
                yield await ask(by, "GET", f"/console/pathways/{name}")
                yield await ask(by, "GET", f"/console/pathways/{name}/trace")
    yield await ask(AUDITOR, "GET", "/v1/consents")
    asked |= {
        "GET /v1/consents",
        "GET /v1/access",
        "GET /v1/mandates",
    } & ROUTE_ROWS.keys()  # of a citizen: `test_noninterference_http`
    reading = {name for name, row in ROUTE_ROWS.items() if row.category is AccessKind.READING}
    assert reading - NOT_HERE == asked & reading, (
        f"in neither _OF_AN_OPERATOR, _asked nor NOT_HERE: {reading - NOT_HERE - asked}; in both: {NOT_HERE & asked}"
    )


def test_what_is_concealed_changes_no_byte_of_any_route_that_reads(machine: Machine) -> None:
    with_it, without = asyncio.run(answers(machine, HIDDEN)), asyncio.run(answers(machine, ()))
    assert [(a, b) for a, b in zip(with_it, without, strict=True) if a != b] == []
    assert not [each for each in with_it if "refuge" in repr(each[-1]) and each[1] != "/v1/concealed"]
    assert "her name" not in repr(with_it)


@pytest.mark.parametrize(
    ("part", "hole"),
    [
        ("review", "create or replace function ref_is_concealed(of text, known_as text) returns boolean language sql as"
         " 'select false'"),
        ("/v1/parked", "update organisation set conceals = false where org = 'refuge'"),
    ],
)  # fmt: skip
def test_a_hole_would_be_seen(machine: Machine, part: str, hole: str) -> None:
    try:
        with_it = asyncio.run(answers(machine, HIDDEN, [hole]))
    except AssertionError:
        return  # a dossier that ought to be none was there
    without = asyncio.run(answers(machine, ()))
    different = [a for a, b in zip(with_it, without, strict=False) if a != b]
    assert any(part in repr(each) for each in different)


@given(
    now=st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 3), max_value=datetime(9998, 1, 1)),
    ago=st.timedeltas(timedelta(0), timedelta(days=1)),
    text=st.sampled_from(["As of {}.", "<td>{}</td>", "since {}, and"]),
)
def test_the_mask_hides_what_the_clock_says_in_every_form(now: datetime, ago: timedelta, text: str) -> None:
    for form in (format_day, format_instant, datetime.isoformat):
        assert words(text.format(form(now - ago)), now).startswith(text.partition("{}")[0] + "then")
    assert words(text.format(format_instant(now - ago)), now) == text.format("then")


@given(
    now=st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 3), max_value=datetime(9998, 1, 1)),
    days=st.integers(2, 700),
)
def test_the_mask_leaves_days_of_the_history(now: datetime, days: int) -> None:
    text = f"offered {format_day(now - timedelta(days=days))}, due {format_instant(now + timedelta(days=days))}"
    assert words(text, now) == text


async def test_a_page_that_is_not_served_proves_nothing(gateway: GatewayRoutes) -> None:
    for method, path in (("GET", "/console/nothing"), ("DELETE", "/console/parked")):
        with pytest.raises(AssertionError, match="is not served here"):
            require_served(await gateway.request(OPERATOR, method, path))
    require_served(await gateway.request(OPERATOR, "GET", "/v1/parked/999999"))


def test_why_an_address_is_not_reached_is_one_word() -> None:
    assert {public_reason(reason) for reason in NO_ANSWER} == {"unreachable", "timed-out", "bad-answer"}


async def test_a_block_takes_a_whole_number_of_spans_however_it_ends() -> None:
    now, slept = [100.0], list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    padding = ResponseTimePadding(0.025, lambda: now[0], sleep)
    for taken in (0.0, 0.001, 0.0249, 0.0251, 0.26):
        with contextlib.suppress(LookupError):
            async with padding.padded(enabled=True):
                now[0] += taken
                raise LookupError
        whole = (taken + slept[-1]) / 0.025
        assert abs(whole - round(whole)) < 1e-6
        assert slept[-1] >= 0
    async with padding.padded(enabled=False):
        pass
    assert len(slept) == 5


class Held:
    """How long answers were held back; by the time that this process worked, which no neighbour's load changes."""

    def __init__(self, bucket_s: float = BUCKET_S) -> None:
        self.seconds = 0.0
        self.padding = ResponseTimePadding(bucket_s, time.process_time, self._slept)

    async def _slept(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.mark.parametrize("padded", [True, False])
async def test_how_long_a_pull_takes_does_not_tell_what_is_hidden(machine: Machine, padded: bool) -> None:
    """An organisation has two clients, of whom a refuge knows one: with 300 hidden steps, and with none.

    Where nothing is padded, the same distinguisher tells them apart.
    """
    held = Held() if padded else Held(1e-9)
    async with routes_on(machine, padding=held.padding) as gateway:
        await gateway.publish(step("alpha", "a1", 1), step("alpha", "a2", 2))
        await gateway.publish(linked("lr", ref("alpha", 1), ref("refuge", 7)))
        await gateway.publish(*(step("refuge", f"r{n}", 7, n % 60) for n in range(300)))
        await gateway.execute("update organisation set conceals = true where org = 'refuge'")
        names = [str(await gateway.find(ALPHA, "alpha", subject(n))) for n in (1, 2)]
        pairs = [[await _pulled(gateway, held, name) for name in names] for _ in range(40)]
    right = sum(hidden > bare for hidden, bare in pairs)
    shift = statistics.median(hidden - bare for hidden, bare in pairs)
    if padded:
        assert abs(shift) < 0.002, (right, shift)
    else:
        assert right >= 36, (right, shift)


async def _pulled(gateway: GatewayRoutes, held: Held, name: str) -> float:
    began, held.seconds = time.process_time(), 0.0
    assert (await gateway.request(ALPHA, "GET", f"/v1/pathways/{name}")).status_code == 200
    return time.process_time() - began + held.seconds


async def test_a_search_for_anothers_pseudonym_is_the_same_work_whether_it_exists(gateway: GatewayRoutes) -> None:
    """The same statements: what exists is not looked at."""
    await gateway.publish(step("alpha", "a1", 1), *(step("refuge", f"r{n}", 7, n % 60) for n in range(20)))
    said: list[list[str]] = []
    for n in (7, 99):
        statements: list[str] = []
        async with gateway.pool.acquire() as one, gateway.pool.acquire() as other:
            for connection in (one, other):
                connection.add_query_logger(lambda record, kept=statements: kept.append(record.query))
        assert await gateway.find(ALPHA, "refuge", subject(n)) is None
        said.append(list(statements))
    assert said[0] == said[1]
    assert said[0]
