"""Computes which notices each side of a concealed hand-off is owed, and keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import asyncpg

from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs import side_repository
from pathline_gateway.handoffs.deadlines import is_contact_type
from pathline_gateway.handoffs.event_reader import LoadedHandoffs
from pathline_gateway.handoffs.open_stages import OpenStages, open_stages_of, without_open_stages
from pathline_gateway.handoffs.projection_row import build_row
from pathline_gateway.handoffs.side_lifecycles import compute_side_lifecycles, is_concealed, is_visible_to
from pathline_gateway.pathways.step import Step


async def refresh_sides(connection: asyncpg.Connection, handoffs: Collection[str], loaded: LoadedHandoffs) -> None:
    """What each side may know of these is as was read, where anything is concealed of them or ever was."""
    existing_sides = await side_repository.existing_sides(connection, handoffs)
    concealment = await _load_concealment(connection, _all_steps(loaded))
    affected = [
        handoff
        for handoff in handoffs
        if handoff in existing_sides or any(is_concealed(concealment, step) for step in _steps_of(loaded, handoff))
    ]
    if affected:
        await side_repository.upsert_sides(
            connection, await _build_side_views(connection, affected, loaded, existing_sides, concealment)
        )


async def _build_side_views(
    connection: asyncpg.Connection,
    handoffs: Iterable[str],
    loaded: LoadedHandoffs,
    existing_sides: dict[str, set[str]],
    concealment: Concealment,
) -> list[OpenStages]:
    side_lifecycles = [
        (org, life)
        for handoff in handoffs
        for org, life in compute_side_lifecycles(
            handoff, loaded.steps_by_handoff.get(handoff, ()), concealment, existing_sides.get(handoff, ())
        ).items()
    ]
    receiver_steps = await loaded.load_receiver_steps(
        connection, {str(n): life for n, (_, life) in enumerate(side_lifecycles)}
    )
    receiver_concealment = await _load_concealment(
        connection, (step for steps in receiver_steps.values() for step in _contact_steps(steps))
    )
    views = []
    for n, (org, life) in enumerate(side_lifecycles):
        if life.offer is None:
            views.append(without_open_stages(life.handoff, org))
            continue
        steps = [
            step
            for step in _contact_steps(receiver_steps.get(str(n), ()))
            if is_visible_to(org, receiver_concealment, step)
        ]
        views.append(open_stages_of(build_row(life, steps, loaded.received_event), org))
    return views


def _steps_of(loaded: LoadedHandoffs, handoff: str) -> Iterable[Step]:
    yield from (each.step for each in loaded.steps_by_handoff.get(handoff, ()))
    yield from _contact_steps(loaded.receiver_steps.get(handoff, ()))


def _contact_steps(steps: Iterable[Step]) -> Iterable[Step]:
    """Of a long pathway few steps are contacts: nothing else is waited for."""
    return (step for step in steps if is_contact_type(step.type))


def _all_steps(loaded: LoadedHandoffs) -> Iterable[Step]:
    for handoff in loaded.steps_by_handoff:
        yield from _steps_of(loaded, handoff)


async def _load_concealment(connection: asyncpg.Connection, steps: Iterable[Step]) -> Concealment:
    return await concealment_repository.load_concealment(connection, list({(step.org, step.subject) for step in steps}))
