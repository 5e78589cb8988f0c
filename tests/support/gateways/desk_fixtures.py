"""A gateway with auth on and an issuer of its own, on which three organisations are registered; and who works there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pathline_gateway.auth.caller import Role
from support.desk_worker import ANNA, Worker, bearer
from support.gateways.secured import Secured, secured


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("desk")) as up:
        for org in ANNA:
            entered = up.http.post("/v1/organisations", json={"org": org}, headers=bearer(up, Role.OPERATOR))
            assert entered.status_code in (200, 201), entered.text
        yield up


@pytest.fixture
def worker(gateway: Secured) -> Iterator[Worker]:
    one = Worker(gateway)
    yield one
    one.http.close()
