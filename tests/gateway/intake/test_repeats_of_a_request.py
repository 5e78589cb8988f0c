"""An event that comes twice in one request: in the same bytes it is a repeat, and nobody looks into it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from pathline.testing import SUBJECT
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.intake import http_ingest, record_parser
from pathline_gateway.intake.http_ingest import HttpIngest
from pathline_gateway.kafka.progress import Progress

BATCH = [("content-type", "application/cloudevents-batch+json")]


class _Pool:
    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        yield None


def _event(id: str, **data: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": "urn:pathline:food-bank:form",
        "type": "org.pathline.contact.made.v1",
        "subject": SUBJECT,
        "time": "2026-03-02T09:00:00Z",
        "data": {"kind": "enquiry", **data},
    }


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of events whose content was looked into, of a door that knows no event and writes none."""
    ids: list[str] = []
    real = record_parser.build_digested_content

    def counted(item: Any) -> Any:
        ids.append(item.id)
        return real(item)

    async def nothing(*_: object) -> Mapping[Any, Any]:
        return {}

    monkeypatch.setattr(http_ingest, "build_digested_content", counted)
    monkeypatch.setattr(http_ingest, "known_digests", nothing)
    monkeypatch.setattr(HttpIngest, "write", nothing)
    return ids


async def _answer(body: str) -> dict[str, Any]:
    pool: Any = _Pool()
    producer: Any = None
    door = HttpIngest(producer, pool, Progress(), wait_for_postgres=False, register_unknown=True)
    answer = await door.ingest(BATCH, body.encode(), AUTH_DISABLED_CALLER)
    return dict(json.loads(bytes(answer.body)))


async def test_a_repeat_in_the_same_bytes_costs_no_comparison(compared: list[str]) -> None:
    answer = await _answer(json.dumps([_event("a"), _event("b"), _event("a"), _event("a")]))
    assert (answer["accepted"], answer["duplicate"], answer.get("notices")) == (2, 2, None)
    assert compared == []


async def test_a_repeat_that_is_written_otherwise_is_compared_and_is_no_conflict(compared: list[str]) -> None:
    first = _event("a", channel="phone")
    second = first | {"data": dict(reversed(first["data"].items()))}
    answer = await _answer(json.dumps([first, second]))
    assert (answer["accepted"], answer["duplicate"], answer.get("notices")) == (1, 1, None)
    assert set(compared) == {"a"}


async def test_what_comes_with_other_content_is_a_conflict(compared: list[str]) -> None:
    answer = await _answer(json.dumps([_event("a"), _event("b"), _event("a", channel="phone"), _event("a")]))
    assert (answer["accepted"], answer["duplicate"]) == (2, 2)
    assert [(each["index"], each["reason"]) for each in answer["notices"]] == [(2, "conflicting-duplicate")]
    assert set(compared) == {"a"}
