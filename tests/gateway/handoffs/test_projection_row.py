"""What is kept of a hand-off agrees with its clocks, and anything else is seen not to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from gateway.handoffs.due_times import LATER, OFFERED, REGISTERED, at
from gateway.handoffs.histories import FROM, TO, event
from pathline_gateway.handoffs.deadlines import compute_status, contact_from_step
from pathline_gateway.handoffs.lifecycle import compute_lifecycle
from pathline_gateway.handoffs.projection_row import HandoffRow, ReceivedEvent, build_row
from pathline_gateway.integrity.verify.handoff_row_check import row_agrees
from pathline_gateway.pathways.step import Step

EVENTS = (OFFERED, event("accepted", TO, 30, id="a"), event("completed", TO, 90, id="c"))


def step(name: str, minute: int, handoff: str | None = None) -> Step:
    data = orjson.dumps({} if handoff is None else {"handoff": handoff})
    nothing = (None,) * 8
    return Step("s", name, f"org.pathline.{name}.v1", at(minute), None, TO, "v1.x", *nothing, b"{}", data)


STEPS = (step("contact.made", 40), step("service.delivered", 20), step("service.started", 50))


def kept() -> HandoffRow:
    return build_row(compute_lifecycle(f"{FROM}:h", EVENTS), STEPS, lambda _: ReceivedEvent(at(0), 7, None, None))


def test_the_first_service_is_the_first_that_is_about_it() -> None:
    assert (kept().first_contact_at, kept().first_service_at, kept().receiver_first_active_at) == (
        at(40),
        at(50),
        at(20),
    )


KEPT_BY_EVENTS = (
    "offer_ref", "service", "is_concealed", "offer_trace_id", "offer_span_id", "end_trace_id", "end_span_id", "handoff",
)  # fmt: skip
"""Neither clocks nor the steps of a pathway say these, or by when something was known."""
OTHERS = [f for f in HandoffRow._fields if f not in KEPT_BY_EVENTS and not f.endswith("_due_known_at")]


@pytest.mark.parametrize("field", OTHERS)
def test_a_row_that_says_something_else_is_seen(field: str) -> None:
    met = [c for s in STEPS if (c := contact_from_step(s)) is not None]
    pulled = compute_status(compute_lifecycle(f"{FROM}:h", EVENTS), met, REGISTERED, LATER)
    assert row_agrees(kept(), pulled, STEPS)
    was: Any = getattr(kept(), field)
    other: Any = was + timedelta(minutes=1) if hasattr(was, "year") else "another" if isinstance(was, str) else 99
    assert not row_agrees(kept()._replace(**{field: other}), pulled, STEPS)
    assert was is None or not row_agrees(kept()._replace(**dict[str, Any]({field: None})), pulled, STEPS)
