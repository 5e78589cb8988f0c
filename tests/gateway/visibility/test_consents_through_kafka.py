"""A consent goes the way of every event, through Kafka, and has arrived when it is answered."""

from __future__ import annotations

from pathlib import Path

import httpx

from pathline_gateway.auth.dependencies import current_caller
from pathline_gateway.embedded import Machine
from pathline_gateway.runtime.gateway import run_gateway
from pathline_gateway.runtime.http_app import build_app
from pathline_gateway.settings import Settings
from support.brokers.tansu import Tansu
from support.gateways.routes import citizen
from support.intake.history import subject
from support.postgres.fresh_database import fresh_database

WANTED = {"consent": "mine", "recipients": ["housing"], "nouns": ["contact"], "purpose": "care"}


async def test_what_is_answered_has_taken_effect(machine: Machine, tmp_path: Path) -> None:
    async with Tansu(tmp_path) as tansu:
        settings = Settings(dev_auth="off").for_embedded_machine(
            tansu.bootstrap, await fresh_database(machine), tansu.cluster_id
        )
        await _what_is_answered_has_taken_effect(settings)


async def _what_is_answered_has_taken_effect(settings: Settings) -> None:
    async with run_gateway(settings) as gateway:
        app = build_app(gateway)
        app.dependency_overrides[current_caller] = lambda: citizen(subject(1))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            for path, body, live in (
                ("/v1/consents", WANTED, True),
                ("/v1/consents/withdrawals", {"consent": "mine"}, False),
                ("/v1/consents", WANTED, True),
            ):
                answer = await http.post(path, json=body)
                assert answer.status_code in (200, 201), answer.text
                (listed,) = (await http.get("/v1/consents")).json()["consents"]
                assert (answer.json()["live"], listed["live"]) == (live, live)
            assert (await http.get("/v1/access")).json()["findUsage"] == []
