"""What the door tells publishers of events that it keeps, and that look as if they were not meant so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from pathline.interaction import Interaction
from pathline.vocabulary import OfferPublished, Payload
from pathline_gateway.offers.provable import unprovable_detail

_CLOCK_SKEW: Final = timedelta(days=1)
"""An event's time may lie this far ahead without a notice: clocks and offsets are wrong by hours."""
_LIES_AHEAD: Final = "lies ahead, and is kept as it was sent: is it the time when this happened?"
_CONFLICT: Final = (
    "the same source and id came with other content first, which stays as it was. "
    "Publish a correction (interaction.corrected), or give another event another id"
)

NoticeJson = dict[str, Any]
"""An `EventNotice`, as it is written."""


def build_notices(accepted: Sequence[tuple[int, Interaction[Payload]]], conflicts: Sequence[int]) -> list[NoticeJson]:
    """The notices of these events, by their places in the request; `conflicts` are places among the accepted.

    Intake will park a conflict. A rule that wants what no step can show has a notice that names the places.
    """
    latest = datetime.now(UTC) + _CLOCK_SKEW
    return [
        *(_build_notice(i, item, "lies-ahead", "time", _LIES_AHEAD) for i, item in accepted if item.time > latest),
        *(_build_notice(*accepted[n], "conflicting-duplicate", "id", _CONFLICT) for n in conflicts),
        *_unprovable_conditions(accepted),
    ]


def _unprovable_conditions(accepted: Sequence[tuple[int, Interaction[Payload]]]) -> Iterator[NoticeJson]:
    for i, item in accepted:
        if isinstance(item.payload, OfferPublished) and item.payload.eligibility is not None:
            detail = unprovable_detail(orjson.loads(item.event.data or b"{}")["eligibility"])
            if detail is not None:
                yield _build_notice(i, item, "unprovable-condition", "data.eligibility", detail)


def _build_notice(index: int, item: Interaction[Payload], reason: str, field_name: str, detail: str) -> NoticeJson:
    return {"index": index, "type": item.type, "reason": reason, "field": field_name, "detail": detail}
