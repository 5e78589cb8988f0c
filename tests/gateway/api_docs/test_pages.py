"""The pages of what can be asked and published: each has its address, its links lead somewhere, its examples work."""

from __future__ import annotations

import html
import json
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from pathline.asyncapi import document
from pathline.schema import notice_schemas, schemas
from pathline.testing import example
from pathline.vocabulary import TYPES, ContactMade
from pathline.vocabulary.notices import NOTICES
from pathline_gateway.api_docs.event_types import parse_events
from pathline_gateway.api_docs.operations import parse_operations
from pathline_gateway.api_docs.schema_example import sample_value
from pathline_gateway.api_docs.schema_words import describe_schema
from support.gateways.process import Gateway
from support.html_page import Page

NOBODY = "00000000-0000-7000-8000-000000000000"
VARIABLES = {"$NUMBER": "999999", "$ID": "999999", "$ORG": "nobody", "$OF": "nobody"}
"""What stands for a variable of a path; for all others an id that nothing has."""


@pytest.fixture(scope="module")
def openapi(gateway: Gateway) -> dict[str, Any]:
    return dict(gateway.http.get("/openapi.json").json())


def page(gateway: Gateway, path: str) -> Page:
    answer = gateway.http.get(path)
    assert answer.status_code == 200, path
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    return Page(answer.text)


class Ids(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name == "id" and value]


def typed(gateway: Gateway, line: str) -> httpx.Response:
    """What the gateway answers to a line of curl."""
    line = line.replace("$AT", "").replace("\\\n", " ")
    for name, value in VARIABLES.items():
        line = re.sub(rf"{re.escape(name)}\b", value, line)
    words = iter(shlex.split(re.sub(r"/\$[A-Z]+", f"/{NOBODY}", line))[1:])
    method, headers, body, path = "GET", {}, None, ""
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                body = next(words)
            case _:
                path = word
    return gateway.http.request(method, path, headers=headers, content=body)


def test_every_page_says_what_it_is_about_and_every_link_leads_somewhere(
    gateway: Gateway, openapi: dict[str, Any]
) -> None:
    listed = {each: page(gateway, each) for each in ("/docs/api", "/docs/events")}
    links = {link for shown in listed.values() for link in shown.references if link.startswith("/docs/")}
    assert {f"/docs/events/{name}" for name in (*TYPES, *NOTICES)} <= links
    assert {f"/docs/api/{slug}" for slug in parse_operations(openapi)} <= links
    elsewhere: set[str] = set()
    for link in links:
        answer = gateway.http.get(link)
        assert answer.status_code == 200, link
        shown, ids = Page(answer.text), Ids(answer.text).found
        assert len(ids) == len(set(ids)), link
        for reference in shown.references:
            assert reference.startswith(("/", "#")), reference
            assert not reference.startswith("#") or reference[1:] in ids, (link, reference)
            assert not reference.startswith("/docs/") or reference in {*links, *listed} or "#" in reference, reference
        elsewhere |= {each for each in shown.references if each.startswith("/") and not each.startswith("/docs/")}
    for reference in elsewhere:
        assert gateway.http.get(reference).status_code == 200, reference


def test_a_type_says_every_field_whether_it_is_required_and_what_it_means(gateway: Gateway) -> None:
    for cls in TYPES.values():
        text = gateway.http.get(f"/docs/events/{cls.type}").text
        said = " ".join(Page(text).said.split())
        assert cls.title in said
        for name, info in cls.model_fields.items():
            assert f'id="field-{info.alias or name}"' in text
            assert info.description is not None
            assert " ".join(info.description.split()) in said
        required = sum(info.is_required() for info in cls.model_fields.values())
        assert text.split('id="shapes"')[0].count("<strong>required</strong>") == required


def test_what_the_gateway_tells_is_told_apart_from_what_can_be_published_and_refused(gateway: Gateway) -> None:
    listed = page(gateway, "/docs/events?q=handoff.silent")
    assert f"1 of {len({**TYPES, **NOTICES})} types" in listed.said
    assert "Told by the gateway to subscribers" in listed.said
    for name, cls in NOTICES.items():
        text = gateway.http.get(f"/docs/events/{name}").text
        said = " ".join(Page(text).said.split())
        assert cls.title in said
        assert all(f'id="field-{field}"' in text for field in cls.model_fields)
        (shown,) = notice_schemas()[name]["examples"]
        assert json.loads(re.findall(r"<pre><code>(.*?)</code></pre>", html.unescape(text), re.DOTALL)[0]) == shown
        told = {**example(ContactMade).event.attributes, "type": name}
        headers = {"content-type": "application/cloudevents+json"}
        refused = gateway.http.post("/v1/events", json={**told, "data": shown.get("data", {})}, headers=headers)
        assert refused.status_code == 422
        assert refused.json()["type"].endswith(":unknown-type")


def test_the_example_of_every_type_is_taken_in_as_it_is_shown(gateway: Gateway) -> None:
    shown = {name: event.examples for name, event in parse_events(document(schemas())).items()}
    assert {len(examples) for examples in shown.values()} == {2}
    lines = [
        each.curl.replace("example-1'", f"{name}-{n}'", 1)
        for name, examples in shown.items()
        for n, each in enumerate(examples)
    ]
    # An event is answered once the broker has it: several wait for that together.
    with ThreadPoolExecutor(8) as several:
        for line, answer in zip(lines, several.map(partial(typed, gateway), lines), strict=True):
            assert answer.status_code == 202, (line, answer.text)


def test_the_example_of_every_operation_is_understood(gateway: Gateway, openapi: dict[str, Any]) -> None:
    for operation in parse_operations(openapi).values():
        if operation.slug.endswith("-stream"):
            continue
        answer = typed(gateway, operation.curl)
        assert answer.status_code < 500, operation.slug
        understood = answer.status_code in (200, 201, 202, 204, 403, 404, 409)
        assert understood or "unknown-organisation" in answer.text, (operation.slug, answer.text)


def test_a_sample_fits_its_schema(openapi: dict[str, Any]) -> None:
    shapes = openapi["components"]["schemas"]
    bodies = [
        media["schema"]
        for methods in openapi["paths"].values()
        for told in methods.values()
        for media in told.get("requestBody", {}).get("content", {}).values()
    ]
    assert len(bodies) > 10
    for schema in bodies:
        whole = {**schema, "components": openapi["components"]}
        Draft202012Validator(whole).validate(sample_value(schema, shapes))


def test_a_search_finds_what_has_all_its_words_and_says_how_much(gateway: Gateway) -> None:
    shown = page(gateway, "/docs/api?q=PAUSE+delivery")
    assert [link for link in shown.references if link.startswith("/docs/api/")] == [
        "/docs/api/post-v1-subscriptions-subscription-pause"
    ]
    assert "1 of " in shown.said
    found = page(gateway, "/docs/events?q=token_sha256").references
    assert {f"/docs/events/org.pathline.handoff.{verb}.v1" for verb in ("offered", "redirected")} == {
        link for link in found if "org.pathline" in link
    }
    assert "Fewer words find more" in page(gateway, "/docs/events?q=no+such+thing").said
    odd = gateway.http.get("/docs/api", params={"q": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in odd
    assert Page(odd).scripts == 1


@pytest.mark.parametrize("path", ["/docs/api/nothing", "/docs/events/org.pathline.wish.made.v1"])
def test_what_is_not_there_is_told_with_the_way_to_what_is(gateway: Gateway, path: str) -> None:
    answer = gateway.http.get(path)
    assert answer.status_code == 404
    assert {"/docs/api", "/docs/events"} <= set(Page(answer.text).references)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "maxLength": 64, "pattern": "^[a-z]+$"}, "text, at most 64 characters, like ^[a-z]+$"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number"),
        ({"type": "array", "items": {"$ref": "#/x/Ref"}, "minItems": 2, "maxItems": 9}, "list of Ref (2 to 9 of them)"),
        ({"enum": ["a", "b"]}, "one of a, b"),
        ({"type": "string", "format": "date-time", "pattern": "^[0-9]"}, "instant"),
        ({"type": "integer", "minimum": 0, "maximum": 2**53 - 1}, "whole number, at least 0"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "by name: true or false"),
        ({}, "anything"),
    ],
)
def test_a_schema_is_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert "".join(part.text for part in describe_schema(schema)) == words
