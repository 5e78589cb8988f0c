"""Loads the hand-offs of one pathway for the reader of that pathway: from the steps that she sees."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from pathline_gateway.auth.reader import Reader
from pathline_gateway.handoffs.pathway_handoffs import compute_pathway_lifecycles, current_receivers
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.visibility.handoff_rendering import NO_HANDOFFS, VisibleHandoffs, render_handoffs_for
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.side_handoffs import load_lifecycles


async def load_visible_handoffs(
    connection: asyncpg.Connection, reader: Reader, visible: VisiblePathway, *, include_elsewhere: bool = True
) -> VisibleHandoffs:
    """Those that the steps which she sees are about, and who of their receivers can be said to be silent.

    `include_elsewhere`: events of a hand-off on other pathways count, too, where she may know all of it. A receiver may
    answer under a ref that nobody has linked.
    """
    steps = [each.parsed.step for each in visible.steps]
    lifecycles = await run_off_loop(len(steps), lambda: compute_pathway_lifecycles(steps, ()))
    if not lifecycles:
        return NO_HANDOFFS
    fully_visible = {life.handoff for life in lifecycles} & visible.whole_handoffs if include_elsewhere else set()
    if fully_visible:
        side_lifecycles = {
            life.handoff: life for life in (await load_lifecycles(connection, fully_visible, reader.org))[0]
        }
        lifecycles = [side_lifecycles.get(life.handoff, life) for life in lifecycles]
    receivers = current_receivers(lifecycles)
    registered = await organisation_repository.cached_registered(connection, receivers)
    # A receiver that conceals is for everybody else as one that is not here: it cannot be said to be silent.
    observable = {org for org in registered if org == reader.org or not visible.concealment.conceals_party(org, None)}
    return VisibleHandoffs(lifecycles, frozenset(observable), frozenset(receivers - registered))


async def load_rendered_handoffs(
    connection: asyncpg.Connection, reader: Reader, key: ReaderKey, visible: VisiblePathway, now: datetime
) -> list[dict[str, Any]]:
    """The same as she is told of them."""
    handoffs = await load_visible_handoffs(connection, reader, visible)
    return await run_off_loop(
        len(visible.steps), lambda: render_handoffs_for(reader, key, visible, handoffs.statuses(visible, now))
    )
