"""The hand-offs of a pathway as one reader is told of them: from the steps that she sees, under names of her own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import asyncpg

from pathline_gateway.auth.reader import Reader
from pathline_gateway.handoffs.deadlines import HandoffStatus, served
from pathline_gateway.handoffs.on_pathway import in_order, lifecycles_of, receivers, with_deadlines
from pathline_gateway.off_loop import off_loop
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.redaction import Identity, is_hidden, names
from pathline_gateway.visibility.side_handoffs import lifecycles_for


async def handoffs_seen(
    connection: asyncpg.Connection,
    reader: Reader,
    key: ReaderKey,
    seen: VisiblePathway,
    now: datetime,
    only: Collection[str] | None = None,
    *,
    elsewhere: bool = True,
) -> list[dict[str, Any]]:
    """Each with its state and clocks, the first offered first; `only`: these alone.

    `elsewhere`: what was said of a hand-off on other pathways counts, too, where she may know all of it: a receiver may
    answer under a record that nobody has linked.
    """
    steps = [each.told.step for each in seen.steps]
    found = await off_loop(len(steps), lambda: lifecycles_of(steps, ()))
    if not found:
        return []
    whole = {life.handoff for life in found} & seen.whole_handoffs if elsewhere else set()
    if whole:
        known = {life.handoff: life for life in (await lifecycles_for(connection, whole, reader.org))[0]}
        found = [known.get(life.handoff, life) for life in found]
    registered = await organisation_repository.registered(connection, receivers(found))
    # A receiver that conceals is for everybody else as one that is not here: it cannot be said to be silent.
    observable = {org for org in registered if org == reader.org or not seen.concealment.party(org, None)}

    def served_of() -> list[dict[str, Any]]:
        also = dict.fromkeys(seen.handoffs, seen.contacts)
        ordered = in_order(with_deadlines(found, steps, observable, now, also))
        told = ordered if only is None else [each for each in ordered if each.life.handoff in only]
        if reader.kind == "operator":
            return [served(each, ordered) for each in told]
        return _keyed(told, ordered, seen, key)

    return await off_loop(len(steps), served_of)


def _keyed(
    told: Iterable[HandoffStatus], ordered: list[HandoffStatus], seen: VisiblePathway, key: ReaderKey
) -> list[dict[str, Any]]:
    """The id of a hand-off that the reader is a side of as it is; another's keyed, as in the steps."""
    own = {each.told.said.get("handoff") for each in seen.steps if each.own} | seen.handoffs
    hidden = {each.told.said.get("handoff") for each in seen.steps if not each.own and is_hidden(each.told)}
    called = {c.life.handoff: c.life.handoff if c.life.handoff in own else key.handoff(c.life.handoff) for c in ordered}
    told_as = names(key, seen.steps)
    return [_named(served(each, ordered), called, told_as, each.life.handoff in hidden) for each in told]


def _named(
    body: dict[str, Any], called: Mapping[str, str], told_as: Mapping[Identity, Identity], hidden: bool
) -> dict[str, Any]:
    returns = body["returns"]
    anomalies = [
        {**each, "source": name[0], "id": name[1]}
        for each in body["anomalies"]
        for name in [told_as.get((each["source"], each["id"]))]
        if name is not None  # of an event that she does not see she is told no name
    ]
    named: dict[str, Any] = {
        "handoff": called[body["handoff"]],
        "returns": None if returns is None else called[returns],
        "anomalies": anomalies,
    }
    if hidden and body["to"] is not None:
        named["to"] = {"org": body["to"]["org"]}
    return {**body, **named}
