"""What a route answers, for its OpenAPI description, where no model writes the answer itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel


def answers(model: type[BaseModel], said: str | Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """The body, and what the answer means; where there are several, by status.

    The route has `response_model=None`: a model that wrote the answer would spell instants in its own way.
    """
    meanings = {200: said} if isinstance(said, str) else said
    return {status: {"model": model, "description": text} for status, text in meanings.items()}


AFTER: Final = "The `next` of the page before; nothing for the first."
LIMIT: Final = "How many at most."
"""What every list says of its parameters."""
