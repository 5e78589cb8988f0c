"""The OpenAPI description says what the routes take and answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pathline_gateway.pull.schemas import ServedPathway
from support.gateways.process import Gateway, running

SUBJECT = "v1.AAAAAAAAAAAAAAAAAAAAAA"
BATCH = "application/cloudevents-batch+json"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


@pytest.fixture(scope="module")
def document(gateway: Gateway) -> dict[str, Any]:
    return dict(gateway.http.get("/openapi.json").json())


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{m} {path}": o for path, methods in document["paths"].items() for m, o in methods.items()}


def activity_event(id: str, **more: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": "urn:pathline:clinic:desk",
        "type": "org.pathline.contact.made.v1",
        "subject": SUBJECT,
        "time": "2026-03-02T09:00:00Z",
        "data": {"kind": "enquiry"},
        **more,
    }


def fits(document: dict[str, Any], operation: str, status: str, media: str, body: object) -> None:
    schema = operations(document)[operation]["responses"][status]["content"][media]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(body)


def test_every_route_says_how_it_fails_and_what_is_taken(document: dict[str, Any]) -> None:
    assert len(operations(document)) >= 8
    for name, operation in operations(document).items():
        for status in ("4XX", "5XX"):
            assert set(operation["responses"][status]["content"]) == {PROBLEM}, name
        assert "422" not in operation["responses"], name
    taken = operations(document)["post /v1/events"]["requestBody"]["content"]
    assert set(taken) == {"application/json", "application/cloudevents+json", BATCH}


def test_what_is_answered_is_what_is_described(gateway: Gateway, document: dict[str, Any]) -> None:
    sent = [activity_event("1"), activity_event("2", subject="nobody")]
    schema = operations(document)["post /v1/events"]["requestBody"]["content"][BATCH]["schema"]
    Draft202012Validator(schema).validate(sent)
    taken = gateway.http.post("/v1/events", json=sent, headers={"content-type": BATCH})
    fits(document, "post /v1/events", "202", "application/json", taken.json())
    refused = gateway.http.post("/v1/events", json=sent[1:], headers={"content-type": BATCH})
    fits(document, "post /v1/events", "4XX", PROBLEM, refused.json())
    gateway.settled()
    found = gateway.http.post("/v1/pathways/search", json={"org": "clinic", "subject": SUBJECT}).json()
    pulled = gateway.http.get(f"/v1/pathways/{found['pathway']}").json()
    assert set(pulled) == set(ServedPathway.model_fields) - {"next"}  # only where there are more
    assert set(pulled["steps"][0]) == set(document["components"]["schemas"]["ServedStep"]["properties"])


def test_an_id_that_is_none_is_refused_without_being_repeated(gateway: Gateway) -> None:
    answer = gateway.http.get("/v1/pathways/xyz")
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert answer.json()["detail"] == "path.pathway: must be a UUID"


def test_the_version_is_answered_whatever_tags_the_reader_holds(gateway: Gateway) -> None:
    gateway.http.post("/v1/events", json=[activity_event("1")], headers={"content-type": BATCH})
    gateway.settled()
    found = gateway.http.post("/v1/pathways/search", json={"org": "clinic", "subject": SUBJECT}).json()["pathway"]
    etag = gateway.http.get(f"/v1/pathways/{found}").headers["etag"]
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        kept = gateway.http.get(f"/v1/pathways/{found}", headers={"if-none-match": tags})
        assert (kept.status_code, kept.headers["etag"]) == (304, etag), tags
    assert gateway.http.get(f"/v1/pathways/{found}", headers={"if-none-match": '"other"'}).status_code == 200


def test_durations_fall_into_buckets_of_milliseconds_and_seconds(gateway: Gateway) -> None:
    gateway.http.post("/v1/events", json=[activity_event("1")], headers={"content-type": BATCH})
    gateway.settled()
    text = gateway.http.get("/metrics").text
    assert 'pathline_intake_batch_duration_seconds_bucket{le="0.05"' in text
    assert 'le="7500.0"' not in text
