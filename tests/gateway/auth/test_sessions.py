"""Signing out ends a session wherever it is used; and what answers say of how they may be kept, and from where."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.route_permissions import ROUTE_ROLES
from support.desk_worker import Worker, bearer
from support.gateways.secured import ID, Secured

SUBSCRIPTION = {"protocol": "SSE", "config": {"organisation": "food-bank", "purpose": "care"}}
ELSEWHERE = "elsewhere.example"


def test_after_signing_out_a_kept_cookie_is_good_for_nothing(worker: Worker) -> None:
    worker.signed_in("publisher:food-bank")
    kept = {"cookie": f"pathline-session={worker.http.cookies['pathline-session']}"}
    assert httpx.get(f"{worker.gateway.url}/desk", headers=kept).status_code == 200
    worker.http.post("/sign-out")
    assert httpx.get(f"{worker.gateway.url}/desk", headers=kept).status_code == 303
    assert httpx.get(f"{worker.gateway.url}/v1/account", headers={"authorization": kept["cookie"]}).status_code == 401
    worker.signed_in("publisher:food-bank")
    assert worker.http.get("/desk").status_code == 200


def test_a_program_signs_out_of_its_token_and_of_no_other(gateway: Secured) -> None:
    one, other = (bearer(gateway, Role.OPERATOR) for _ in range(2))
    assert gateway.http.post("/sign-out", headers=one).status_code == 204
    assert gateway.http.get("/v1/status", headers=one).status_code == 401
    assert gateway.http.post("/sign-out", headers=one).status_code == 401
    assert gateway.http.get("/v1/status", headers=other).status_code == 200


@pytest.fixture
def stream(gateway: Secured) -> Iterator[tuple[str, dict[str, str]]]:
    token = bearer(gateway, Role.SUBSCRIBER, "food-bank")
    made = gateway.http.post("/v1/subscriptions", json=SUBSCRIPTION, headers=token)
    assert made.status_code == 201, made.text
    id = made.json()["id"]
    yield f"/v1/subscriptions/{id}/stream", token
    gateway.http.delete(f"/v1/subscriptions/{id}", headers=bearer(gateway, Role.SUBSCRIBER, "food-bank"))


@pytest.mark.long
def test_an_open_stream_ends_within_a_minute_of_signing_out(
    gateway: Secured, stream: tuple[str, dict[str, str]]
) -> None:
    path, token = stream
    with httpx.stream("GET", f"{gateway.url}{path}", headers=token, timeout=90) as listening:
        lines = listening.iter_lines()
        assert next(lines) == "retry: 1000"
        out = threading.Thread(target=lambda: gateway.http.post("/sign-out", headers=token))
        began = time.monotonic()
        out.start()
        rest = list(lines)
        out.join()
    assert time.monotonic() - began < 60
    assert 'data: {"because":"signed out, or the token expired"}' in rest


def asked(gateway: Secured, route: str, **headers: str) -> httpx.Response:
    method, path = route.split(" ")
    for name in ("pathway", "subscription", "handoff"):
        path = path.replace(f"{{{name}}}", ID)
    return gateway.http.request(method, path, headers={**bearer(gateway, Role.OPERATOR), **headers})


ANSWERING = sorted(route for route in ROUTE_ROLES if "stream}" not in route and not route.endswith("/stream"))


def test_no_answer_is_guessed_at_or_kept_unless_its_route_says_so(gateway: Secured) -> None:
    for route in ANSWERING:
        headers = asked(gateway, route).headers
        assert headers["x-content-type-options"] == "nosniff", route
        assert any(word in headers["cache-control"] for word in ("no-store", "no-cache")), route
        assert "strict-transport-security" not in headers, route  # a browser would never come by http again
    assert "no-store" not in gateway.http.get("/console/static/console.css").headers.get("cache-control", "")


def test_no_answer_says_the_host_that_was_asked_for(gateway: Secured) -> None:
    for route in ANSWERING:
        for path in (route, f"{route}/"):
            answer = asked(gateway, path, host=ELSEWHERE, **{"x-forwarded-host": ELSEWHERE})
            assert ELSEWHERE not in str(answer.headers), path
            assert ELSEWHERE not in answer.text, path


@pytest.mark.parametrize("route", ["POST /v1/events", "GET /v1/status", "POST /v1/pathways/search", "GET /console"])
@pytest.mark.parametrize("slashes", ["/", "//"])
def test_a_slash_too_many_is_nothing_and_says_which_path_is_meant(gateway: Secured, route: str, slashes: str) -> None:
    answer = asked(gateway, f"{route}{slashes}")
    assert answer.status_code == 404
    meant = route.split(" ")[1]
    assert "location" not in answer.headers
    assert meant in answer.text
    if meant.startswith("/v1/"):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["path"] == meant
    pathway = gateway.http.get(f"/v1/pathways/{ID}/", headers=bearer(gateway, Role.OPERATOR))
    assert (pathway.status_code, pathway.json()["path"]) == (404, "/v1/pathways/{pathway}")
