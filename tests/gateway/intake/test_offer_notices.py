"""A publisher hears of an offer whose rule wants what no step can show; the offer is kept."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from pathline.testing import SUBJECT
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.intake import http_ingest
from pathline_gateway.intake.http_ingest import HttpIngest
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.offers.provable import unprovable_detail

BATCH = [("content-type", "application/cloudevents-batch+json")]
EXISTS = {"op": "exists", "fact": "income"}
NEVER = {"op": "not", "of": EXISTS}


class _Pool:
    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        yield None


def _offer(id: str, eligibility: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": "urn:pathline:food-bank:form",
        "type": "org.pathline.offer.published.v1",
        "subject": SUBJECT,
        "time": "2026-03-02T09:00:00Z",
        "data": {"offer": id, "title": "Parcel", "needs": ["food"], "eligibility": eligibility},
    }


async def _answer(monkeypatch: pytest.MonkeyPatch, *offers: Mapping[str, Any]) -> dict[str, Any]:
    async def nothing(*_: object) -> Mapping[Any, Any]:
        return {}

    monkeypatch.setattr(http_ingest, "known_digests", nothing)
    monkeypatch.setattr(HttpIngest, "write", nothing)
    pool: Any = _Pool()
    producer: Any = None
    door = HttpIngest(producer, pool, Progress(), wait_for_postgres=False, register_unknown=True)
    answer = await door.ingest(BATCH, json.dumps(offers).encode(), AUTH_DISABLED_CALLER)
    return dict(json.loads(bytes(answer.body)))


async def test_the_notice_says_which_condition_of_which_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = (None, EXISTS, {"op": "all", "of": [EXISTS, NEVER]}, NEVER)
    answer = await _answer(monkeypatch, *(_offer(f"o{n}", rule) for n, rule in enumerate(rules)))
    assert answer["accepted"] == 4
    assert [(each["index"], each["reason"], each["field"]) for each in answer["notices"]] == [
        (2, "unprovable-condition", "data.eligibility"),
        (3, "unprovable-condition", "data.eligibility"),
    ]
    assert answer["notices"][0]["detail"].startswith("at /of/1/of: no step can show this")


async def test_a_rule_that_asks_for_what_there_is_not_is_refused_where_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = {"op": "any", "of": [EXISTS, {"op": "not", "of": {"op": "occurred", "type": "service.begun"}}]}
    answer = await _answer(monkeypatch, _offer("o1", rule), _offer("o2", None))
    [refused] = answer["refused"]
    assert (refused["reason"], refused["field"]) == ("invalid-data", "data.eligibility")
    assert "At /of/1/of: no step has this type" in refused["detail"]


def test_three_places_are_named_and_the_rest_is_counted() -> None:
    detail = unprovable_detail(
        {"op": "all", "of": [{"op": "not", "of": {**EXISTS, "fact": f"f{n}"}} for n in range(5)]}
    )
    assert detail is not None
    assert detail.startswith("at /of/0/of, at /of/1/of, at /of/2/of, and 2 more: no step")
    assert unprovable_detail(NEVER["of"]) is None  # type: ignore[arg-type]
    root = unprovable_detail({"op": "count", "type": "service.delivered", "cmp": "le", "value": 1})
    assert root is not None
    assert root.startswith("at its root:")
