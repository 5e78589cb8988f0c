"""Which part of a pathway is asked for, and how much a body holds. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.step_cursor import StepCursor

MAX_STEPS: Final = 2_000
"""Steps in a body."""


@dataclass(frozen=True, slots=True)
class PageRange:
    """The part of a pathway that is asked for."""

    after: StepCursor | None = None
    limit: int = MAX_STEPS

    @property
    def is_default(self) -> bool:
        """Whether nobody asked for less than there is."""
        return self.after is None and self.limit == MAX_STEPS

    def slice_steps(self, steps: Sequence[Step]) -> tuple[Sequence[Step], StepCursor | None]:
        """Those of these ordered steps that are on the page; and its last place, where steps follow."""
        after = self.after
        remaining = steps if after is None else [step for step in steps if step.sort_key > after]
        page = remaining[: self.limit]
        return page, StepCursor(*page[-1].sort_key) if len(remaining) > len(page) else None


FIRST_PAGE: Final = PageRange()
"""The first page, of as many steps as a body holds."""
