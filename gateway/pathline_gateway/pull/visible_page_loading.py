"""Loads a page of what a reader sees: the steps that decide, and windows of those that she may be shown.

A reader who is no organisation may know a pathway by several names. Then it reads all steps: the name depends on them.
That is done beside the event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.auth.reader import Reader
from pathline_gateway.handoffs.event import handoff_event_from_step
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.pathways import part_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.step_cursor import StepCursor
from pathline_gateway.pull.page_range import MAX_STEPS, PageRange
from pathline_gateway.pull.visible_page import VisiblePage, filter_page
from pathline_gateway.visibility.deciding_steps import potentially_visible_refs
from pathline_gateway.visibility.loading import load_context
from pathline_gateway.visibility.policy import VisiblePathway, VisibleStep, compute_visible
from pathline_gateway.visibility.policy_inputs import PolicyInputs, load_own_policy_inputs, load_policy_inputs


async def load_visible_page(
    connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID, page_range: PageRange
) -> VisiblePage | None:
    """What she sees of a page of the pathway with this stored id; None where she may not know of it.

    Call within a transaction whose statements see one moment.
    """
    members, stored = await pathway_repository.load_pathway(connection, pathway, MAX_STEPS)
    if not isinstance(members, pathway_repository.PathwayMembers):
        return None
    if len(stored.rows) > MAX_STEPS:
        inputs = await load_policy_inputs(connection, pathway)
        if isinstance(inputs, PolicyInputs) and await _can_use_windows(inputs, reader, now):
            return await _read_windows(inputs, reader, now, page_range)
        members, stored = await pathway_repository.load_pathway(connection, pathway)
        assert isinstance(members, pathway_repository.PathwayMembers)
    context = await load_context(connection, reader, members, stored)
    return await run_off_loop(len(context.steps), lambda: filter_page(reader, now, context, page_range))


async def load_own_page(
    connection: asyncpg.Connection, reader: Reader, now: datetime, pathway: UUID, page_range: PageRange
) -> VisiblePage | None:
    """A page of her own steps alone, as of a closed pathway; None where she has no part in it.

    Call within a transaction whose statements see one moment.
    """
    inputs = await load_own_policy_inputs(connection, reader, pathway)
    # She has one account, or is an organisation: its name does not depend on all of its steps.
    return None if inputs is None else await _read_windows(inputs, reader, now, page_range)


async def _can_use_windows(inputs: PolicyInputs, reader: Reader, now: datetime) -> bool:
    """Whether what the pathway is called does not depend on all of its steps."""
    if reader.kind == "organisation":
        return True
    if reader.kind == "operator":
        return len(inputs.refs) == 1
    visible_pathway = compute_visible(reader, now, await inputs.build_context(reader))
    return visible_pathway is None or len(visible_pathway.anchors) == 1


_WINDOW_SIZE = 1_000
"""Fewest steps of one read: a short page of what she sees may lie behind many that she does not."""


async def _read_windows(
    inputs: PolicyInputs, reader: Reader, now: datetime, page_range: PageRange
) -> VisiblePage | None:
    refs = [ref.id for ref in potentially_visible_refs(reader, await inputs.build_context(reader))]
    deciding_steps = dict(inputs.stored)
    visible_steps: list[VisibleStep] = []
    place, last_visible, size = page_range.after, None, max(page_range.limit, _WINDOW_SIZE)
    while True:
        window = await part_repository.load_steps_after(inputs.connection, inputs.members, refs, place, size + 1)
        steps = await run_off_loop(len(window.rows), window.steps)
        inputs.stored = dict(deciding_steps)
        inputs.add_steps(steps)
        visible_pathway = await _compute_visible(inputs, reader, now)
        # Of what decides, whatever lies beyond the window is met there.
        end = steps[-1].sort_key if len(steps) > size else None
        if visible_pathway is not None:
            last_visible = visible_pathway
            visible_steps += [each for each in visible_pathway.steps if _is_in_window(each, place, end)]
        if end is None or len(visible_steps) > page_range.limit:
            break
        place = StepCursor(*end)
    if last_visible is None:
        return None
    page = visible_steps[: page_range.limit]
    next_place = StepCursor(*page[-1].parsed.step.sort_key) if len(visible_steps) > len(page) else None
    inputs.stored = dict(deciding_steps)
    context = await _load_context(inputs, reader, now, page)
    refs_shown = _ref_numbers(inputs, page) | {ref.id for ref in last_visible.anchors}
    return VisiblePage(
        replace(last_visible, steps=page, refs=frozenset(refs_shown)), context or last_visible, next_place
    )


async def _load_context(
    inputs: PolicyInputs, reader: Reader, now: datetime, page: Sequence[VisibleStep]
) -> VisiblePathway | None:
    await inputs.load_events((each.parsed.step.source, each.parsed.step.id) for each in page)
    if any(handoff_event_from_step(each.parsed.step) is not None for each in page):
        await inputs.load_contacts(reader)
    return await _compute_visible(inputs, reader, now)


async def _compute_visible(inputs: PolicyInputs, reader: Reader, now: datetime) -> VisiblePathway | None:
    context = await inputs.build_context(reader)
    return await run_off_loop(len(context.steps), lambda: compute_visible(reader, now, context))


def _is_in_window(each: VisibleStep, after: StepCursor | None, end: tuple[object, ...] | None) -> bool:
    order = each.parsed.step.sort_key
    return (after is None or order > after) and (end is None or order <= end)


def _ref_numbers(inputs: PolicyInputs, page: Iterable[VisibleStep]) -> set[int]:
    numbers = {(ref.org, ref.subject): ref.id for ref in inputs.refs}
    return {numbers[each.parsed.step.org, each.parsed.step.subject] for each in page}
