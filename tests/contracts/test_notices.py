"""What the gateway itself tells is described for those who read it, and refused from whoever publishes it."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema import ValidationError as Unfit
from pydantic import ValidationError

from pathline.cloudevent import CloudEvent
from pathline.errors import UnknownType
from pathline.interaction import accept
from pathline.schema import notice_schemas
from pathline.testing import example
from pathline.vocabulary import TYPES, ContactMade
from pathline.vocabulary.notices import NOTICES, Notice
from support.repository import ROOT

STREAMS = ROOT / "docs/streams.md"
TOLD = pytest.mark.parametrize("name", NOTICES)


def shown(name: str) -> dict[str, Any]:
    (found,) = notice_schemas()[name]["examples"]
    return dict(found)


def in_the_docs() -> list[dict[str, Any]]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", STREAMS.read_text(), re.DOTALL)]


def read(name: str, event: dict[str, Any]) -> Notice:
    return NOTICES[name].model_validate_json(json.dumps(event))


@TOLD
def test_a_schema_is_closed_valid_named_and_says_what_each_field_means(name: str) -> None:
    schema = notice_schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert (schema["$id"], schema["title"]) == (f"urn:pathline:schema:told:{name}", NOTICES[name].title)
    assert schema["properties"]["type"]["const"] == name
    for shape in (schema, *schema.get("$defs", {}).values()):
        assert shape["additionalProperties"] is False
        assert shape["description"]
        assert all(field["description"] for field in shape["properties"].values())


@TOLD
def test_the_example_fits_the_model_and_the_schema_and_nothing_may_be_missing_or_more(name: str) -> None:
    event, schema = shown(name), Draft202012Validator(notice_schemas()[name])
    schema.validate(event)
    told = read(name, event)
    assert json.loads(told.model_dump_json(exclude_unset=True)).keys() == event.keys()
    required = notice_schemas()[name]["required"]
    for changed in [{**event, "own": "x"}, *({k: v for k, v in event.items() if k != gone} for gone in required)]:
        with pytest.raises(Unfit):
            schema.validate(changed)
        with pytest.raises(ValidationError):
            read(name, changed)


def test_the_documentation_shows_one_of_each_as_it_is_told() -> None:
    events = in_the_docs()
    assert Counter(event["type"] for event in events) == Counter(list(NOTICES))
    for event in events:
        read(event["type"], event)


@TOLD
def test_nobody_else_can_publish_one(name: str) -> None:
    assert name not in TYPES
    told = example(ContactMade).event
    data = shown(name).get("data", {})
    with pytest.raises(UnknownType):
        accept(CloudEvent({**told.attributes, "type": name}, json.dumps(data).encode()))
