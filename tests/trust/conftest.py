from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from pathline_gateway.embedded import Machine
from trust.rig import Rig, rig_on
from verify.database import machine_running


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine_running(tmp_path_factory.mktemp("trust") / "data") as running:
        yield running


@pytest.fixture
async def rig(machine: Machine) -> AsyncIterator[Rig]:
    async with rig_on(machine) as made:
        yield made
