"""`/asyncapi.json`: public, as `/openapi.json` is; it tells of nobody."""

from __future__ import annotations

from functools import cache

import orjson
from fastapi import APIRouter, Response

from pathline_gateway.documents.kafka_side import described
from pathline_gateway.settings import Settings


def routes(settings: Settings) -> APIRouter:
    """`GET /asyncapi.json`."""
    router = APIRouter(include_in_schema=False)

    @cache
    def body() -> bytes:
        return orjson.dumps(described(settings))

    @router.get("/asyncapi.json")
    async def asyncapi() -> Response:
        """What is published to Kafka: topics, records, payloads."""
        return Response(body(), media_type="application/json")

    return router
