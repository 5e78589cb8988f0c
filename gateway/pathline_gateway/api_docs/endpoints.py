"""`/asyncapi.json`: public, as `/openapi.json` is; it tells of nobody."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from fastapi import APIRouter, Response

from pathline.asyncapi import Json


def routes(asyncapi_document: Callable[[], Json]) -> APIRouter:
    """`GET /asyncapi.json`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/asyncapi.json")
    async def asyncapi() -> Response:
        """What is published to Kafka: topics, records, payloads."""
        return Response(orjson.dumps(asyncapi_document()), media_type="application/json")

    return router
