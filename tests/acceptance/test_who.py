"""A gateway with auth on: every route and every role, and what each organisation may publish."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pathline.testing import SUBJECT
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.route_permissions import PUBLIC, ROUTE_ROLES
from support.gateways.secured import ORGS, Secured, secured
from support.gateways.up_command import wait_until

ROUTES = sorted(name for name in ROUTE_ROLES)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("secured")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def tokens(up: Secured) -> dict[Role, str]:
    return {role: up.printed_token(role, ORGS.get(role)) for role in Role}


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_lets_in_whom_the_table_names_and_nobody_else(up: Secured, tokens: dict[Role, str], route: str) -> None:
    allowed = ROUTE_ROLES[route]
    nobody = up.ask(route)
    if allowed is PUBLIC:
        assert nobody.status_code != 403
        assert nobody.status_code != 401 or route in ("POST /issuer/token", "POST /sign-in", "GET /sign-in/callback")
        return
    if route.startswith("GET /console"):
        assert (nobody.status_code, nobody.headers["location"]) == (303, "/sign-in")
    elif route.startswith("GET /desk"):
        assert nobody.status_code == 303
        assert nobody.headers["location"].startswith("/sign-in?to=/desk")
    else:
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    for role, token in tokens.items():
        answer = up.ask(route, token)
        assert answer.status_code < 500
        assert (answer.status_code in (401, 403)) == (role not in allowed), (role, answer.text)


@pytest.mark.parametrize(
    "path", ["/v1/linkers%0A", "/v1/parked/1%0A", "/v1//linkers", "/v1/linkers/", "/V1/linkers", "/v1/linkers;x"]
)
def test_a_path_written_otherwise_is_no_way_in(up: Secured, tokens: dict[Role, str], path: str) -> None:
    for role in Role:
        answer = up.http.get(path, headers={"authorization": f"Bearer {tokens[role]}"})
        if role is not Role.OPERATOR:
            assert answer.status_code in (307, 403, 404), (role, answer.text)
    assert up.http.get(path).status_code == 401


def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(up: Secured, tokens: dict[Role, str]) -> None:
    head, said, signature = tokens[Role.OPERATOR].split(".")
    wrong = [None, "x", f"{head}.{said}.", f"{head}.{said}.{signature[::-1]}", "x" * 20_000]
    answers = {(a.status_code, a.content) for a in (up.ask("GET /v1/status", t) for t in wrong)}
    assert len(answers) == 1
    assert "a token was refused" in up.output()
    assert signature not in up.output()


def test_an_organisation_publishes_under_its_own_name_only(up: Secured, tokens: dict[Role, str]) -> None:
    entered = up.ask("POST /v1/organisations", tokens[Role.OPERATOR], json={"org": "food-bank", "name": "Food bank"})
    assert entered.status_code in (200, 201), entered.text
    assert up.publish(tokens[Role.PUBLISHER]).status_code == 202
    for source in ("urn:pathline:court:case", "urn:pathline:pathline:review", "urn:pathline:citizen:me"):
        refused = up.publish(tokens[Role.PUBLISHER], source=source)
        assert (refused.status_code, refused.json()["refused"][0]["reason"]) == (422, "not-your-source")
    assert up.publish(tokens[Role.LINKER]).json()["refused"][0]["reason"] == "not-your-source"
    assert up.publish(tokens[Role.CITIZEN], source="urn:pathline:citizen:me").status_code == 422
    assert up.publish(None).status_code == 401


def test_the_issuer_of_one_machine_gives_tokens_for_its_secret_alone(up: Secured) -> None:
    file = up.data / "issuer.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    described = up.http.get("/issuer/.well-known/openid-configuration").json()
    assert described["issuer"] == f"{up.url}/issuer"
    asked = {"grant_type": "client_credentials", "client_id": "operator", "client_secret": "guessed"}
    assert up.http.post("/issuer/token", data=asked).status_code == 401
    given = up.http.post("/issuer/token", data={**asked, "client_secret": json.loads(file.read_text())["secret"]})
    assert up.ask("GET /v1/status", given.json()["access_token"]).status_code == 200


def test_a_browser_signs_in_and_out(up: Secured) -> None:
    token = up.token(Role.OPERATOR)
    with httpx.Client(base_url=up.url) as browser:
        assert browser.get("/console").status_code == 303
        assert browser.post("/sign-in", data={"token": "guessed"}).status_code == 401
        assert browser.post("/sign-in", data={"token": token}).status_code == 303
        assert browser.get("/console").status_code == 200
        assert browser.get("/v1/status").status_code == 401  # a page of somebody else could ask with the cookie
        assert browser.post("/sign-out").status_code == 303
        assert browser.get("/console").status_code == 303
    assert up.ask("GET /v1/status", token).status_code == 401


def test_who_may_read_no_pathway_and_asks_is_in_the_access_log(up: Secured, tokens: dict[Role, str]) -> None:
    for route in ("GET /v1/pathways/{pathway}", "GET /v1/pathways/{pathway}/trace", "POST /v1/pathways/search"):
        assert up.ask(route, tokens[Role.RESEARCHER]).status_code == 403
    logged = up.ask("GET /v1/access", tokens[Role.AUDITOR]).json()["findUsage"][:3]
    told = [(each["action"], each["outcome"], each["reason"], each["receiver"]["kind"]) for each in logged]
    assert told == [(w, "refused", "forbidden", "none") for w in ("search", "trace", "pathway")]


def test_an_operator_who_signed_in_finds_a_pathway_and_its_trace_on_the_pages(
    up: Secured, tokens: dict[Role, str]
) -> None:
    up.ask("POST /v1/organisations", tokens[Role.OPERATOR], json={"org": "food-bank", "name": "Food bank"})
    assert up.publish(tokens[Role.PUBLISHER], id="on-a-page").status_code == 202
    wanted = {"org": "food-bank", "subject": SUBJECT}

    def found() -> bool:
        return up.ask("POST /v1/pathways/search", tokens[Role.OPERATOR], json=wanted).status_code == 200

    wait_until(found, "the event is stored")
    with httpx.Client(base_url=up.url, follow_redirects=True) as browser:
        browser.post("/sign-in", data={"token": tokens[Role.OPERATOR]})
        shown = browser.post("/console/pathways", data=wanted)
        assert shown.status_code == 200
        assert "food bank" in shown.text.lower()
        assert browser.get(f"{shown.url.path}/trace").status_code == 200
        missing = browser.post("/console/pathways", data=wanted | {"org": "nobody"})
        assert missing.status_code == 404
    latest = up.ask("GET /v1/access", tokens[Role.AUDITOR]).json()["findUsage"][:2]
    assert [(each["action"], each["outcome"]) for each in latest] == [("search", "refused"), ("trace", "shown")]


def test_production_needs_an_issuer(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PATHLINE_ISSUER"}
    command: list[str | Path] = [Path(sys.executable).with_name("pathline-gateway"), "up", "--port", "0"]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=30, env=environment, cwd=tmp_path, check=False
    )
    assert ended.returncode != 0
    assert "PATHLINE_ISSUER" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
