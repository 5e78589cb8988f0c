"""Pages of a long pathway: how much a body holds, and how a reader says where the next begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode

import orjson
from fastapi import Query

from pathline_gateway.pathways.step_cursor import StepCursor
from pathline_gateway.pull.page_range import MAX_STEPS, PageRange
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.list_parameters import AFTER_DESCRIPTION, LIMIT_DESCRIPTION
from pathline_gateway.web.problem import Problem

After = Annotated[str | None, Query(max_length=4_000, description=AFTER_DESCRIPTION)]
Limit = Annotated[int, Query(ge=1, le=MAX_STEPS, description=LIMIT_DESCRIPTION)]


@dataclass(frozen=True, slots=True)
class RequestedPage:
    """The same as a request says it."""

    after: str | None = None
    limit: int = MAX_STEPS

    @property
    def is_default(self) -> bool:
        """Whether it says nothing."""
        return self.after is None and self.limit == MAX_STEPS

    def query_parameters(self) -> dict[str, str]:
        """The parameters that it was said with."""
        after = {} if self.after is None else {"after": self.after}
        return after | ({} if self.limit == MAX_STEPS else {"limit": str(self.limit)})

    def parse(self, key: ReaderKey) -> PageRange:
        """Which page this is. Raises Problem."""
        if self.after is None:
            return PageRange(None, self.limit)
        text = key.unseal("steps after", self.after)
        if text is None:
            raise Problem(400, "malformed-cursor", "after must be the `next` of an earlier page of this pathway")
        time, *order_parts = orjson.loads(text)
        return PageRange(StepCursor(datetime.fromisoformat(time), *order_parts), self.limit)


REQUESTED_FIRST_PAGE: Final = RequestedPage()


def encode_cursor(key: ReaderKey, place: StepCursor) -> str:
    """The place as this reader says it back. What others call their events is in it, and nobody can read it."""
    return key.seal("steps after", orjson.dumps([place.time.isoformat(), *place[1:]]).decode())


def next_link(path: str, next_cursor: str, limit: int, as_of: datetime | None = None) -> str:
    """The header that names the next page."""
    query = ({} if as_of is None else {"as_of": as_of.isoformat()}) | RequestedPage(
        next_cursor, limit
    ).query_parameters()
    return f'<{path}?{urlencode(query)}>; rel="next"'
