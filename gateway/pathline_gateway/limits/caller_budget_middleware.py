"""ASGI middleware that holds every request to its caller's budget: how many at once, and how many within a minute.

`caller_semaphore.py` counts those at once, and `caller_rates.py` those within a minute.
"""

from __future__ import annotations

import asyncio
from itertools import cycle
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.middleware import Explain
from pathline_gateway.limits.addresses import client_budget_key
from pathline_gateway.limits.caller_rates import CallerRates
from pathline_gateway.limits.caller_semaphore import CallerSemaphore
from pathline_gateway.limits.request_groups import GROUP_SCOPE_KEY, RequestGroup, classify_request
from pathline_gateway.limits.table import Limits
from pathline_gateway.web.problem import Problem

_REFUSAL_DELAY_S: Final = 0.5
"""Whoever goes past a rate hears of it a little later. Those who ask again at once would cost as much as answers."""
_REFUSAL_JITTER_S: Final = tuple(n * 0.005 for n in range(100))
"""So much more for one after the other, so that many are not told at one moment."""
_CALLER_RATES: Final = {
    RequestGroup.READING: "readings_per_minute",
    RequestGroup.STREAM: "readings_per_minute",
    RequestGroup.CHANGE: "changes_per_minute",
    RequestGroup.SLOW: "slow_readings_per_minute",
}
_ADDRESS_RATES: Final = {
    RequestGroup.READING: "requests_of_an_address_per_minute",
    RequestGroup.STREAM: "requests_of_an_address_per_minute",
    RequestGroup.CHANGE: "requests_of_an_address_per_minute",
    RequestGroup.SLOW: "slow_readings_per_minute",
}


class CallerBudgetMiddleware:
    """ASGI middleware: within what everybody calls, where it is known who calls."""

    def __init__(self, app: ASGIApp, limits: Limits, rates: CallerRates, explain: Explain | None = None) -> None:
        self._app, self._limits, self._rates, self._explain = app, limits, rates, explain
        self._jitter = cycle(_REFUSAL_JITTER_S)
        self._turns = CallerSemaphore(limits.requests_at_once, limits.requests_waiting)
        self._slow = CallerSemaphore(limits.slow_readings_at_once, 0)
        self._streams = CallerSemaphore(limits.streams_of_a_caller, 0)
        self._all_streams = CallerSemaphore(limits.streams, 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        group = scope.get(GROUP_SCOPE_KEY) or classify_request(scope["method"], scope["path"])
        if group is RequestGroup.PROBE:
            await self._app(scope, receive, send)
            return
        caller, is_known = _budget_key(scope)
        field, cost = _rate_and_cost(scope, group, is_known)
        if (exceeded := self._rates.acquire(field, caller, cost)) is not None:
            await asyncio.sleep(_REFUSAL_DELAY_S + next(self._jitter))
            await self._answer(exceeded[0].refusal(exceeded[1]), scope, receive, send)
        elif group is RequestGroup.STREAM:
            await self._run_stream(caller, scope, receive, send)
        elif group is not RequestGroup.SLOW:
            await self._run_in_turn(caller, scope, receive, send)
        elif not self._slow.try_acquire(caller):
            await self._answer(self._limits.named_limit("slow_readings_at_once").refusal(), scope, receive, send)
        else:
            try:
                await self._app(scope, receive, send)
            finally:
                self._slow.release(caller)

    async def _run_in_turn(self, caller: str, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._turns.try_acquire(caller) and not await self._turns.wait(caller):
            await asyncio.sleep(_REFUSAL_DELAY_S + next(self._jitter))
            await self._answer(self._limits.named_limit("requests_waiting").refusal(), scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._turns.release(caller)

    async def _run_stream(self, caller: str, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._streams.try_acquire(caller):
            await self._answer(self._limits.named_limit("streams_of_a_caller").refusal(5), scope, receive, send)
            return
        try:
            if not self._all_streams.try_acquire(""):
                await self._answer(self._limits.named_limit("streams").refusal(5), scope, receive, send)
                return
            try:
                await self._app(scope, receive, send)
            finally:
                self._all_streams.release("")
        finally:
            self._streams.release(caller)

    async def _answer(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        page = None if self._explain is None else self._explain(scope["path"], problem)
        await (problem.to_response() if page is None else page)(scope, receive, send)


def _budget_key(scope: Scope) -> tuple[str, bool]:
    """Whose budget it is, and whether that is somebody who is known."""
    caller: Caller | None = scope.get("state", {}).get("caller")
    if caller is None or caller.auth_disabled or not caller.roles:
        return client_budget_key(scope), False
    if caller.org is not None or caller.account is not None:
        return f"{caller.org or ''} {caller.account or ''}", True
    return f"{min(caller.roles)} {client_budget_key(scope)}", True


def _rate_and_cost(scope: Scope, group: RequestGroup, is_known: bool) -> tuple[str, int]:
    """The rate, and how much of it this request takes."""
    if group is not RequestGroup.EVENTS:
        return (_CALLER_RATES if is_known else _ADDRESS_RATES)[group], 1
    length = next((value for name, value in scope["headers"] if name == b"content-length"), None)
    # Where the length is open it may be as much as there may be.
    return "events_kib_per_minute", 1 + (16_384 if length is None else int(length) // 1_024)
