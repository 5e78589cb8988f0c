"""A hand-off as the desk's pages tell of it, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pathline import instant
from pathline_gateway.console.handoff_wording import HandoffWording, describe_handoffs
from pathline_gateway.handoffs.deadlines import STAGES, HandoffStatus
from pathline_gateway.handoffs.desk_repository import HandoffCursor
from pathline_gateway.handoffs.rendering import render_handoff
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.formatting import format_duration


@dataclass(frozen=True, slots=True)
class HandoffListItem:
    """One line of a list."""

    handle: str
    """What it is called in addresses: nothing of its id, which may say something to somebody."""
    wording: HandoffWording
    service: str | None
    due: datetime | None
    """When an answer, or then a contact, is due, in the desk's own zone."""
    waits: str
    """How long it has waited, or how long ago it was offered."""
    late: bool
    status: HandoffStatus


def build_items(
    handoffs: Sequence[HandoffStatus], key: ReaderKey, zone: ZoneInfo, now: datetime
) -> list[HandoffListItem]:
    """Each of them, in the same order."""
    bodies = [render_handoff(each) for each in handoffs]
    wordings = describe_handoffs(bodies, now)
    return [
        _build_item(each, wordings, body, key, zone, now)
        for each, wordings, body in zip(handoffs, wordings, bodies, strict=True)
    ]


def _build_item(
    handoff: HandoffStatus,
    wording: HandoffWording,
    body: dict[str, object],
    key: ReaderKey,
    zone: ZoneInfo,
    now: datetime,
) -> HandoffListItem:
    receiver = body["to"]
    stage = next((s for s in STAGES if s in handoff.due and s not in handoff.answered_at), None)
    due = None if stage is None else handoff.due[stage]
    return HandoffListItem(
        encode_handle(key, handoff),
        wording,
        receiver.get("service") if isinstance(receiver, dict) else None,
        None if due is None else instant.in_zone(due, zone),
        "" if handoff.offered_at is None else format_duration(max(now, handoff.offered_at) - handoff.offered_at),
        bool(handoff.silent_stages),
        handoff,
    )


def encode_handle(key: ReaderKey, handoff: HandoffStatus) -> str:
    """What the hand-off is called in addresses: `find_meaning` knows the way back."""
    return key.handoff_name(handoff.lifecycle.handoff)


def encode_cursor(key: ReaderKey, place: HandoffCursor) -> str:
    """A place in a list, as it stands in an address."""
    return key.seal("desk page", f"{place.offered.isoformat()} {place.handoff}")


def decode_cursor(key: ReaderKey, cursor: str) -> HandoffCursor | None:
    """The way back; None where it never was one."""
    text = key.unseal("desk page", cursor)
    if text is None:
        return None
    offered, _, handoff = text.partition(" ")
    return HandoffCursor(datetime.fromisoformat(offered), handoff)
