"""What a route answers, for its OpenAPI description, where no model writes the answer itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def response_docs(model: type[BaseModel], descriptions: str | Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """The body, and what the answer means; where there are several, by status.

    The route has `response_model=None`: a model that wrote the answer would spell instants in its own way.
    """
    description_by_status = {200: descriptions} if isinstance(descriptions, str) else descriptions
    return {status: {"model": model, "description": text} for status, text in description_by_status.items()}
