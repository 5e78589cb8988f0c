"""Requests made up from the OpenAPI document, right and wrong: whatever is answered is in the document."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import requests
import schemathesis
from gateway import Gateway, running
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SOME = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


@pytest.fixture(scope="module")
def operations(gateway: Gateway) -> list[APIOperation]:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{gateway.port}/openapi.json")
    # Who asks is said by each test, and not made up.
    schema.config.generation.update(with_security_parameters=False)
    # A stream ends after a quarter of an hour; `test_streams.py` listens to some.
    return [found.ok() for found in schema.exclude(path_regex="/stream$").get_all_operations()]


def asked(operation: APIOperation, mode: schemathesis.GenerationMode, session: requests.Session) -> int:
    """How many requests were made up for this operation; each answer is as the document says."""
    told = []

    def send(case: schemathesis.Case) -> None:
        answer = case.call(session=session)
        case.validate_response(answer, checks=CHECKS)
        if mode is schemathesis.GenerationMode.NEGATIVE:
            case.validate_response(answer, checks=[negative_data_rejection])
        told.append(answer.status_code)

    # Where nothing can be wrong with a request, there is no such request to be made up.
    with contextlib.suppress(Unsatisfiable):
        SOME(given(case=operation.as_strategy(generation_mode=mode))(send))()
    return len(told)


def test_whatever_is_asked_the_answer_is_in_the_document(operations: list[APIOperation]) -> None:
    assert len(operations) > 40
    wrong: dict[str, str] = {}
    with requests.Session() as session:
        for operation in operations:
            try:
                made = sum(asked(operation, mode, session) for mode in schemathesis.GenerationMode)
                assert made > 0
            except Exception as failed:
                wrong[operation.label] = str(failed)
    assert wrong == {}


def test_an_answer_that_is_not_in_the_document_would_be_noticed(gateway: Gateway) -> None:
    document = gateway.http.get("/openapi.json").json()
    (answered,) = document["paths"]["/healthz"]["get"]["responses"]["200"]["content"].values()
    answered["schema"] = {"type": "array"}
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=f"http://127.0.0.1:{gateway.port}")
    with requests.Session() as session, pytest.raises(BaseExceptionGroup, match=r"distinct failure|Response violates"):
        asked(schema["/healthz"]["GET"], schemathesis.GenerationMode.POSITIVE, session)
