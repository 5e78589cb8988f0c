"""What another organisation is told of a step, field by field."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import uuid4

import orjson
import pytest

from pathline.vocabulary import TYPES, Payload, Text
from pathline.vocabulary.error_advice import WithAdvice
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.pathways import payload_fields
from pathline_gateway.pathways.parsed_step import parse_step
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.redaction import StepRedactor
from support.generators.pathways import step

VISIT: Final = step("alpha", "1")
REDACTOR: Final = StepRedactor(
    ReaderKey(b"a secret of sixteen bytes", "organisation:beta"),
    "beta",
    Concealment(),
    {(VISIT.source, VISIT.id): (VISIT.source, "keyed:visit")},
)


class _Visit(Payload, noun="visit"):
    """Somebody was visited. Without a verb, it is no type of the vocabulary."""

    host: Annotated[str, WithAdvice("name_of_person", "Write a name")]
    """A value of a reason that no table knows."""
    note: Text
    """What somebody wrote."""
    nick: str
    """A value without a reason."""


def test_a_value_that_nothing_explains_is_told_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    # A name of its own each time: what a type holds is kept by its name.
    type_name = f"org.pathline.visit.{uuid4().hex}.v1"
    monkeypatch.setattr(payload_fields, "TYPES", {**TYPES, type_name: _Visit})
    data = {"host": "Jane Citizen", "note": "a visit", "nick": "Jane", "channel": "web"}
    visit = VISIT._replace(type=type_name, data=orjson.dumps(data))
    told = orjson.loads(REDACTOR.redact(parse_step(visit)).data)
    assert told == {"note": "a visit", "channel": "web"}
