"""`/docs/api` and `/docs/events`: the two documents as pages, with an address for each operation and each type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import groupby
from typing import Any, Protocol, TypeVar

from fastapi import APIRouter, Response

from pathline.asyncapi import Json
from pathline_gateway.api_docs.event_types import attributes, events
from pathline_gateway.api_docs.notice_types import notices
from pathline_gateway.api_docs.operations import operations
from pathline_gateway.web.templates import page

_LONGEST_SEARCH = 200


class _Listed(Protocol):
    def says(self, words: list[str]) -> bool: ...


L = TypeVar("L", bound=_Listed)


def routes(http: Callable[[], Json], kafka: Callable[[], Json]) -> APIRouter:
    """The pages, made from these documents."""
    router = APIRouter(include_in_schema=False)
    asked, told = cache(lambda: operations(http())), cache(lambda: events(kafka()))

    @router.get("/docs/api")
    async def api(q: str = "") -> Response:
        """What can be asked over HTTP; with `q`, that in which all its words stand."""
        found = _found(asked().values(), q)
        groups = [(tag, [each for each in found if each.tag == tag["name"]]) for tag in http()["tags"]]
        return _list("api.html", q, len(found), len(asked()), groups, about=http()["info"]["description"])

    @router.get("/docs/api/{operation}")
    async def one_operation(operation: str) -> Response:
        """One operation."""
        found = asked().get(operation)
        return _nothing() if found is None else page("api_operation.html", operation=found)

    @router.get("/docs/events")
    async def types(q: str = "") -> Response:
        """What can be published, and what is told to subscribers; with `q`, that in which all its words stand."""
        found, notices_found = _found(told().values(), q), _found(notices().values(), q)
        groups = [(noun, list(each)) for noun, each in groupby(found, key=lambda event: event.noun)]
        document = kafka()
        more = {"channels": document["channels"].values(), "attributes": attributes(document)}
        counts = (len(found) + len(notices_found), len(told()) + len(notices()))
        return _list("events.html", q, *counts, groups, notices=notices_found, **more)

    @router.get("/docs/events/{type}")
    async def one_type(type: str) -> Response:
        """One type of event."""
        if (notice := notices().get(type)) is not None:
            return page("notice.html", notice=notice)
        found = told().get(type)
        return _nothing() if found is None else page("event.html", event=found)

    return router


def _found(listed: Iterable[L], q: str) -> list[L]:
    words = q[:_LONGEST_SEARCH].lower().split()
    return [each for each in listed if each.says(words)]


def _list(template: str, q: str, found: int, of: int, groups: list[Any], **more: Any) -> Response:
    shown = [(name, each) for name, each in groups if each]
    return page(template, q=q[:_LONGEST_SEARCH], found=found, of=of, groups=shown, **more)


def _nothing() -> Response:
    return page("documents_missing.html", 404)
