"""Holds what a gateway answers against its own OpenAPI document, and keeps which operations it has seen succeed."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

METHODS = ("get", "post", "put", "delete")


def closed(part: Any) -> Any:
    """The schemas, with every object that names its fields refusing others: an answer has nothing undescribed."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: closed(value) for name, value in part.items()}
    if isinstance(part.get("properties"), dict) and part.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


class OpenApiCheck:
    """The document of a gateway; `seen` are the operations that answered what they say."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.components = closed(deepcopy(document["components"]))
        self.operations = {
            f"{method.upper()} {path}": operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        self._paths = {name: re.compile(re.sub(r"\{\w+\}", "[^/]+", name)) for name in self.operations}
        self._validators: dict[int, Validator] = {}
        self.seen: set[str] = set()

    def check(self, answer: httpx.Response) -> httpx.Response:
        """The status, the media type and the body are those that the document tells of."""
        asked = f"{answer.request.method} {answer.request.url.path}"
        name = asked if asked in self._paths else next(n for n, path in self._paths.items() if path.fullmatch(asked))
        responses = self.operations[name]["responses"]
        described = responses.get(str(answer.status_code)) or responses[f"{answer.status_code // 100}XX"]
        self._body(answer, described.get("content", {}), f"{name} {answer.status_code}")
        if answer.is_success:
            self.seen.add(name)
        return answer

    def _body(self, answer: httpx.Response, content: dict[str, Any], name: str) -> None:
        media = answer.headers.get("content-type", "").partition(";")[0]
        if not content:
            assert answer.content == b"", name
            return
        assert media in content, f"{name}: {media}"
        schema = content[media].get("schema")
        if media.endswith("json"):
            assert schema, name
            self._validator(schema).validate(answer.json())

    def _validator(self, schema: dict[str, Any]) -> Validator:
        """Of this part of the document, made once."""
        if id(schema) not in self._validators:
            whole = {**closed(schema), "components": self.components}
            self._validators[id(schema)] = Draft202012Validator(whole)
        return self._validators[id(schema)]
