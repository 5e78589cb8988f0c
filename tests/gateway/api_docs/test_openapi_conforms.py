"""Requests made up from the OpenAPI document, right and wrong: whatever is answered is in the document."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from support.gateways.process import Gateway
from support.generators.openapi_requests import Asked, Case, cases, made_up

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def url(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}"


def ask(url: str, session: requests.Session, right: Sequence[Case], wrong: Sequence[Case]) -> None:
    """Each answer is as the document says, and what is wrong is refused."""
    for checks, chosen in ((CHECKS, right), ([*CHECKS, negative_data_rejection], wrong)):
        for case in chosen:
            case.validate_response(case.call(base_url=url, session=session), checks=checks)


@pytest.mark.scaled
def test_whatever_is_asked_the_answer_is_in_the_document(url: str) -> None:
    everything: Sequence[Asked] = made_up(url)
    assert len(everything) > 40
    wrong: dict[str, str] = {}
    with requests.Session() as session:
        for asked in everything:
            assert asked.cases, asked.label
            try:
                ask(url, session, asked.right, asked.wrong)
            except Exception as failed:
                wrong[asked.label] = str(failed)
    assert wrong == {}


def test_an_answer_that_is_not_in_the_document_would_be_noticed(gateway: Gateway, url: str) -> None:
    document = gateway.http.get("/openapi.json").json()
    (answered,) = document["paths"]["/healthz"]["get"]["responses"]["200"]["content"].values()
    answered["schema"] = {"type": "array"}
    operation = schemathesis.openapi.from_dict(document)["/healthz"]["GET"]
    right = cases(operation, schemathesis.GenerationMode.POSITIVE)
    with requests.Session() as session, pytest.raises(BaseExceptionGroup, match=r"distinct failure|Response violates"):
        ask(url, session, right, [])
