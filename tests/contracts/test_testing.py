"""What agencies test with: an example of every type, and a producer that records."""

from __future__ import annotations

import pytest

from pathline import publish
from pathline.errors import Refused
from pathline.testing import SOURCE, SUBJECT, RecordingProducer, example
from pathline.vocabulary import TYPES, NeedExpressed, Payload


@pytest.mark.parametrize("cls", TYPES.values(), ids=TYPES)
async def test_there_is_a_valid_example_of_every_type(cls: type[Payload]) -> None:
    out = RecordingProducer()
    told = example(cls)
    await publish(out, told)
    (heard,) = out.interactions
    assert (heard.type, heard.source, heard.subject) == (cls.type, SOURCE, SUBJECT)
    assert heard.payload == told.payload
    assert out.sent[0].topic == "pathline.in.example-agency"
    assert out.sent[0].key == SUBJECT.encode()


def test_fields_are_as_given_and_a_wrong_one_is_refused() -> None:
    assert example(NeedExpressed, code="food", id="need-1").payload.code == "food"
    with pytest.raises(ValueError, match="urgency"):
        example(NeedExpressed, urgency="whenever")
    with pytest.raises(Refused):
        example(NeedExpressed, subject="a name")


async def test_a_broker_that_is_away_can_be_played() -> None:
    out = RecordingProducer(fails=ConnectionError("away"))
    with pytest.raises(ConnectionError):
        await publish(out, example(NeedExpressed))
    assert out.sent == []
