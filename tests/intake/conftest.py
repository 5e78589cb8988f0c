"""What tests of intake may ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from own_postgres import OwnPostgres


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPostgres]:
    """A Postgres with the schema of this version."""
    with OwnPostgres(tmp_path_factory.mktemp("own")) as postgres:
        asyncio.run(postgres.migrated())
        yield postgres
