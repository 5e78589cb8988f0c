"""A pull as one writes it without Pathline: FastAPI, asyncpg and orjson over a table of one's own, and nothing else.

Nobody is told apart, no hand-off has a state, nothing is ever linked, voided or corrected.

    python -m bench.pull_handler PORT DATABASE
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import uvicorn
from fastapi import FastAPI, Response

from bench.events import ORG, Sent

_CREATE = """
create table if not exists handler_step (
    subject text collate "C" not null, time timestamptz not null, recordedtime timestamptz, source text not null,
    id text not null, type text not null, data bytea not null
)
"""
_INDEX = "create index if not exists handler_step_of_subject on handler_step (subject, time)"
_ROWS = """
select source, id, type, time, recordedtime, data from handler_step where subject = $1 order by time, source, id
"""


_ATTRIBUTES = ("subject", "time", "recordedtime", "source", "id", "type")


async def store(connection: asyncpg.Connection, events: Iterable[Sent]) -> None:
    """These events are in its table."""
    await connection.execute(_CREATE)
    await connection.execute(_INDEX)
    rows = []
    for event in events:
        said = {name.removeprefix("ce_"): value.decode() for name, value in event.headers}
        rows.append((*(said[name] for name in _ATTRIBUTES), event.value))
    await connection.execute(
        "insert into handler_step select u.s, u.t::timestamptz, u.r::timestamptz, u.o, u.i, u.y, u.d from"
        " unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])"
        " as u(s, t, r, o, i, y, d)",
        *map(list, zip(*rows, strict=True)),
    )
    await connection.execute("analyze handler_step")


def _step(row: asyncpg.Record) -> dict[str, Any]:
    source, id, type, time, recordedtime, data = row
    return {
        "source": source,
        "id": id,
        "type": type,
        "time": time,
        "recordedtime": recordedtime,
        "org": ORG,
        "data": orjson.Fragment(data),
    }


def build_app(database: str) -> FastAPI:
    """One route."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(database, min_size=4, max_size=8) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/pathways/{subject}")
    async def pathway(subject: str) -> Response:
        rows = await app.state.pool.fetch(_ROWS, subject)
        body = {"subject": subject, "steps": [_step(row) for row in rows]}
        return Response(orjson.dumps(body), media_type="application/json")

    return app


if __name__ == "__main__":
    uvicorn.run(build_app(sys.argv[2]), port=int(sys.argv[1]), loop="uvloop", log_level="warning", access_log=False)
