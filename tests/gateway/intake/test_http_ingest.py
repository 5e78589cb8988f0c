"""One request brings so many events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pathline.testing import SUBJECT
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.intake.http_ingest import HttpIngest
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.limits.table import Limits
from pathline_gateway.web.problem import Problem

BATCH = [("content-type", "application/cloudevents-batch+json")]


def _event(number: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "urn:pathline:food-bank:form",
        "type": "org.pathline.contact.made.v1",
        "subject": SUBJECT,
        "time": "2026-03-02T09:00:00Z",
        "data": {"kind": "enquiry"},
    }


def _door(**limits: int) -> HttpIngest:
    unreached: Any = None
    return HttpIngest(unreached, unreached, Progress(), False, True, Limits(**limits))


def _refused(problem: Problem) -> tuple[int, str, object]:
    return problem.status, problem.reason, problem.extensions["limit"]


@pytest.mark.limit("events")
async def test_a_batch_of_more_events_is_refused_whole() -> None:
    with pytest.raises(Problem) as refused:
        await _door(events=3).ingest(BATCH, json.dumps([_event(n) for n in range(4)]).encode(), AUTH_DISABLED_CALLER)
    assert _refused(refused.value) == (413, "too-large", "events")
