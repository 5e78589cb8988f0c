"""What looks like a personal number is found, and the quick look that spares most ids the slow one hides none."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pathline import personal_numbers

KNOWN = {
    "123456782": "a tax file number",
    "123 456 782": "a personal number",
    "TFN: 123-456-782": "a tax file number",
    "2123456701": "a Medicare number",
    "medicare 2123 45670 1": "a personal number",
    "crn 204123456A": "a customer reference number",
    "8003608166690503": "a healthcare identifier",
    "ab 12 34 56 c": "a national insurance number",
    "AB123456C": "a national insurance number",
    "078-05-1120": "a social security number",
    "111.111.111": "a personal number",
}
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


@pytest.mark.parametrize("text", KNOWN)
def test_a_personal_number_is_found_however_it_is_spaced(text: str) -> None:
    assert personal_numbers.looks_like(text) == KNOWN[text]


@pytest.mark.parametrize(
    "text", ["case-1", "v1.AAAAAAAAAAAAAAAAAAAAAA", "3f1c7f0e-6a2b-4a52-9d6e-111111111111", "", "12"]
)
def test_an_ordinary_id_is_none(text: str) -> None:
    assert personal_numbers.looks_like(text) is None


def _looked_at_closely(text: str, monkeypatch: pytest.MonkeyPatch) -> str | None:
    with monkeypatch.context() as patched:
        patched.setattr(personal_numbers, "_MAY_BE", re.compile(r"(?s:.*)"))
        return personal_numbers.looks_like(text)


def test_the_quick_look_hides_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    @given(_labelled)
    @example("tfn 123.456.782")
    @example(" ab.12/34-56c ")
    def same(text: str) -> None:
        assert personal_numbers.looks_like(text) == _looked_at_closely(text, monkeypatch)

    same()
