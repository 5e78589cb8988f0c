"""What tests of fetching may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from apache_kafka import ApacheKafka
from kafka_download import Installation
from own_postgres import UNTOUCHED, OwnPostgres, postgres
from tansu import Tansu

__all__ = ["bootstrap", "database", "kafka", "postgres"]


@pytest.fixture
async def database(postgres: OwnPostgres) -> str:
    """The address of a database of the test's own, with nothing in it."""
    return await postgres.copy_of(UNTOUCHED)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, kafka_installation: Installation) -> Iterator[ApacheKafka]:
    """One node of Apache Kafka, its limits as they come."""
    with ApacheKafka(tmp_path_factory.mktemp("kafka"), installation=kafka_installation) as kafka:
        yield kafka


@pytest.fixture(params=["apache", "tansu"])
async def bootstrap(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A broker's address: of one that means it, and of one whose log is in memory."""
    if request.param == "apache":
        yield request.getfixturevalue("kafka").bootstrap
    else:
        async with Tansu(tmp_path) as tansu:
            yield tansu.bootstrap
