"""The hand-offs of a pathway as one reader is told of them: from the steps that she sees, under names of her own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import asyncpg

from pathline_gateway.auth.reader import Reader
from pathline_gateway.handoffs.deadlines import HandoffStatus, render_handoff
from pathline_gateway.handoffs.on_pathway import compute_lifecycles, compute_statuses, current_receivers, sort_by_offer
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.redaction import Identity, event_names, is_location_hidden
from pathline_gateway.visibility.side_handoffs import load_lifecycles


async def render_visible_handoffs(
    connection: asyncpg.Connection,
    reader: Reader,
    key: ReaderKey,
    visible: VisiblePathway,
    now: datetime,
    only: Collection[str] | None = None,
    *,
    include_elsewhere: bool = True,
) -> list[dict[str, Any]]:
    """Each with its state and clocks, the first offered first; `only`: these alone.

    `include_elsewhere`: what was said of a hand-off on other pathways counts, too, where she may know all of it: a
    receiver may
    answer under a record that nobody has linked.
    """
    steps = [each.parsed.step for each in visible.steps]
    lifecycles = await run_off_loop(len(steps), lambda: compute_lifecycles(steps, ()))
    if not lifecycles:
        return []
    fully_visible = {life.handoff for life in lifecycles} & visible.whole_handoffs if include_elsewhere else set()
    if fully_visible:
        side_lifecycles = {
            life.handoff: life for life in (await load_lifecycles(connection, fully_visible, reader.org))[0]
        }
        lifecycles = [side_lifecycles.get(life.handoff, life) for life in lifecycles]
    registered = await organisation_repository.cached_registered(connection, current_receivers(lifecycles))
    # A receiver that conceals is for everybody else as one that is not here: it cannot be said to be silent.
    observable = {org for org in registered if org == reader.org or not visible.concealment.conceals_party(org, None)}

    def render() -> list[dict[str, Any]]:
        extra_contacts = dict.fromkeys(visible.handoffs, visible.contacts)
        ordered = sort_by_offer(compute_statuses(lifecycles, steps, observable, now, extra_contacts))
        selected = ordered if only is None else [each for each in ordered if each.lifecycle.handoff in only]
        if reader.kind == "operator":
            return [render_handoff(each, ordered) for each in selected]
        return _render_keyed(selected, ordered, visible, key)

    return await run_off_loop(len(steps), render)


def _render_keyed(
    selected: Iterable[HandoffStatus], ordered: list[HandoffStatus], visible: VisiblePathway, key: ReaderKey
) -> list[dict[str, Any]]:
    """The id of a hand-off that the reader is a side of as it is; another's keyed, as in the steps."""
    own_handoffs = {each.parsed.data.get("handoff") for each in visible.steps if each.is_own} | visible.handoffs
    location_hidden = {
        each.parsed.data.get("handoff") for each in visible.steps if not each.is_own and is_location_hidden(each.parsed)
    }
    handoff_names = {
        c.lifecycle.handoff: c.lifecycle.handoff
        if c.lifecycle.handoff in own_handoffs
        else key.handoff_id(c.lifecycle.handoff)
        for c in ordered
    }
    event_name_map = event_names(key, visible.steps)
    return [
        _apply_names(
            render_handoff(each, ordered), handoff_names, event_name_map, each.lifecycle.handoff in location_hidden
        )
        for each in selected
    ]


def _apply_names(
    body: dict[str, Any], handoff_names: Mapping[str, str], event_name_map: Mapping[Identity, Identity], hidden: bool
) -> dict[str, Any]:
    returns = body["returns"]
    anomalies = [
        {**each, "source": name[0], "id": name[1]}
        for each in body["anomalies"]
        for name in [event_name_map.get((each["source"], each["id"]))]
        if name is not None  # of an event that she does not see she is told no name
    ]
    replacements: dict[str, Any] = {
        "handoff": handoff_names[body["handoff"]],
        "returns": None if returns is None else handoff_names[returns],
        "anomalies": anomalies,
    }
    if hidden and body["to"] is not None:
        replacements["to"] = {"org": body["to"]["org"]}
    return {**body, **replacements}
