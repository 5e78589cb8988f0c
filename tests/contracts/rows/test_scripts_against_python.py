"""What the desk's scripts work out, against what Python does: pseudonyms, ids, CSV files, codes, times."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from pathline.cli import times
from pathline.cli.sources.csv import csv_records
from pathline.cli.sources.record import Record
from pathline.pseudonym import Pseudonyms
from pathline.rows.identifier import WrongIdentifier
from pathline.rows.open_quote import swallows_rows
from pathline.rows.row_id import row_time
from pathline.rows.service_code import make_code
from support.browser_scripts import BrowserScripts, ScriptFailure
from support.examples import examples

KEY = bytes(range(40))
CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=12)
ROW = st.lists(CELL, min_size=3, max_size=3)
ASSIGNED = st.text(st.characters(exclude_categories=("Cs", "Cn", "Co")), max_size=30)
ZONES = ["Australia/Sydney", "Australia/Adelaide", "UTC", "America/New_York", "Asia/Kathmandu", "Asia/Beirut"]


@examples(200, deadline=None)
@given(identifier=ASSIGNED)
def test_the_browser_derives_what_python_derives(scripts: BrowserScripts, identifier: str) -> None:
    try:
        made = scripts.call("subjectFor", KEY.hex(), "food-bank", 3, identifier)
    except ScriptFailure as there:
        made = there.kind
    try:
        expected: str | None = Pseudonyms("food-bank", KEY, 3).subject(identifier, confirmed=True)
    except WrongIdentifier as here:
        expected = here.kind
    assert made == expected


@examples(200, deadline=None)
@given(text=ASSIGNED)
def test_a_code_is_the_same_code(scripts: BrowserScripts, text: str) -> None:
    assert scripts.call("makeCode", text) == make_code(text)


@examples(150, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=6),
    mark=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
)
def test_a_csv_file_is_read_as_it_was_written(
    scripts: BrowserScripts, rows: list[list[str]], mark: str, end: str, bom: bool
) -> None:
    table = [["client", "date", "via"], *rows]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=mark, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    # Of a cell that swallows rows both readers read the rows again: the next property has these.
    assume(not any(swallows_rows(cell, n, 3, mark) for row in rows for n, cell in enumerate(row)))
    read = scripts.call("readTable", ("\ufeff" if bom else "") + text.getvalue())
    kept = [[cell.replace("\r\n", "\n").replace("\r", "\n") for cell in row] for row in rows]
    kept = [row for row in kept if "".join(row).strip()]
    assert [row["cells"] for row in read["rows"]] == kept


@examples(400, deadline=None)
@given(text=st.text(alphabet='",;a1\n\r \t', max_size=40))
def test_whatever_a_file_holds_both_read_the_same_rows(scripts: BrowserScripts, text: str) -> None:
    whole = "a,b,c\n" + text
    read = list(csv_records(io.BytesIO(whole.encode()), ()))
    made = scripts.call("readTable", whole)
    assert [(row["line"], row["cells"]) for row in made["rows"]] == [
        (one.line, list(one.fields.values())) for one in read if isinstance(one, Record)
    ]
    assert [row["line"] for row in made["refused"]] == [one.line for one in read if not isinstance(one, Record)]


@examples(200, deadline=None)
@given(
    at=st.datetimes(datetime(1980, 1, 1), datetime(2030, 12, 31)),
    zone=st.sampled_from(ZONES),
    form=st.sampled_from(
        ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y/%m/%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%MZ"]
    ),
)
def test_a_time_is_read_in_every_way_it_may_be_written(
    scripts: BrowserScripts, at: datetime, zone: str, form: str
) -> None:
    text = at.strftime(form)
    try:
        parsed = times.time_reader(None, zone)(text)
    except ValueError:
        try:
            scripts.call("parseTime", text, zone, True)
        except ScriptFailure:
            return
        raise AssertionError("taken by the browser, and not by Python") from None
    made = scripts.call("parseTime", text, zone, True)
    assert (made["time"], made["precision"]) == (parsed.text, parsed.precision)
    assert made["at"] == row_time(parsed.instant, parsed.precision)


@examples(100, deadline=None)
@given(
    on=st.dates(date(1900, 1, 1), date(2099, 12, 31)),
    form=st.sampled_from(["{0:%Y-%m-%d}", "{0.day}/{0.month}/{0.year}", "{0:%d.%m.%Y}", "{0.day}-{0.month}-{0.year}"]),
)
def test_a_day_is_read_in_every_way_it_may_be_written(scripts: BrowserScripts, on: date, form: str) -> None:
    assert scripts.call("parseTime", form.format(on), "UTC", True)["day"] == on.isoformat()


def test_a_day_begins_in_the_browser_where_it_begins_in_python(scripts: BrowserScripts) -> None:
    for zone in ZONES:
        for month in range(1, 13):
            on = date(2026, month, 1)
            made = datetime.fromisoformat(scripts.call("parseTime", on.isoformat(), zone, True)["time"])
            assert made.utcoffset() == datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone)).utcoffset()
