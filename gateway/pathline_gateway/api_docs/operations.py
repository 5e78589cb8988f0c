"""The operations of an OpenAPI document, as people read them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pathline_gateway.api_docs.curl_example import curl_command
from pathline_gateway.api_docs.schema_example import sample_value
from pathline_gateway.api_docs.schema_fields import (
    SchemaField,
    SchemaShape,
    object_fields,
    referenced_shapes,
    resolve_ref,
)
from pathline_gateway.api_docs.schema_words import Schema, SchemaWords, describe_schema

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
    """Any one of them may. Empty: the operation is public."""
    parameters: list[SchemaField]
    bodies: list[OperationBody]
    answers: list[OperationResponse]
    shapes: list[SchemaShape]
    curl: str

    def matches(self, words: list[str]) -> bool:
        """Whether every word stands somewhere in what the list shows of it."""
        text = " ".join((self.method, self.path, self.summary, self.description, self.tag)).lower()
        return all(word in text for word in words)


def parse_operations(document: Json) -> dict[str, Operation]:
    """Every operation, by its name in a link."""
    shapes = document["components"]["schemas"]
    parsed_operations = [
        _parse_operation(method.upper(), path, operation, shapes)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return {each.slug: each for each in parsed_operations}


def operation_slug(method: str, path: str) -> str:
    """Such as `get-v1-pathways-pathway`."""
    return "-".join([method.lower(), *re.findall(r"[a-z0-9]+", path.lower())])


def _parse_operation(method: str, path: str, operation: Json, shapes: Mapping[str, Schema]) -> Operation:
    request_content = operation.get("requestBody", {}).get("content", {})
    responses = [_parse_response(status, each, shapes) for status, each in sorted(operation["responses"].items())]
    schemas = [each.get("schema", {}) for each in (*request_content.values(), *_response_media(operation["responses"]))]
    return Operation(
        slug=operation_slug(method, path),
        method=method,
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        tag=operation["tags"][0],
        roles=[role for each in operation.get("security", ()) for role in each.get("bearer", ())],
        parameters=[_parse_parameter(each) for each in operation.get("parameters", ())],
        bodies=[_parse_body(media, each, shapes) for media, each in request_content.items()],
        answers=responses,
        shapes=_nested_shapes(schemas, shapes),
        curl=_curl_example(method, path, operation, shapes),
    )


def _response_media(responses: Json) -> list[Schema]:
    return [media for each in responses.values() for media in each.get("content", {}).values()]


def _nested_shapes(schemas: list[Schema], shapes: Mapping[str, Schema]) -> list[SchemaShape]:
    """What is named within the bodies; a body's own fields stand with it."""
    shapes_by_name: dict[str, SchemaShape] = {}
    for schema in schemas:
        for shape in referenced_shapes(resolve_ref(schema, shapes), shapes):
            shapes_by_name.setdefault(shape.name, shape)
    return list(shapes_by_name.values())


def _parse_parameter(parameter: Json) -> SchemaField:
    words = describe_schema(parameter["schema"])
    return SchemaField(
        parameter["name"], words, parameter.get("required", False), parameter.get("description", ""), parameter["in"]
    )


def _parse_body(media: str, media_type: Json, shapes: Mapping[str, Schema]) -> OperationBody:
    schema = media_type.get("schema", {})
    resolved_schema = resolve_ref(schema, shapes)
    return OperationBody(
        media, describe_schema(schema if "$ref" not in schema else resolved_schema), object_fields(resolved_schema)
    )


def _parse_response(status: str, response: Json, shapes: Mapping[str, Schema]) -> OperationResponse:
    bodies = [_parse_body(media, each, shapes) for media, each in response.get("content", {}).items()]
    return OperationResponse(status, response["description"], bodies)


def _curl_example(method: str, path: str, operation: Json, shapes: Mapping[str, Schema]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    media_type = next((media for media, each in content.items() if "example" in each), next(iter(content), None))
    body = (
        None
        if media_type is None
        else content[media_type].get("example", sample_value(content[media_type]["schema"], shapes))
    )
    required = [each for each in operation.get("parameters", ()) if each.get("required") and each["in"] == "query"]
    return curl_command(
        method,
        re.sub(r"\{(\w+)\}", lambda name: f"${name[1].upper()}", path),
        token=bool(operation.get("security")),
        query={each["name"]: str(sample_value(each["schema"], shapes)) for each in required},
        headers={} if media_type is None else {"content-type": media_type},
        body=body,
    )
