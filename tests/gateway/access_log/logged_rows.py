"""What each answer of a gateway leaves in the access log, held against what its route declares."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import defaultdict
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from pathline_gateway import embedded
from pathline_gateway.access_log.declarations import ROUTE_ROWS, AccessKind, RouteRow
from pathline_gateway.auth.route_permissions import find_route
from support.gateways.secured import Secured

LEAVES_A_ROW = (AccessKind.READING, AccessKind.ACT)


class LoggedRows:
    """Looks at the log after each answer of a client."""

    def __init__(self, up: Secured) -> None:
        machine = embedded.find_machine(Path(up.data))
        assert machine is not None
        self._loop = asyncio.new_event_loop()
        self._connection = self._now(asyncpg.connect(machine.database))
        self.seen: defaultdict[str, set[str]] = defaultdict(set)
        """The outcomes that each route was seen to leave; `none` where it left no row."""
        self._last = self._highest()

    def watch(self, client: httpx.Client) -> httpx.Client:
        """Every answer to this client is checked."""
        client.event_hooks = {"response": [self.check]}
        return client

    @contextlib.contextmanager
    def apart(self) -> Iterator[Mapping[str, set[str]]]:
        """What the block sees is here, and not in `seen`: whoever walks through the table asks for nothing herself."""
        before, self.seen = self.seen, defaultdict(set)
        try:
            yield self.seen
        finally:
            self.seen = before

    def check(self, answer: httpx.Response) -> None:
        """The answer left the row that its route declares, and no other."""
        answer.read()
        route = find_route(answer.request.method, answer.request.url.path)
        rows = self._new(route)
        if route is None:
            assert rows == []
            return
        declared, status = ROUTE_ROWS[route], answer.status_code
        expected = expected_of(declared, status)
        asked_in = answer.headers.get("location", "").startswith("/sign-in")
        known = not asked_in and (answer.request.headers.get("authorization") or answer.request.headers.get("cookie"))
        told = [(row["action"], row["outcome"]) for row in rows]
        asked = f"{route} {status} {told}"
        if declared.category is AccessKind.DELIVERY and status < 400:
            assert told in ([], [(declared.action, "shown")]), asked
        elif status == 401 or not known or (expected == "shown" and declared.auto_refresh):
            assert told in ([], [(declared.action, "shown")] if declared.auto_refresh else []), asked
        else:
            assert told == ([] if expected is None else [(declared.action, expected)]), asked
        for row in rows:
            assert row["actor_digest"], asked
            assert len(row["trace_id"]) == 16, asked
            assert (row["reason"] is not None) == (row["outcome"] in ("refused", "failed")), asked
        self.seen[route].add(told[0][1] if told else "none")

    def rows(self, route: str) -> list[asyncpg.Record]:
        """All rows of this route."""
        return list(self._now(self._connection.fetch("select * from access where route = $1 order by id", route)))

    def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        return list(self._now(self._connection.fetch(statement, *arguments)))

    def close(self) -> None:
        self._now(self._connection.close())
        self._loop.close()

    def _new(self, route: str | None) -> list[asyncpg.Record]:
        # What is posted to sinks meanwhile leaves rows that are of no route.
        rows = self.fetch("select * from access where id > $1 and route is not null order by id", self._last)
        self._last = max([self._last, *(row["id"] for row in rows)])
        assert {row["route"] for row in rows} <= {route}
        return rows

    def _highest(self) -> int:
        return int(self.fetch("select coalesce(max(id), 0) from access")[0][0])

    def _now(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(work)


def expected_of(declared: RouteRow, status: int) -> str | None:
    """The outcome that an answer of this status leaves; None where it leaves no row."""
    if declared.category is AccessKind.PUBLIC:
        return None
    if status >= 400:
        return "refused"
    if declared.category not in LEAVES_A_ROW:
        return None
    if declared.category is AccessKind.ACT:
        return "done"
    return {304: "unchanged", 308: "moved"}.get(status, "shown")


def asked_without_sense(route: str) -> tuple[str, str]:
    """Method and path of a request for what is not there."""
    method, path = route.split(" ")
    numbers = {"{id}", "{number}"}
    nobody = "0195a000-0000-7000-8000-000000000000"
    return method, re.sub(r"\{\w+\}", lambda match: "999999" if match[0] in numbers else nobody, path)
