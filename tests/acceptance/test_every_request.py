"""Requests made up from the OpenAPI description: no 5xx whoever asks, and no data for whoever has no right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
import requests
from made_up import Asked, made_up
from secured import Secured, secured

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


@pytest.fixture(scope="module")
def everything(gateway: Secured) -> Sequence[Asked]:
    return made_up(gateway.url)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def answers(gateway: Secured, asked: Asked, headers: dict[str, str]) -> list[Answer]:
    """What the gateway answers to requests that fit the description, and to requests that do not."""
    with requests.Session() as session:
        told = [each.call(base_url=gateway.url, session=session, headers=headers) for each in asked.cases]
    return [Answer(each.status_code, each.content) for each in told]


def test_nobody_is_told_anything_but_that_she_is_nobody(gateway: Secured, everything: Sequence[Asked]) -> None:
    bodies = set()
    for asked in everything:
        if asked.operation.path in PUBLIC:
            continue
        for headers in ({}, {"authorization": "Bearer garbage"}):
            for answer in answers(gateway, asked, headers):
                assert answer.status in (401, 405), asked.label
                if answer.status == 401:
                    bodies.add(answer.body)
    assert len(bodies) == 1


@pytest.mark.parametrize("name", CALLERS)
def test_no_request_breaks_anything_whoever_asks(gateway: Secured, everything: Sequence[Asked], name: str) -> None:
    headers = {"authorization": f"Bearer {gateway.token(*CALLERS[name])}"}
    statuses: dict[str, set[int]] = {}
    for asked in everything:
        statuses[asked.label] = {answer.status for answer in answers(gateway, asked, headers)}
    broken = {label: found for label, found in statuses.items() if max(found) >= 500}
    assert broken == {}
    assert all(401 not in found for found in statuses.values())
    if name == "researcher":
        allowed = {label for label, found in statuses.items() if not found <= {403, 405}}
        assert allowed == {f"GET {path}" for path in PUBLIC}
    if name == "operator":
        assert any(200 in found for found in statuses.values())
