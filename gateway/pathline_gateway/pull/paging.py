"""Pages of a long pathway: how much a body holds, and how a reader says where the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode

import orjson
from fastapi import Query

from pathline_gateway.pathways.part_repository import StepPlace
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.openapi_responses import AFTER, LIMIT
from pathline_gateway.web.problem import Problem

MOST: Final = 2_000
"""Steps in a body."""

After = Annotated[str | None, Query(max_length=4_000, description=AFTER)]
Limit = Annotated[int, Query(ge=1, le=MOST, description=LIMIT)]


@dataclass(frozen=True, slots=True)
class PageAsked:
    """The part of a pathway that is asked for."""

    after: StepPlace | None = None
    limit: int = MOST

    @property
    def is_plain(self) -> bool:
        """Whether nobody asked for less than there is."""
        return self.after is None and self.limit == MOST

    def part(self, steps: Sequence[Step]) -> tuple[Sequence[Step], StepPlace | None]:
        """Those of these ordered steps that are on the page; and its last place, where steps follow."""
        after = self.after
        rest = steps if after is None else [step for step in steps if step.order > after]
        page = rest[: self.limit]
        return page, StepPlace(*page[-1].order) if len(rest) > len(page) else None


WHOLE: Final = PageAsked()
"""The first page, of as many steps as a body holds."""


@dataclass(frozen=True, slots=True)
class RequestedPage:
    """The same as a request says it."""

    after: str | None = None
    limit: int = MOST

    @property
    def is_plain(self) -> bool:
        """Whether it says nothing."""
        return self.after is None and self.limit == MOST

    def said(self) -> dict[str, str]:
        """The parameters that it was said with."""
        after = {} if self.after is None else {"after": self.after}
        return after | ({} if self.limit == MOST else {"limit": str(self.limit)})

    def read(self, key: ReaderKey) -> PageAsked:
        """Which page this is. Raises Problem."""
        if self.after is None:
            return PageAsked(None, self.limit)
        said = key.unseal("steps after", self.after)
        if said is None:
            raise Problem(400, "malformed-cursor", "after must be the `next` of an earlier page of this pathway")
        time, *others = orjson.loads(said)
        return PageAsked(StepPlace(datetime.fromisoformat(time), *others), self.limit)


ALL: Final = RequestedPage()


def cursor(key: ReaderKey, place: StepPlace) -> str:
    """The place as this reader says it back. What others call their events is in it, and nobody can read it."""
    return key.seal("steps after", orjson.dumps([place.time.isoformat(), *place[1:]]).decode())


def next_link(path: str, following: str, limit: int, at: datetime | None = None) -> str:
    """The header that names the next page."""
    said = ({} if at is None else {"as_of": at.isoformat()}) | RequestedPage(following, limit).said()
    return f'<{path}?{urlencode(said)}>; rel="next"'
