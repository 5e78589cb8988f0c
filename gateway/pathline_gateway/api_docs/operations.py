"""The operations of an OpenAPI document, as people read them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pathline_gateway.api_docs.curl_example import curl
from pathline_gateway.api_docs.schema_example import sample
from pathline_gateway.api_docs.schema_fields import SchemaField, SchemaShape, fields, named, resolved
from pathline_gateway.api_docs.schema_words import Schema, SchemaWords, kind

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OperationBody:
    """What is sent, or answered, in one format."""

    media: str
    kind: list[SchemaWords]
    fields: list[SchemaField]


@dataclass(frozen=True, slots=True)
class OperationResponse:
    """What an operation may answer."""

    status: str
    description: str
    bodies: list[OperationBody]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked."""

    slug: str
    """Its name in a link."""
    method: str
    path: str
    summary: str
    description: str
    tag: str
    roles: list[str]
    """Any one of them may; nobody is asked where there are none."""
    parameters: list[SchemaField]
    bodies: list[OperationBody]
    answers: list[OperationResponse]
    shapes: list[SchemaShape]
    curl: str

    def says(self, words: list[str]) -> bool:
        """Whether every word stands somewhere in what the list shows of it."""
        told = " ".join((self.method, self.path, self.summary, self.description, self.tag)).lower()
        return all(word in told for word in words)


def operations(document: Json) -> dict[str, Operation]:
    """Every operation, by its name in a link."""
    shapes = document["components"]["schemas"]
    found = [
        _operation(method.upper(), path, told, shapes)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]
    return {each.slug: each for each in found}


def slug(method: str, path: str) -> str:
    """Such as `get-v1-pathways-pathway`."""
    return "-".join([method.lower(), *re.findall(r"[a-z0-9]+", path.lower())])


def _operation(method: str, path: str, told: Json, shapes: Mapping[str, Schema]) -> Operation:
    sent = told.get("requestBody", {}).get("content", {})
    answered = [_answer(status, each, shapes) for status, each in sorted(told["responses"].items())]
    schemas = [each.get("schema", {}) for each in (*sent.values(), *_answered(told["responses"]))]
    return Operation(
        slug=slug(method, path),
        method=method,
        path=path,
        summary=told["summary"],
        description=told.get("description", ""),
        tag=told["tags"][0],
        roles=[role for each in told.get("security", ()) for role in each.get("bearer", ())],
        parameters=[_parameter(each) for each in told.get("parameters", ())],
        bodies=[_body(media, each, shapes) for media, each in sent.items()],
        answers=answered,
        shapes=_shapes(schemas, shapes),
        curl=_curl(method, path, told, shapes),
    )


def _answered(responses: Json) -> list[Schema]:
    return [media for each in responses.values() for media in each.get("content", {}).values()]


def _shapes(schemas: list[Schema], shapes: Mapping[str, Schema]) -> list[SchemaShape]:
    """What is named within the bodies; a body's own fields stand with it."""
    within: dict[str, SchemaShape] = {}
    for schema in schemas:
        for shape in named(resolved(schema, shapes), shapes):
            within.setdefault(shape.name, shape)
    return list(within.values())


def _parameter(told: Json) -> SchemaField:
    words = kind(told["schema"])
    return SchemaField(told["name"], words, told.get("required", False), told.get("description", ""), told["in"])


def _body(media: str, told: Json, shapes: Mapping[str, Schema]) -> OperationBody:
    schema = told.get("schema", {})
    whole = resolved(schema, shapes)
    return OperationBody(media, kind(schema if "$ref" not in schema else whole), fields(whole))


def _answer(status: str, told: Json, shapes: Mapping[str, Schema]) -> OperationResponse:
    bodies = [_body(media, each, shapes) for media, each in told.get("content", {}).items()]
    return OperationResponse(status, told["description"], bodies)


def _curl(method: str, path: str, told: Json, shapes: Mapping[str, Schema]) -> str:
    content = told.get("requestBody", {}).get("content", {})
    shown = next((media for media, each in content.items() if "example" in each), next(iter(content), None))
    body = None if shown is None else content[shown].get("example", sample(content[shown]["schema"], shapes))
    required = [each for each in told.get("parameters", ()) if each.get("required") and each["in"] == "query"]
    return curl(
        method,
        re.sub(r"\{(\w+)\}", lambda name: f"${name[1].upper()}", path),
        token=bool(told.get("security")),
        query={each["name"]: str(sample(each["schema"], shapes)) for each in required},
        headers={} if shown is None else {"content-type": shown},
        body=body,
    )
