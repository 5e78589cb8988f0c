"""Which part of a list is asked for: the same parameters, with the same bounds, in every list."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query

MAX_LISTED: Final = 1_000
MAX_ID: Final = 2**63 - 1
"""The largest number that Postgres gives a row."""
AFTER_DESCRIPTION: Final = "The `next` of the page before; nothing for the first."
LIMIT_DESCRIPTION: Final = "How many at most."

AfterId = Annotated[int, Query(ge=0, le=MAX_ID, description=AFTER_DESCRIPTION)]
"""Where a page begins in a list whose rows have numbers."""
ListLimit = Annotated[int, Query(ge=1, le=MAX_LISTED, description=LIMIT_DESCRIPTION)]
"""How long a page is, where a row is quickly read."""
