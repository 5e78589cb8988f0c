from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pathline_gateway.embedded import Machine
from trust.rig import Rig, rig_on


@pytest.fixture
async def rig(machine: Machine) -> AsyncIterator[Rig]:
    async with rig_on(machine) as made:
        yield made
