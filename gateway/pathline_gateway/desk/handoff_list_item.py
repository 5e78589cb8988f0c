"""A hand-off as the desk's pages tell of it, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pathline import instant
from pathline_gateway.console.handoff_wording import HandoffWording, waiting
from pathline_gateway.handoffs.deadlines import STAGES, HandoffStatus, served
from pathline_gateway.handoffs.desk_repository import Place
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.formatting import lasting


@dataclass(frozen=True, slots=True)
class HandoffListItem:
    """One line of a list."""

    handle: str
    """What it is called in addresses: nothing of its id, which may say something to somebody."""
    told: HandoffWording
    service: str | None
    due: datetime | None
    """When an answer, or then a contact, is due, in the desk's own zone."""
    waits: str
    """How long it has waited, or how long ago it was offered."""
    late: bool
    clocks: HandoffStatus


def listed(found: Sequence[HandoffStatus], key: ReaderKey, zone: ZoneInfo, now: datetime) -> list[HandoffListItem]:
    """Each of them, in the same order."""
    bodies = [served(each) for each in found]
    told = waiting(bodies, now)
    return [_listed(each, told, body, key, zone, now) for each, told, body in zip(found, told, bodies, strict=True)]


def _listed(
    each: HandoffStatus, told: HandoffWording, body: dict[str, object], key: ReaderKey, zone: ZoneInfo, now: datetime
) -> HandoffListItem:
    to = body["to"]
    stage = next((s for s in STAGES if s in each.due and s not in each.answered), None)
    due = None if stage is None else each.due[stage]
    return HandoffListItem(
        handle(key, each),
        told,
        to.get("service") if isinstance(to, dict) else None,
        None if due is None else instant.placed(due, zone),
        "" if each.offered is None else lasting(max(now, each.offered) - each.offered),
        bool(each.silent),
        each,
    )


def handle(key: ReaderKey, each: HandoffStatus) -> str:
    """What the hand-off is called in addresses."""
    return key.seal("desk", each.life.handoff)


def handoff_of(key: ReaderKey, handle: str) -> str | None:
    """Which hand-off is called so; None where none ever was."""
    return key.unseal("desk", handle)


def cursor(key: ReaderKey, place: Place) -> str:
    """A place in a list, as it stands in an address."""
    return key.seal("desk page", f"{place.offered.isoformat()} {place.handoff}")


def place_of(key: ReaderKey, cursor: str) -> Place | None:
    """The way back; None where it never was one."""
    said = key.unseal("desk page", cursor)
    if said is None:
        return None
    offered, _, handoff = said.partition(" ")
    return Place(datetime.fromisoformat(offered), handoff)
