"""One broker and one Postgres for a whole run, and a new database for every contestant."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from pathline_gateway.embedded import run_machine


@dataclass
class Machine:
    """Where records are and where rows go."""

    kafka: str
    database: str
    broker: str
    """What the broker is, for the report."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def fresh_database(self, name: str) -> AsyncIterator[str]:
        """The address of a database that nobody used before; dropped when the block ends."""
        database = f"bench_{name}_{next(self._numbers)}"
        await self._execute(f"create database {database}")
        try:
            yield database_at(self.database, database)
        finally:
            await self._execute(f"drop database {database} with (force)")

    async def settle(self) -> None:
        """What earlier contestants wrote is on disk, so that nobody pays for another."""
        await self._execute("checkpoint")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.database)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def database_at(address: str, database: str) -> str:
    """The same server's other database."""
    return urlunsplit(urlsplit(address)._replace(path=f"/{database}"))


@asynccontextmanager
async def machine(broker: str, data: Path) -> AsyncIterator[Machine]:
    """Broker and Postgres answer until the block ends. `broker`: `tansu`, `apache`, or the address of a running one."""
    async with run_machine(data) as embedded, _kafka(broker, embedded.kafka, data) as kafka:
        yield Machine(kafka, embedded.database, broker)


@asynccontextmanager
async def _kafka(broker: str, embedded: str, data: Path) -> AsyncIterator[str]:
    """The one place where another broker is plugged in."""
    match broker:
        case "tansu":
            yield embedded
        case "apache":
            from support.brokers.apache_kafka import (
                ApacheKafka,  # fetches a Kafka where there is none
            )
            from support.brokers.kafka_download import installed

            with ApacheKafka(data.with_name("kafka"), installation=installed()) as kafka:
                yield kafka.bootstrap
        case address:
            yield address
