"""Personal numbers: recognised however they are written, and kept out of every context attribute."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pathline import interaction, personal_numbers
from pathline.errors import PersonalNumber
from pathline.personal_numbers import classify_number
from pathline.testing import SUBJECT
from pathline.vocabulary import ActivityRecorded

# Published examples, and numbers that only keep the check digit; each with a neighbour that keeps none.
NUMBERS = {
    "a tax file number": ("123456782", "123456783"),
    "a Medicare number": ("2123456701", "2123456711"),
    "a customer reference number": ("204123456A", "204123456"),
    "a healthcare identifier": ("8003608166690503", "8003608166690504"),
    "a national insurance number": ("AB123456C", "AB123456E"),
}


@pytest.mark.parametrize(("kind", "written"), NUMBERS.items(), ids=NUMBERS)
def test_a_number_is_recognised_and_its_neighbour_is_not(kind: str, written: tuple[str, str]) -> None:
    number, neighbour = written
    assert classify_number(number) == kind
    assert classify_number(neighbour) is None


@pytest.mark.parametrize(
    "written",
    [
        "123 456 782", "123-456-782", "123.456.782", "TFN: 123 456 782", "tfn123456782", "tax file number 123456782",
        "Medicare No. 2123 45670 1", "medicare card 2123456701", "2123 45670 1/1", "8003 6081 6669 0503",
        "１２３４５６７８２", "123\u00a0456\u00a0782", "123\u2013456\u2013782", "123_456_782", "(123456782)",
        "#123456782", "078-05-1120",
    ],
)  # fmt: skip
def test_spacing_labels_and_other_scripts_do_not_hide_it(written: str) -> None:
    assert classify_number(written) is not None


@pytest.mark.parametrize(
    "ordinary", ["case-123456782", "17", "123456789", "2026-03-12", "51824753556", "0412 345 678", "row-000000001", ""]
)
def test_ordinary_ids_pass(ordinary: str) -> None:
    assert classify_number(ordinary) is None


@given(st.text(max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    classify_number(text)


@pytest.mark.parametrize("attribute", ["id", "subject", "correlationid", "partitionkey", "unknownextension"])
def test_an_event_that_carries_one_in_an_attribute_is_refused_without_repeating_it(attribute: str) -> None:
    attributes = {"id": "contact-1", "subject": SUBJECT, attribute: "123 456 782"}
    with pytest.raises(PersonalNumber) as refused:
        interaction(
            ActivityRecorded(activity="call"), source="urn:pathline:desk:log", time=datetime.now(UTC), **attributes
        )
    assert refused.value.field == attribute
    assert "123" not in str(refused.value)


_separators = st.text(" .-/", max_size=2)
_near = st.lists(st.text("0123456789", min_size=1, max_size=4) | st.text("abckstzABCSſK", max_size=2) | _separators)
_labelled = st.builds(
    "{}{}{}{}{}".format,
    st.text(" \t\u2003", max_size=1),
    st.sampled_from(["", "tfn", "TFN:", "Medicare #", "crn=", "ihi-", "ſſn ", "nino ", "tax file ", "tax-file:"]),
    _separators,
    _near.map("".join),
    st.text(" \n", max_size=1),
)


def _looked_at_closely(text: str, monkeypatch: pytest.MonkeyPatch) -> str | None:
    with monkeypatch.context() as patched:
        patched.setattr(personal_numbers, "_CANDIDATE", re.compile(r"(?s:.*)"))
        return personal_numbers.classify_number(text)


def test_the_quick_look_hides_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    @given(_labelled)
    @example("tfn 123.456.782")
    @example(" ab.12/34-56c ")
    def same(text: str) -> None:
        assert personal_numbers.classify_number(text) == _looked_at_closely(text, monkeypatch)

    same()
