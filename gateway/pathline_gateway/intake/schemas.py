"""What `POST /v1/events` takes and answers, for the OpenAPI description."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from pathline.codec import json_format
from pathline.codec.json_format import BATCH_CONTENT_TYPE, CONTENT_TYPE
from pathline.interaction import REQUIRED_ATTRIBUTES
from pathline.testing import example
from pathline.vocabulary import ContactMade

_EVENT: Final = {
    "type": "object",
    "description": "A CloudEvent 1.0.2; `data` keeps the contract of its `type`",
    "required": [*REQUIRED_ATTRIBUTES, "data"],
    "properties": {name: {"type": "string"} for name in REQUIRED_ATTRIBUTES} | {"data": {"type": "object"}},
}

_EXAMPLE: Final = from_json(json_format.encode(example(ContactMade, id="example-1").event))

REQUEST: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object", "description": "Binary mode: the data; the attributes are ce- headers"}
            },
            CONTENT_TYPE: {"schema": _EVENT, "example": _EXAMPLE},
            BATCH_CONTENT_TYPE: {"schema": {"type": "array", "items": _EVENT, "minItems": 1}},
        },
    }
}


class RefusedEvent(BaseModel):
    """An event that was not taken; sending it again unchanged will not help."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    index: int
    """Its place in the request, from 0."""
    type: str | None
    """Its type, where that is one of the vocabulary."""
    reason: str
    """Why, as one stable word."""
    field: str | None
    """Where, such as `data.activity`."""
    detail: str
    """What is wrong and what to do; never the value."""


class EventNotice(BaseModel):
    """An event that was taken, and looks as if it was not meant so."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    index: int
    """Its place in the request, from 0."""
    type: str
    """Its type."""
    reason: str
    """`lies-ahead`, `unprovable-condition`, or `conflicting-duplicate`.

    An event with the last one is parked, because an earlier event has its source and id.
    """
    field: str
    """Where, such as `time`."""
    detail: str
    """What is odd, and what to do."""


class PublishResult(BaseModel):
    """What became of every event of a request: accepted + duplicate + refused is what was sent."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    accepted: int
    """Kept."""
    duplicate: int
    """Kept too; repeated in the request, or known. Of those with other content there is a notice."""
    refused: list[RefusedEvent]
    """Not kept; their neighbours are."""
    notices: list[EventNotice] | None = None
    """Of events that are kept, what their publisher should look at; absent where there is nothing."""
