"""Requests made up from the OpenAPI description: no 5xx whoever asks, and no data for whoever has no right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
import requests
from requests import PreparedRequest, Response, Session

from support.gateways.secured import Secured, secured
from support.generators.openapi_requests import made_up

PUBLIC = {"/healthz", "/readyz"}
CALLERS = {
    "operator": ("operator", None),
    "publisher": ("publisher", "food-bank"),
    "subscriber": ("subscriber", "food-bank"),
    "citizen": ("citizen", None),
    "researcher": ("researcher", None),
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("gateway")) as up:
        yield up


@dataclass(frozen=True)
class Ready:
    """The requests that are made up of one operation, ready to be sent to the gateway by anybody."""

    label: str
    path: str
    requests: Sequence[PreparedRequest]

    def sent(self, session: Session, token: str | None = None) -> list[Response]:
        """What is answered to whoever shows this."""
        return [session.send(_shown(each, token), timeout=60) for each in self.requests]


def _shown(asked: requests.PreparedRequest, token: str | None) -> requests.PreparedRequest:
    mine = asked.copy()
    mine.headers.pop("authorization", None)
    if token is not None:
        mine.headers["authorization"] = f"Bearer {token}"
    return mine


TOO_LARGE = (413, 431)
"""Whoever asks: what is too large is refused before it is known who sent it."""


@pytest.fixture(scope="module")
def everything(gateway: Secured) -> list[Ready]:
    ready = []
    for asked in made_up(gateway.url):
        made = [requests.Request(**each.as_transport_kwargs(base_url=gateway.url)) for each in asked.cases]
        ready.append(Ready(asked.label, asked.operation.path, [each.prepare() for each in made]))
    return ready


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as one:
        # Neither a proxy nor a password of this machine is looked up for each request.
        one.trust_env = False
        yield one


@pytest.mark.long
def test_nobody_is_told_anything_but_that_she_is_nobody(everything: list[Ready], session: Session) -> None:
    bodies = set()
    for asked in everything:
        if asked.path in PUBLIC:
            continue
        for token in (None, "garbage"):
            for answer in asked.sent(session, token):
                assert answer.status_code in (401, 405, *TOO_LARGE), asked.label
                if answer.status_code == 401:
                    bodies.add(answer.content)
    assert len(bodies) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", CALLERS)
def test_no_request_breaks_anything_whoever_asks(
    gateway: Secured, everything: list[Ready], session: Session, name: str
) -> None:
    token = gateway.token(*CALLERS[name])
    statuses = {asked.label: {answer.status_code for answer in asked.sent(session, token)} for asked in everything}
    broken = {label: found for label, found in statuses.items() if max(found) >= 500}
    assert broken == {}
    assert all(401 not in found for found in statuses.values())
    if name == "researcher":
        allowed = {label for label, found in statuses.items() if not found <= {403, 405, *TOO_LARGE}}
        cohorts = {"GET /v1/measures", "GET /v1/measures/{name}"}
        assert allowed == cohorts | {f"GET {path}" for path in PUBLIC}
    if name == "operator":
        for method in ("GET", "POST"):
            assert any(found & {200, 201} for label, found in statuses.items() if label.startswith(method)), method
