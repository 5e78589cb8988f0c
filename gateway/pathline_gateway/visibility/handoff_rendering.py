"""Renders the hand-offs of a pathway for one reader: what she may know, under names that only she has. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pathline_gateway.auth.reader import Reader
from pathline_gateway.handoffs.deadlines import HandoffStatus
from pathline_gateway.handoffs.lifecycle import Lifecycle
from pathline_gateway.handoffs.pathway_handoffs import compute_statuses, sort_by_offer
from pathline_gateway.handoffs.rendering import render_handoff
from pathline_gateway.handoffs.returned import find_returned
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.redaction import Identity, event_names, is_location_hidden


@dataclass(frozen=True, slots=True)
class VisibleHandoffs:
    """What a reader may know of the hand-offs of a pathway, as it was loaded."""

    lifecycles: Sequence[Lifecycle]
    observable_orgs: frozenset[str]
    """The organisations that can be said to be silent."""
    unregistered_orgs: frozenset[str] = frozenset()
    """Receivers that are not on the register."""

    def statuses(self, visible: VisiblePathway, now: datetime) -> list[HandoffStatus]:
        """Each as it stands at an instant, as this reader may know it."""
        steps = [each.parsed.step for each in visible.steps]
        extra_contacts = dict.fromkeys(visible.handoffs, visible.contacts)
        return compute_statuses(self.lifecycles, steps, self.observable_orgs, now, extra_contacts)


NO_HANDOFFS: Final = VisibleHandoffs((), frozenset())


def render_handoffs_for(
    reader: Reader,
    key: ReaderKey,
    visible: VisiblePathway,
    statuses: Iterable[HandoffStatus],
    only: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """Each with its state and deadlines, the first offered first; `only`: these alone."""
    ordered = sort_by_offer(statuses)
    selected = ordered if only is None else [each for each in ordered if each.lifecycle.handoff in only]
    returned = find_returned(ordered)
    bodies = [render_handoff(each, returned.get(each.lifecycle.handoff)) for each in selected]
    return bodies if reader.kind == "operator" else _render_keyed(bodies, ordered, visible, key)


def _render_keyed(
    bodies: Iterable[dict[str, Any]], ordered: Iterable[HandoffStatus], visible: VisiblePathway, key: ReaderKey
) -> list[dict[str, Any]]:
    """The id of a hand-off that the reader is a side of as it is; another's keyed, as in the steps."""
    own_handoffs = {each.parsed.sent_handoff for each in visible.steps if each.is_own} | visible.handoffs
    location_hidden = {
        each.parsed.data.get("handoff") for each in visible.steps if not each.is_own and is_location_hidden(each.parsed)
    }
    handoff_names = {
        c.lifecycle.handoff: c.lifecycle.handoff
        if c.lifecycle.handoff in own_handoffs
        else key.handoff_name(c.lifecycle.handoff)
        for c in ordered
    }
    event_name_map = event_names(key, visible)
    return [_apply_names(body, handoff_names, event_name_map, body["handoff"] in location_hidden) for body in bodies]


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
