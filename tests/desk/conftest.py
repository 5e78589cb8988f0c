"""A gateway with auth on and an issuer of its own, on which three organisations are registered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from secured import Secured, secured
from worker import ANNA, Worker, bearer

from pathline_gateway.auth.caller import Role

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
MISSING = "no browser: run `make browser`, or name one in CHROMIUM"
IN_CI = os.environ.get("CI", "").lower() in ("true", "1")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        (pytest.fail if IN_CI else pytest.skip)(MISSING)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


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
