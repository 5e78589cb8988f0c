"""What tests of fetching may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tansu import Tansu

from shared_postgres.databases import MIGRATED, Databases

__all__ = ["bootstrap", "database"]


@pytest.fixture
async def database(postgres: Databases) -> str:
    """The address of a database of the test's own, with nothing in it."""
    return await postgres.copy_of(MIGRATED)


@pytest.fixture(params=["apache", "tansu"])
async def bootstrap(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A broker's address: of one that means it, and of one whose log is in memory."""
    if request.param == "apache":
        yield request.getfixturevalue("kafka").bootstrap
    else:
        async with Tansu(tmp_path) as tansu:
            yield tansu.bootstrap
