"""The answers of pulls, for every reader: a pathway or a page of it, a trace, or a redirect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import Response

from pathline_gateway.pull.paging import REQUESTED_FIRST_PAGE, RequestedPage, next_link

_JSON = "application/json"


def pathway_response(
    pathway: UUID,
    version: str,
    build_body: Callable[[], bytes],
    headers: Mapping[str, str],
    if_none_match: str | None = None,
    next_cursor: str | None = None,
    requested_page: RequestedPage = REQUESTED_FIRST_PAGE,
    as_of: datetime | None = None,
) -> Response:
    """The body; or 304 where the reader has this version already, and then the body is not built."""
    etag = f'"{version}"'
    response_headers = {"etag": etag, **headers}
    if next_cursor is not None:
        response_headers["link"] = next_link(f"/v1/pathways/{pathway}", next_cursor, requested_page.limit, as_of)
    if matches_etag(if_none_match, etag):
        return Response(status_code=304, headers=response_headers)
    return Response(build_body(), 200, response_headers, _JSON)


def trace_response(
    otlp: dict[str, object],
    next_cursor: str | None,
    pathway: UUID,
    requested_page: RequestedPage,
    headers: Mapping[str, str],
) -> Response:
    """A trace, or that of a page."""
    response_headers = dict(headers)
    if next_cursor is not None:
        otlp["next"] = next_cursor
        response_headers["link"] = next_link(f"/v1/pathways/{pathway}/trace", next_cursor, requested_page.limit)
    return Response(orjson.dumps(otlp), 200, response_headers, _JSON)


def redirect_to_pathway(
    to: UUID, suffix: str = "", requested_page: RequestedPage = REQUESTED_FIRST_PAGE, as_of: datetime | None = None
) -> Response:
    """The same is to be asked of the pathway of this name."""
    query_parameters = ({} if as_of is None else {"as_of": as_of.isoformat()}) | requested_page.query_parameters()
    query = f"?{urlencode(query_parameters)}" if query_parameters else ""
    return Response(status_code=308, headers={"location": f"/v1/pathways/{to}{suffix}{query}"})


def matches_etag(if_none_match: str | None, etag: str) -> bool:
    """Whether the reader says that she has this."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return bool(tags & {etag, "*"})
