"""What agencies test with: an example of every type, and a producer that records."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

import pytest

from pathline import publish
from pathline.errors import Refused
from pathline.testing import SOURCE, SUBJECT, RecordingProducer, example
from pathline.vocabulary import TYPES, NeedExpressed, Payload
from pathline.vocabulary.error_advice import WithAdvice
from support.generators import extremes, payloads


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


class _Shoe(Payload, noun="shoe"):
    """A shoe was fitted. Without a verb, it is no type of the vocabulary."""

    size: Annotated[str, WithAdvice("shoe_size", "Write a size")]
    """A value of a reason that no table knows."""


_Shoe.type = "org.pathline.shoe.fitted.v1"


@pytest.mark.parametrize(
    ("make", "table"),
    [
        (example, "_SAMPLE_VALUES in pathline/testing.py"),
        (payloads.complete, "VALUES_BY_REASON in tests/support/generators/payloads.py"),
        (lambda cls: extremes.data_of(cls, 0), "EXTREMES_BY_REASON in tests/support/generators/extremes.py"),
    ],
    ids=["example", "any", "extreme"],
)
def test_a_reason_without_values_is_named_with_the_table_that_lacks_it(
    make: Callable[[type[Payload]], object], table: str
) -> None:
    with pytest.raises(LookupError, match=f"'shoe_size': .* {re.escape(table)}"):
        make(_Shoe)


async def test_a_broker_that_is_away_can_be_played() -> None:
    out = RecordingProducer(fails=ConnectionError("away"))
    with pytest.raises(ConnectionError):
        await publish(out, example(NeedExpressed))
    assert out.sent == []
