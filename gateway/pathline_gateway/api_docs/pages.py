"""`/docs/api` and `/docs/events`: the two documents as pages, with an address for each operation and each type."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Protocol, TypeVar

from fastapi import APIRouter, Response

from pathline_gateway.api_docs.documents import Documents
from pathline_gateway.api_docs.event_types import header_fields
from pathline_gateway.api_docs.notice_types import notice_types
from pathline_gateway.web.templates import render_page

_MAX_QUERY_LENGTH = 200


class _Listed(Protocol):
    def matches(self, words: list[str]) -> bool: ...


L = TypeVar("L", bound=_Listed)


router = APIRouter(include_in_schema=False)


@router.get("/docs/api")
async def operations_page(documents: Documents, q: str = "") -> Response:
    """What can be asked over HTTP; with `q`, that in which all its words stand."""
    matching = _search(documents.operations.values(), q)
    groups = [(tag, [each for each in matching if each.tag == tag["name"]]) for tag in documents.openapi["tags"]]
    return _list_page(
        "api.html",
        q,
        len(matching),
        len(documents.operations),
        groups,
        about=documents.openapi["info"]["description"],
    )


@router.get("/docs/api/{operation}")
async def operation_page(documents: Documents, operation: str) -> Response:
    """One operation."""
    match = documents.operations.get(operation)
    return _not_found_page() if match is None else render_page("api_operation.html", operation=match)


@router.get("/docs/events")
async def event_types_page(documents: Documents, q: str = "") -> Response:
    """The events that can be published, and the notices to subscribers; with `q`, those in which all its words
    stand."""
    matching_events, matching_notices = _search(documents.events.values(), q), _search(notice_types().values(), q)
    groups = [(noun, list(each)) for noun, each in groupby(matching_events, key=lambda event: event.noun)]
    document = documents.asyncapi
    more = {"channels": document["channels"].values(), "attributes": header_fields(document)}
    counts = (len(matching_events) + len(matching_notices), len(documents.events) + len(notice_types()))
    return _list_page("events.html", q, *counts, groups, notices=matching_notices, **more)


@router.get("/docs/events/{type}")
async def event_type_page(documents: Documents, type: str) -> Response:
    """One type of event."""
    if (notice := notice_types().get(type)) is not None:
        return render_page("notice.html", notice=notice)
    match = documents.events.get(type)
    return _not_found_page() if match is None else render_page("event.html", event=match)


def _search(candidates: Iterable[L], q: str) -> list[L]:
    words = q[:_MAX_QUERY_LENGTH].lower().split()
    return [each for each in candidates if each.matches(words)]


def _list_page(template: str, q: str, found: int, total: int, groups: list[Any], **values: Any) -> Response:
    non_empty = [(name, each) for name, each in groups if each]
    return render_page(template, q=q[:_MAX_QUERY_LENGTH], found=found, of=total, groups=non_empty, **values)


def _not_found_page() -> Response:
    return render_page("documents_missing.html", 404)
