"""Computes which notices each side of a concealed hand-off is owed, and keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import asyncpg

from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.handoffs import side_repository
from pathline_gateway.handoffs.deadlines import contact_type
from pathline_gateway.handoffs.event_reader import Reading
from pathline_gateway.handoffs.open_stages import Waiting, nothing, waiting
from pathline_gateway.handoffs.projection_row import row_of
from pathline_gateway.handoffs.side_lifecycles import conceals, known_to, side_lives
from pathline_gateway.pathways.step import Step


async def keep_sides(connection: asyncpg.Connection, handoffs: Collection[str], read: Reading) -> None:
    """What each side may know of these is as was read, where anything is concealed of them or ever was."""
    before = await side_repository.kept(connection, handoffs)
    concealment = await _concealment(connection, _steps(read))
    apart = [
        handoff
        for handoff in handoffs
        if handoff in before or any(conceals(concealment, step) for step in _steps_of(read, handoff))
    ]
    if apart:
        await side_repository.keep(connection, await _side_views(connection, apart, read, before, concealment))


async def _side_views(
    connection: asyncpg.Connection,
    handoffs: Iterable[str],
    read: Reading,
    before: dict[str, set[str]],
    concealment: Concealment,
) -> list[Waiting]:
    lives = [
        (org, life)
        for handoff in handoffs
        for org, life in side_lives(handoff, read.told.get(handoff, ()), concealment, before.get(handoff, ())).items()
    ]
    met = await read.met_in(connection, {str(n): life for n, (_, life) in enumerate(lives)})
    of_receivers = await _concealment(connection, (step for steps in met.values() for step in _contacts(steps)))
    found = []
    for n, (org, life) in enumerate(lives):
        if life.offer is None:
            found.append(nothing(life.handoff, org))
            continue
        steps = [step for step in _contacts(met.get(str(n), ())) if known_to(org, of_receivers, step)]
        found.append(waiting(row_of(life, steps, read.received), org))
    return found


def _steps_of(read: Reading, handoff: str) -> Iterable[Step]:
    yield from (each.step for each in read.told.get(handoff, ()))
    yield from _contacts(read.met.get(handoff, ()))


def _contacts(met: Iterable[Step]) -> Iterable[Step]:
    """Of a long pathway few steps are contacts: nothing else is waited for."""
    return (step for step in met if contact_type(step.type))


def _steps(read: Reading) -> Iterable[Step]:
    for handoff in read.told:
        yield from _steps_of(read, handoff)


async def _concealment(connection: asyncpg.Connection, steps: Iterable[Step]) -> Concealment:
    return await concealment_repository.concealment(connection, list({(step.org, step.subject) for step in steps}))
