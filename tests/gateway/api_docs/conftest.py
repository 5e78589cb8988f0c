"""One gateway with auth off, for all that reads what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.api_docs.every_operation import world
from support.gateways.process import Gateway, running

__all__ = ["gateway", "world"]


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway"), PATHLINE_GROUP="our-group") as up:
        yield up
