"""One caller goes past what she may have at once or within a minute; another is served as if she was not there."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from limits.storage import MemoryStorage
from starlette.types import Message, Receive, Scope, Send

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller, Role
from pathline_gateway.limits.caller_budget_middleware import CallerBudgetMiddleware
from pathline_gateway.limits.caller_rates import CallerRates, RefusedCallers
from pathline_gateway.limits.table import Limits
from pathline_gateway.web.problem import Problem

A = Caller(frozenset((Role.SUBSCRIBER,)), org="food-bank")
B = Caller(frozenset((Role.SUBSCRIBER,)), org="clinic")
PULL = ("GET", "/v1/pathways/1")
STREAM = ("GET", "/v1/subscriptions/1/stream")
DRY_RUN = ("POST", "/v1/subscriptions/dry-run")
AS_BEFORE_S = 0.25
"""Less than the pause before a refusal."""


@dataclass
class Gateway:
    """Answers when it is let, within the budgets."""

    limits: Limits
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    running: int = 0

    def __post_init__(self) -> None:
        self.budget = CallerBudgetMiddleware(self.answer, self.limits, CallerRates(self.limits))

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.running += 1
        try:
            if scope["state"].get("slow"):
                await self.hold.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})
        finally:
            self.running -= 1

    async def ask(
        self, caller: Caller, what: tuple[str, str], *, slow: bool = False, host: str = "192.0.2.1", length: int = 0
    ) -> tuple[int, dict[str, str], Any]:
        sent: list[Message] = []

        async def receive() -> Message:
            raise AssertionError("nobody reads a body here")

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"content-length", str(length).encode())] if length >= 0 else [(b"transfer-encoding", b"chunked")]
        state = {"caller": caller, "slow": slow}
        scope: Scope = {
            "type": "http",
            "method": what[0],
            "path": what[1],
            "headers": headers,
            "state": state,
            "client": (host, 1),
        }
        await self.budget(scope, receive, send)
        fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], fields, json.loads(sent[1]["body"])

    async def past(self, limit: str, caller: Caller, what: tuple[str, str], **more: Any) -> dict[str, str]:
        """She is refused for this limit; the fields of the answer."""
        status, fields, body = await self.ask(caller, what, **more)
        if limit.endswith("-per-minute"):  # as time passes, one more is due now and then
            for _ in range(5):
                if status == 429:
                    break
                status, fields, body = await self.ask(caller, what, **more)
        assert (status, body["limit"]) == (429 if limit != "streams" else 503, limit)
        assert int(fields["retry-after"]) >= 1
        assert fields["ratelimit-policy"].startswith(f'"{limit}";q=')
        assert fields["ratelimit"].startswith(f'"{limit}";r=0;t=')
        return fields

    async def serves(self, caller: Caller, what: tuple[str, str] = PULL, **more: Any) -> None:
        began = time.monotonic()
        assert (await self.ask(caller, what, **more))[0] == 200
        assert time.monotonic() - began < AS_BEFORE_S

    def many(self, times: int, caller: Caller, what: tuple[str, str] = PULL) -> list[asyncio.Task[Any]]:
        return [asyncio.create_task(self.ask(caller, what, slow=True)) for _ in range(times)]


@pytest.mark.limit("requests-at-once")
@pytest.mark.limit("requests-waiting")
async def test_requests_of_one_caller_take_turns_and_are_refused_beyond() -> None:
    gateway = Gateway(Limits(requests_at_once=3, requests_waiting=4))
    storm = gateway.many(7, A)
    await asyncio.sleep(0)
    assert gateway.running == 3
    await gateway.past("requests-waiting", A, PULL)
    for _ in range(20):
        await gateway.serves(B)
    gateway.hold.set()
    assert [status for status, _, _ in await asyncio.gather(*storm)] == [200] * 7
    await gateway.serves(A)


async def test_whoever_gives_up_waiting_leaves_her_turn_to_the_next() -> None:
    gateway = Gateway(Limits(requests_at_once=1, requests_waiting=4))
    first, second, third = gateway.many(3, A)
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    gateway.hold.set()
    assert (await first)[0] == (await third)[0] == 200
    await gateway.serves(A)
    storm = gateway.many(3, A)
    await asyncio.sleep(0)
    for each in storm:
        each.cancel()
    await asyncio.wait(storm)
    await gateway.serves(A)


@pytest.mark.limit("slow-readings-at-once")
async def test_a_third_dry_run_at_once_is_refused() -> None:
    gateway = Gateway(Limits())
    storm = gateway.many(2, A, DRY_RUN)
    await asyncio.sleep(0)
    await gateway.past("slow-readings-at-once", A, DRY_RUN)
    await gateway.serves(B, DRY_RUN)
    await gateway.serves(A)
    gateway.hold.set()
    await asyncio.gather(*storm)
    await gateway.serves(A, DRY_RUN)


@pytest.mark.limit("streams-of-a-caller")
@pytest.mark.limit("streams")
async def test_streams_of_one_caller_leave_room_for_others() -> None:
    gateway = Gateway(Limits(streams_of_a_caller=3, streams=4))
    storm = gateway.many(3, A, STREAM)
    await asyncio.sleep(0)
    await gateway.past("streams-of-a-caller", A, STREAM)
    await gateway.serves(A)
    await gateway.serves(B, STREAM)
    storm += gateway.many(1, B, STREAM)
    await asyncio.sleep(0)
    await gateway.past("streams", Caller(frozenset((Role.SUBSCRIBER,)), org="ward"), STREAM)
    gateway.hold.set()
    await asyncio.gather(*storm)
    await gateway.serves(A, STREAM)


@pytest.mark.parametrize(
    ("limit", "what"),
    [
        pytest.param("readings-per-minute", PULL, marks=pytest.mark.limit("readings-per-minute")),
        pytest.param("changes-per-minute", ("PUT", "/x"), marks=pytest.mark.limit("changes-per-minute")),
        pytest.param("slow-readings-per-minute", DRY_RUN, marks=pytest.mark.limit("slow-readings-per-minute")),
    ],
)
async def test_more_than_a_rate_within_a_minute_is_refused(limit: str, what: tuple[str, str]) -> None:
    gateway = Gateway(Limits(**{limit.replace("-", "_"): 50}))
    asked: asyncio.Future[list[Any]]
    if what == DRY_RUN:
        asked = asyncio.ensure_future(_one_by_one(gateway, what, 120))
    else:
        asked = asyncio.gather(*(gateway.ask(A, what) for _ in range(120)))
    await asyncio.sleep(0)
    for _ in range(20):
        await gateway.serves(B, what)
    refused = [each for each in await asked if each[0] == 429]
    assert len(refused) >= 65 if what != DRY_RUN else refused
    assert {each[2]["limit"] for each in refused} == {limit}
    assert "w=60" in (await gateway.past(limit, A, what))["ratelimit-policy"]


async def _one_by_one(gateway: Gateway, what: tuple[str, str], times: int) -> list[Any]:
    answers: list[Any] = []
    while len(answers) < times and not any(each[0] == 429 for each in answers):
        answers.append(await gateway.ask(A, what))
    return answers


@pytest.mark.limit("requests-of-an-address-per-minute")
async def test_while_nobody_is_known_an_address_has_the_budget() -> None:
    gateway = Gateway(Limits(requests_of_an_address_per_minute=50))
    for _ in range(50):
        await gateway.serves(AUTH_DISABLED_CALLER, host="2001:db8::1")
    # The whole network of somebody who has a network.
    await gateway.past("requests-of-an-address-per-minute", AUTH_DISABLED_CALLER, PULL, host="2001:db8::ffff")
    await gateway.serves(AUTH_DISABLED_CALLER, host="2001:db8:0:1::1")
    await gateway.serves(A, host="2001:db8::1")


@pytest.mark.limit("events-kib-per-minute")
async def test_events_count_by_their_bytes() -> None:
    gateway = Gateway(Limits(events_kib_per_minute=20_000))
    events = ("POST", "/v1/events")
    await gateway.serves(A, events, length=10_000 * 1_024)
    await gateway.past("events-kib-per-minute", A, events, length=10_000 * 1_024)
    await gateway.past("events-kib-per-minute", A, events, length=-1)
    await gateway.serves(A, events, length=1_000)
    await gateway.serves(B, events, length=10_000 * 1_024)


@pytest.mark.limit("refusals-per-minute")
def test_whom_the_gate_refuses_again_and_again_is_not_looked_at() -> None:
    limits = Limits(refusals_per_minute=5)
    refused = RefusedCallers(CallerRates(limits))
    for _ in range(5):
        refused.check({"client": ("192.0.2.1", 1)})
        refused.record({"client": ("192.0.2.1", 1)})
    with pytest.raises(Problem) as over:
        refused.check({"client": ("192.0.2.1", 1)})
    assert (over.value.status, over.value.extensions["limit"]) == (429, "refusals-per-minute")
    refused.check({"client": ("192.0.2.2", 1)})


async def test_probes_are_never_refused() -> None:
    gateway = Gateway(Limits(requests_of_an_address_per_minute=1, requests_at_once=1, requests_waiting=1))
    for _ in range(50):
        for path in ("/healthz", "/readyz", "/metrics"):
            await gateway.serves(AUTH_DISABLED_CALLER, ("GET", path))


def test_a_request_is_charged_in_less_than_twenty_microseconds() -> None:
    rates, times = CallerRates(Limits(readings_per_minute=10**9)), 20_000
    began = time.process_time()
    for n in range(times):
        assert rates.acquire("readings_per_minute", f"caller {n % 100}") is None
    assert (time.process_time() - began) / times < 20e-6 * 3  # of a machine that does other things, too


def test_callers_who_come_and_go_do_not_fill_the_memory() -> None:
    rates = CallerRates(Limits())
    for n in range(140_000):
        rates.acquire("readings_per_minute", f"caller {n}")
    storage = rates._limiter.storage
    assert isinstance(storage, MemoryStorage)
    assert len(storage.storage) <= 65_536
