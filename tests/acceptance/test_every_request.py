"""Requests made up from the OpenAPI description: no 5xx whoever asks, and no data for whoever has no right."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.schemas import APIOperation
from secured import Secured, secured

PUBLIC = {"/healthz", "/readyz"}
KEPT = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
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
def operations(gateway: Secured) -> list[APIOperation]:
    schema = schemathesis.openapi.from_url(f"{gateway.url}/openapi.json")
    # Who asks is said by each test, and not made up.
    schema.config.generation.update(with_security_parameters=False)
    # A stream ends after a quarter of an hour; `test_streams.py` listens to some.
    return [found.ok() for found in schema.exclude(path_regex="/stream$").get_all_operations()]


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def answers(operation: APIOperation, headers: dict[str, str]) -> list[Answer]:
    """What the gateway answers to requests that fit the description, and to requests that do not."""
    found: list[Answer] = []
    with requests.Session() as session:

        def send(case: schemathesis.Case) -> None:
            answer = case.call(session=session, headers=headers)
            found.append(Answer(answer.status_code, answer.content))

        for mode in schemathesis.GenerationMode:
            # Where nothing can be wrong with a request, there is no such request to be made up.
            with contextlib.suppress(Unsatisfiable):
                KEPT(given(case=operation.as_strategy(generation_mode=mode))(send))()
    return found


def test_nobody_is_told_anything_but_that_she_is_nobody(operations: list[APIOperation]) -> None:
    bodies = set()
    for operation in operations:
        if operation.path in PUBLIC:
            continue
        for headers in ({}, {"authorization": "Bearer garbage"}):
            for answer in answers(operation, headers):
                assert answer.status in (401, 405), operation.label
                if answer.status == 401:
                    bodies.add(answer.body)
    assert len(bodies) == 1


@pytest.mark.parametrize("name", CALLERS)
def test_no_request_breaks_anything_whoever_asks(gateway: Secured, operations: list[APIOperation], name: str) -> None:
    headers = {"authorization": f"Bearer {gateway.token(*CALLERS[name])}"}
    statuses: dict[str, set[int]] = {}
    for operation in operations:
        statuses[operation.label] = {answer.status for answer in answers(operation, headers)}
    broken = {label: found for label, found in statuses.items() if max(found) >= 500}
    assert broken == {}
    assert all(401 not in found for found in statuses.values())
    if name == "researcher":
        allowed = {label for label, found in statuses.items() if not found <= {403, 405}}
        assert allowed == {f"GET {path}" for path in PUBLIC}
    if name == "operator":
        assert any(200 in found for found in statuses.values())
