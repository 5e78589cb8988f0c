"""`/asyncapi.json`: public, as `/openapi.json` is; it tells of nobody."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Response

from pathline_gateway.api_docs.documents import Documents

router = APIRouter(include_in_schema=False)


@router.get("/asyncapi.json")
async def get_asyncapi(documents: Documents) -> Response:
    """What is published to Kafka: topics, records, payloads."""
    return Response(orjson.dumps(documents.asyncapi), media_type="application/json")
