"""The steps of a page that a reader may see, filtered from what was loaded of a pathway. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from pathline_gateway.auth.reader import Reader
from pathline_gateway.handoffs.event import handoff_event_from_step
from pathline_gateway.pathways.step_cursor import StepCursor
from pathline_gateway.pull.page_range import PageRange
from pathline_gateway.visibility.policy import PathwayContext, VisiblePathway, compute_visible
from pathline_gateway.visibility.policy_revisions import PolicyRevisions, next_policy_instant

_RESOLUTION: Final = timedelta(microseconds=1)
"""Of instants."""


class PagePolicy(NamedTuple):
    """By what it was decided what a reader sees: while it stands, she sees the same."""

    revisions: PolicyRevisions
    until: datetime
    """The last instant at which mandates, consents and bases count as they did."""


@dataclass(frozen=True, slots=True)
class VisiblePage:
    """A part of what a reader sees of a pathway."""

    visible: VisiblePathway
    """Its steps are those of the page."""
    context: VisiblePathway
    """With the steps besides by which hand-offs are told, and events are named that steps of the page refer to."""
    next: StepCursor | None = None
    policy: PagePolicy | None = None
    """None where it is not known, or the pathway is closed."""

    @property
    def has_more(self) -> bool:
        """Whether there is more than the page."""
        return self.visible is not self.context

    def handoff_ids(self) -> set[str]:
        """Those that steps of the page are about."""
        events = (handoff_event_from_step(each.parsed.step) for each in self.visible.steps)
        return {event.handoff for event in events if event is not None and event.handoff is not None}


def filter_page(reader: Reader, now: datetime, context: PathwayContext, page_range: PageRange) -> VisiblePage | None:
    """The page of what she sees of a pathway that was loaded whole; None where she may not know of it."""
    visible_pathway = compute_visible(reader, now, context)
    if visible_pathway is None:
        return None
    return replace(slice_page(visible_pathway, page_range), policy=_policy_of(context, now))


def _policy_of(context: PathwayContext, now: datetime) -> PagePolicy | None:
    if context.revisions is None or context.is_set_aside:
        return None
    first_change = next_policy_instant(context.steps, context.consents, context.bases, now)
    return PagePolicy(context.revisions, first_change - _RESOLUTION)


def slice_page(visible_pathway: VisiblePathway, page_range: PageRange) -> VisiblePage:
    """The page of what is seen whole."""
    by_step = {id(each.parsed.step): each for each in visible_pathway.steps}
    page, next_place = page_range.slice_steps([each.parsed.step for each in visible_pathway.steps])
    if len(page) == len(visible_pathway.steps):
        return VisiblePage(visible_pathway, visible_pathway)
    return VisiblePage(
        replace(visible_pathway, steps=[by_step[id(step)] for step in page]), visible_pathway, next_place
    )
