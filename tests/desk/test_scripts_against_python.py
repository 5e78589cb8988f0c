"""What the desk's scripts work out, against what Python does: pseudonyms, CSV files, days."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page
from secured import Secured

from examples import examples
from pathline.pseudonym import Pseudonyms

KEY = bytes(range(40))
CELL = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\ufeff"), max_size=12)
ROW = st.lists(CELL, min_size=2, max_size=4)


@pytest.fixture(scope="module")
def scripts(gateway: Secured, browser: Browser) -> Iterator[Page]:
    """A page on which the scripts are at hand."""
    page = browser.new_page(base_url=gateway.url)
    page.goto("/sign-in?out=yes")
    names = ("pseudonym", "csv", "rows")
    page.evaluate(
        """async (names) => {
          for (const name of names) Object.assign(window, await import(`/console/static/desk/${name}.js`));
          window.derived = await derive(Uint8Array.from({ length: 40 }, (_, n) => n), "food-bank", 3);
        }""",
        list(names),
    )
    yield page
    page.close()


@examples(200, deadline=None)
@given(identifier=st.text(st.characters(exclude_categories=("Cs", "Cn", "Co")), max_size=30))
def test_the_browser_derives_what_python_derives(scripts: Page, identifier: str) -> None:
    made = scripts.evaluate("text => subject(derived, 3, text)", identifier)
    if not identifier.strip():
        assert made is None
    else:
        assert made == Pseudonyms("food-bank", KEY, 3).subject(identifier)


@examples(150, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=6),
    mark=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
)
def test_a_csv_file_is_read_as_it_was_written(
    scripts: Page, rows: list[list[str]], mark: str, end: str, bom: bool
) -> None:
    table = [["client", "date", "via"], *rows]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=mark, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    read = scripts.evaluate("text => parse(text)", ("\ufeff" if bom else "") + text.getvalue())
    assert [each["cells"] for each in read] == table
    assert [each["line"] for each in read][:2] == [1, 2]


@examples(150, deadline=None)
@given(
    on=st.dates(date(1900, 1, 1), date(2099, 12, 31)),
    form=st.sampled_from(["{0:%Y-%m-%d}", "{0.day}/{0.month}/{0.year}", "{0:%d.%m.%Y}", "{0.day}-{0.month}-{0.year}"]),
)
def test_a_day_is_read_in_every_way_it_may_be_written(scripts: Page, on: date, form: str) -> None:
    assert scripts.evaluate("text => day(text, true)", form.format(on)) == on.isoformat()


@examples(100, deadline=None)
@given(
    on=st.dates(date(1980, 1, 1), date(2030, 12, 31)),
    zone=st.sampled_from(["Australia/Sydney", "Australia/Adelaide", "UTC", "America/New_York", "Asia/Kathmandu"]),
)
def test_a_day_begins_in_the_browser_where_it_begins_in_python(scripts: Page, on: date, zone: str) -> None:
    offset = scripts.evaluate("([on, zone]) => offset(on, zone)", [on.isoformat(), zone])
    here = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone)).utcoffset()
    assert datetime.fromisoformat(f"{on}T00:00:00{offset}").utcoffset() == here


@pytest.mark.parametrize("text", ["31/2/2026", "2026-13-01", "1/1/26", "yesterday", "0999-01-01", "1/2/2026/3"])
def test_what_is_no_day_is_refused(scripts: Page, text: str) -> None:
    wrong = "text => { try { day(text, true); return false; } catch (failed) { return failed instanceof Wrong; } }"
    assert scripts.evaluate(wrong, text) is True
