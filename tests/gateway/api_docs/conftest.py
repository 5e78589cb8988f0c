"""One gateway with auth off, for all that reads what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.gateways.process import Gateway, running


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway"), PATHLINE_GROUP="our-group") as up:
        yield up
