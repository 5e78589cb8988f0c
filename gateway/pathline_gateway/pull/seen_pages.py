"""A page of what a reader sees: told from what decides, and from windows of the steps that she may be shown.

Whoever knows a pathway by several names, and is no organisation, is shown all of it first: what it is called depends on
every step. That is done beside the event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.auth.reader import Reader
from pathline_gateway.handoffs.event import handoff_event
from pathline_gateway.off_loop import off_loop
from pathline_gateway.pathways import part_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.part_repository import StepPlace
from pathline_gateway.pull.paging import MOST, PageAsked
from pathline_gateway.visibility.deciding_steps import reach
from pathline_gateway.visibility.frame import Frame, frame_of
from pathline_gateway.visibility.loading import seen_of_stored
from pathline_gateway.visibility.policy import VisiblePathway, VisibleStep, visible


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A part of what a reader sees of a pathway."""

    seen: VisiblePathway
    """Its steps are those of the page."""
    around: VisiblePathway
    """With the steps besides by which hand-offs are told, and events are named that steps of the page refer to."""
    next: StepPlace | None = None

    @property
    def is_part(self) -> bool:
        """Whether there is more than the page."""
        return self.seen is not self.around

    def handoffs(self) -> set[str]:
        """Those that steps of the page are about."""
        events = (handoff_event(each.told.step) for each in self.seen.steps)
        return {event.handoff for event in events if event is not None and event.handoff is not None}


async def seen_page(
    connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID, asked: PageAsked
) -> SeenPage | None:
    """What she sees of a page of the pathway with this id of the store's own; None where she may not know of it.

    Call within a transaction whose statements see one moment.
    """
    members, stored = await pathway_repository.stored(connection, pathway, MOST)
    if not isinstance(members, pathway_repository.PathwayMembers):
        return None
    if len(stored.rows) > MOST:
        frame = await frame_of(connection, pathway)
        if isinstance(frame, Frame) and await _by_windows(frame, reader, now):
            return await _windows(frame, reader, now, asked)
        members, stored = await pathway_repository.stored(connection, pathway)
        assert isinstance(members, pathway_repository.PathwayMembers)
    seen = await seen_of_stored(connection, reader, now, members, stored)
    return None if seen is None else await off_loop(len(seen.steps), lambda: part_of(seen, asked))


def part_of(seen: VisiblePathway, asked: PageAsked) -> SeenPage:
    """The page of what is seen whole."""
    by_step = {id(each.told.step): each for each in seen.steps}
    page, following = asked.part([each.told.step for each in seen.steps])
    if len(page) == len(seen.steps):
        return SeenPage(seen, seen)
    return SeenPage(replace(seen, steps=[by_step[id(step)] for step in page]), seen, following)


async def _by_windows(frame: Frame, reader: Reader, now: datetime) -> bool:
    """Whether what the pathway is called does not depend on all of its steps."""
    if reader.kind == "organisation":
        return True
    if reader.kind == "operator":
        return len(frame.refs) == 1
    seen = visible(reader, now, await frame.known(reader))
    return seen is None or len(seen.anchors) == 1


_WINDOW = 1_000
"""Steps that are read at once at least: a short page of what she sees may lie behind many that she does not."""


async def _windows(frame: Frame, reader: Reader, now: datetime, asked: PageAsked) -> SeenPage | None:
    refs = [ref.id for ref in reach(reader, await frame.known(reader))]
    deciding = dict(frame.stored)
    found: list[VisibleStep] = []
    place, whole, size = asked.after, None, max(asked.limit, _WINDOW)
    while True:
        window = await part_repository.after(frame.connection, frame.members, refs, place, size + 1)
        steps = await off_loop(len(window.rows), window.steps)
        frame.stored = dict(deciding)
        frame.add(steps)
        seen = await _seen(frame, reader, now)
        # Of what decides, whatever lies beyond the window is met there.
        end = steps[-1].order if len(steps) > size else None
        if seen is not None:
            whole = seen
            found += [each for each in seen.steps if _lies(each, place, end)]
        if end is None or len(found) > asked.limit:
            break
        place = StepPlace(*end)
    if whole is None:
        return None
    page = found[: asked.limit]
    following = StepPlace(*page[-1].told.step.order) if len(found) > len(page) else None
    frame.stored = dict(deciding)
    around = await _around(frame, reader, now, page)
    refs_shown = _numbers(frame, page) | {ref.id for ref in whole.anchors}
    return SeenPage(replace(whole, steps=page, refs=frozenset(refs_shown)), around or whole, following)


async def _around(frame: Frame, reader: Reader, now: datetime, page: Sequence[VisibleStep]) -> VisiblePathway | None:
    await frame.put((each.told.step.source, each.told.step.id) for each in page)
    if any(handoff_event(each.told.step) is not None for each in page):
        await frame.put_contacts(reader)
    return await _seen(frame, reader, now)


async def _seen(frame: Frame, reader: Reader, now: datetime) -> VisiblePathway | None:
    known = await frame.known(reader)
    return await off_loop(len(known.steps), lambda: visible(reader, now, known))


def _lies(each: VisibleStep, after: StepPlace | None, end: tuple[object, ...] | None) -> bool:
    order = each.told.step.order
    return (after is None or order > after) and (end is None or order <= end)


def _numbers(frame: Frame, page: Iterable[VisibleStep]) -> set[int]:
    numbers = {(ref.org, ref.subject): ref.id for ref in frame.refs}
    return {numbers[each.told.step.org, each.told.step.subject] for each in page}
