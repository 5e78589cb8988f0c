"""Every operation of the OpenAPI document answers what it says, and nothing that is not described."""

from __future__ import annotations

import httpx
import pytest

from gateway.api_docs.every_operation import PARTS, World

NOT_HERE = {"GET /v1/subscriptions/{subscription}/stream"}
"""Streams end after a quarter of an hour: `test_streams.py` listens to some."""


def test_every_operation_answers_as_the_document_says(world: World) -> None:
    for part in PARTS:
        part(world)
    assert world.described.operations.keys() - world.described.seen == NOT_HERE


def test_an_answer_with_an_undescribed_field_would_be_noticed(world: World) -> None:
    answer = world.up.http.get("/healthz")
    more = httpx.Response(200, json={**answer.json(), "more": 1}, request=answer.request)
    with pytest.raises(Exception, match="Additional properties are not allowed"):
        world.described.check(more)


def test_every_operation_has_a_summary_a_tag_and_a_description(world: World) -> None:
    for name, operation in world.described.operations.items():
        assert operation["summary"], name
        assert operation["description"], name
        assert len(operation["tags"]) == 1, name
    schemas = world.described.components["schemas"]
    assert not [name for name in schemas if "__" in name], "two models of one name: give each its own"


def test_whoever_asks_can_read_what_each_field_and_parameter_means(world: World) -> None:
    unsaid = [
        f"{name}: {parameter['name']}"
        for name, operation in world.described.operations.items()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    assert unsaid == []
