"""What people get wrong: one line says what, where and what to do, the exit code says how bad, and nothing is sent."""

import gzip
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from support.agency import CSV_FLAGS, ORG, csv_text, pathline, rows
from support.servers.ingest_door import Door

GOOD = csv_text(rows(2))
BARE = ("--org", ORG, "--key-file", "key")
LINKS = (
    *("--links", "--org", "registry", "--left-org", "a", "--left", "L", "--left-key-file", "key"),
    *("--right-org", "b", "--right", "R", "--right-key-file", "key"),
)


def flags(*more: str) -> tuple[str, ...]:
    """The usual flags, with these in the place of those of the same name."""
    kept = [pair for pair in zip(CSV_FLAGS[::2], CSV_FLAGS[1::2], strict=True) if pair[0] not in more]
    return (*(word for pair in kept for word in pair), *more)


def refused(ran_err: str, *said: str) -> None:
    assert ran_err.startswith("pathline: ")
    assert ran_err.count("\n") == 1
    for words in said:
        assert words in ran_err


SOURCES = {
    "an empty file": ("log.csv", b"", "no first row"),
    "another encoding with two bytes a letter": ("log.csv", GOOD.encode("utf-16"), "--encoding utf-16"),
    "a spreadsheet": ("log.xlsx", b"PK\x03\x04" + bytes(40), "save the sheet as CSV"),
    "an old spreadsheet": ("log.xls", b"\xd0\xcf\x11\xe0" + bytes(40), "save the sheet as CSV"),
    "a packed file that is cut": ("log.csv.gz", gzip.compress((GOOD * 99).encode())[:-40], "cut short or damaged"),
    "a packed file that is none": ("log.gz", b"\x1f\x8b" + b"z" * 60, "cut short or damaged"),
    "a column twice": ("log.csv", b"What,What,Patient No,When\na,b,c,2021-01-01", "column 2"),
    "another column": ("log.csv", b"patient-no,What,When\na,b,2021-01-01", "did you mean 'patient-no'?"),
    "an array that is cut": ("log.json", b'[{"a":1},\n{"a":', "line 2"),
}


@pytest.mark.parametrize(("name", "content", "said"), SOURCES.values(), ids=SOURCES)
def test_a_source_that_cannot_be_read_is_named(desk: Path, door: Door, name: str, content: bytes, said: str) -> None:
    (desk / name).write_bytes(content)

    ran = pathline("import", name, "--to", door.url, *CSV_FLAGS)

    assert (ran.code, ran.out) == (2, "")
    refused(ran.err, said)
    assert door.bodies == []


@pytest.mark.parametrize("command", ["import", "check", "publish"])
@pytest.mark.parametrize(("name", "said"), [("folder", "Is a directory"), ("none", "No such file")])
def test_a_folder_or_nothing_is_no_source(desk: Path, command: str, name: str, said: str) -> None:
    (desk / "folder").mkdir()
    more = {"import": (*CSV_FLAGS, "--to", "http://127.0.0.1:1"), "check": CSV_FLAGS}

    ran = pathline(command, name, *more.get(command, ("--to", "http://127.0.0.1:1")))

    assert ran.code == 2
    refused(ran.err, name, said)


XES = {
    "empty": (b"", "not well-formed XML"),
    "cut": (b"<log><trace><event>", "not well-formed XML"),
    "a page": (b"<html><body/></html>", "no XES"),
    "with entities": (b'<!DOCTYPE x [<!ENTITY a "b">]><log>&a;</log>', "entities"),
    "without offsets": (
        b'<log><trace><string key="concept:name" value="1"/>\n<event><string key="concept:name" value="a"/>'
        b'<date key="time:timestamp" value="2021-01-01T00:00:00"/></event></trace></log>',
        "--timezone",
    ),
}


@pytest.mark.parametrize(("content", "said"), XES.values(), ids=XES)
def test_an_xes_that_is_none_is_named_with_its_line(desk: Path, door: Door, content: bytes, said: str) -> None:
    (desk / "log.xes").write_bytes(content)

    ran = pathline("import", "log.xes", "--to", door.url, *BARE)

    assert ran.code == 2
    refused(ran.err, "line ", said)
    assert door.bodies == []


MAPPINGS = {
    "an unknown zone": (("--timezone", "Mars/Base"), "no such time zone"),
    "a pattern that no text has": (("--time-format", "%Q"), "strptime"),
    "a pattern with a zone's name": (("--time-format", "%Y-%m-%d %H:%M %Z"), "%Z"),
    "a pattern without a year": (("--time-format", "%d/%m %H:%M"), "no year"),
    "a week without its day": (("--time-format", "%Y-%W"), "which day"),
    "a clock without a day": (("--time-format", "%m/%Y %H:%M"), "which day"),
    "a weekday without a day": (("--time-format", "%b %Y %a"), "which day"),
    "half a day without which half": (("--time-format", "%d/%m/%Y %I:%M"), "%p"),
    "an offset of a day": (("--timezone", "+24:00"), "--timezone"),
    "a pattern that says the year twice": (("--time-format", "%Y %Y"), "strptime"),
    "a delimiter of two": (("--delimiter", ";;"), "one character"),
    "an empty delimiter": (("--delimiter", ""), "one character"),
    "another delimiter": (("--delimiter", ","), "--delimiter"),
    "an unknown encoding": (("--encoding", "klingon"), "no such text encoding"),
    "an organisation with capitals": (("--org", "Ward 7"), "--org"),
    "a system with a space": (("--system", "a b"), "--system"),
    "a type that is misspelt": (("--type", "org.pathline.need.exprssed.v1"), "org.pathline.need.expressed.v1"),
    "a field that is misspelt": (("--field", "epsode=Team"), "did you mean episode?"),
    "a service that is no code": (("--service", "Ward 7"), "service"),
    "a constant outside its list": (("--set", "needs=foood"), "needs"),
    "a service twice": (("--service", "a", "--service-column", "Team"), "not both"),
    "batches of none": (("--batch", "0"), "--batch"),
    "no patience at all": (("--retry-for", "-1"), "--retry-for"),
    "a mapping file that is absent": (("--mapping", "none.toml"), "none.toml"),
    "a token file that is absent": (("--token-file", "none"), "none"),
    "a token that is none": (("--token-file", "log.csv"), "no bearer token"),
    "a key that is none": (("--key-file", "log.csv"), "pathline init"),
    "a key that is absent": (("--key-file", "none"), "pathline init"),
    "rejects in the place of a folder": (("--rejects", "folder"), "--rejects"),
    "rejects over the source": (("--rejects", "log.csv"), "no rejects file"),
    "a state over the source": (("--state", "log.csv"), "no state"),
    "a state in no folder": (("--state", "none/state"), "--state"),
}


@pytest.mark.parametrize(("said", "told"), MAPPINGS.values(), ids=MAPPINGS)
def test_a_flag_that_cannot_be_meant_is_named(desk: Path, door: Door, said: tuple[str, ...], told: str) -> None:
    (desk / "folder").mkdir()
    (desk / "log.csv").write_text(GOOD, newline="")

    ran = pathline("import", "log.csv", "--to", door.url, *flags(*said))

    assert (ran.code, ran.out) == (2, "")
    refused(ran.err, told)


@pytest.mark.parametrize(
    "to",
    [
        *("http://[::1", "http://host:abc", "http://", "http://a b", "ftp://x", "localhost:80", "http://h?a=1"),
        *("kafka://", "kafka://host", "kafka://host:abc"),
    ],
)
def test_an_address_that_is_none_is_said_before_the_file_is_read(desk: Path, to: str) -> None:
    (desk / "log.csv").write_text(GOOD, newline="")

    ran = pathline("import", "log.csv", "--to", to, *CSV_FLAGS)

    assert ran.code == 2
    refused(ran.err, "--to")


@pytest.mark.parametrize("to", ["http://127.0.0.1:1", "kafka://127.0.0.1:1"])
def test_a_receiver_that_is_down_is_exit_code_3(desk: Path, to: str) -> None:
    (desk / "log.csv").write_text(GOOD, newline="")

    ran = pathline("import", "log.csv", "--to", to, *CSV_FLAGS, "--retry-for", "0.1")

    assert ran.code == 3
    refused(ran.err, "127.0.0.1:1", "does not answer")


ROWS = {
    "a month that is none": ("p,a,2021-13-01 09:00", "time", "does not exist"),
    "a time that is none": ("p,a,soon", "time", "--time-format"),
    "an ambiguous order of day and month": ("p,a,01/02/2021", "time", "--time-format"),
    "a blank time": ("p,a,", "time", "is blank"),
    "an hour that the clocks skipped": ("p,a,2021-03-28 02:30", "time", "skipped"),
    "a year before all": ("p,a,0001-01-01", "time", "between the years"),
    "a blank person": (" ,a,2021-01-01", "subject", "is blank"),
    "a blank step": ("p,,2021-01-01", "data.activity", "is required"),
    "a step that is too long": (f"p,{'a' * 201},2021-01-01", "data.activity", "1 to 200 characters"),
    "bytes of another encoding": (b"p,R\xf6ntgen,2021-01-01", "", "--encoding"),
    "too few columns": ("p,a", "", "has 2 columns"),
    "a quotation mark amid a field": ('p,"a"b,2021-01-01', "", "quotation mark"),
}


@pytest.mark.parametrize(("row", "field", "detail"), ROWS.values(), ids=ROWS)
def test_a_bad_row_is_rejected_with_its_line_and_its_neighbours_are_sent(
    desk: Path, door: Door, row: str | bytes, field: str, detail: str
) -> None:
    good = b"p,a,2021-01-01 08:00\n"
    raw = row if isinstance(row, bytes) else row.encode()
    (desk / "log.csv").write_bytes(b"Patient No,What,When\n" + good + raw + b"\n" + good)

    ran = pathline("import", "log.csv", "--to", door.url, *flags("--timezone", "Europe/Amsterdam"), "--id-prefix", "x")

    assert ran.code == 1
    assert len(door.kept) == 2
    header, reject = (desk / "log.csv.rejects.csv").read_text().splitlines()
    assert header == "line,reason,field,detail"
    assert reject.startswith("3,")
    assert f",{field}," in reject
    assert detail in reject
    assert "lines and reasons: log.csv.rejects.csv" in ran.out


def test_the_hour_that_the_clocks_repeat_is_the_first_one(desk: Path, door: Door) -> None:
    (desk / "log.csv").write_text("Patient No,What,When\np,a,2021-10-31 02:30\n")

    ran = pathline("import", "log.csv", "--to", door.url, *flags("--timezone", "Europe/Amsterdam"))

    assert ran.code == 0
    assert [event["time"] for event in door.events] == ["2021-10-31T02:30:00+02:00"]


def test_lines_that_are_no_records_are_rejected_and_the_others_sent(desk: Path, door: Door) -> None:
    good = b'{"c":"p","w":"a","t":"2021-01-01T00:00:00Z"}\n'
    bad = (b"no json", b"[1]", b'{"c":"\xff"}', b'{"c":"p","w":"\\ud800","t":"2021-01-01T00:00:00Z"}', b'{"c":"p"}')
    (desk / "log.ndjson").write_bytes(
        b"\xef\xbb\xbf" + good + b"\n".join(bad) + b"\n" + b"x" * 2_000_000 + b"\n" + good
    )

    ran = pathline("import", "log.ndjson", "--to", door.url, *BARE, "--case", "c", "--activity", "w", "--time", "t")

    assert ran.code == 1
    assert len(door.kept) == 2
    rejects = (desk / "log.ndjson.rejects.csv").read_text().splitlines()[1:]
    assert [reject.split(",")[0] for reject in rejects] == ["2", "3", "4", "5", "6", "7"]


@pytest.mark.parametrize(("mark", "encoding"), [(b"\xef\xbb\xbf", ()), (b"", ("--encoding", "utf-8"))])
def test_a_byte_order_mark_belongs_to_no_column(desk: Path, door: Door, mark: bytes, encoding: tuple[str, ...]) -> None:
    (desk / "log.csv").write_bytes(mark + GOOD.encode())

    assert pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS, *encoding).code == 0
    assert len(door.kept) == 10


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(desk: Path, door: Door, delimiter: str) -> None:
    (desk / "log.txt").write_text(csv_text(rows(2), delimiter=delimiter), newline="")

    assert pathline("import", "log.txt", "--to", door.url, *CSV_FLAGS).code == 0
    assert len(door.kept) == 10


def test_a_tab_can_be_named_on_a_command_line(desk: Path, door: Door) -> None:
    (desk / "log.csv").write_text(csv_text(rows(2), delimiter="\t"), newline="")

    assert pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS, "--delimiter", r"\t").code == 0


@pytest.mark.parametrize(("unknown", "accepted"), [("?", 1), ("-", 1), ("漢", 0)])
def test_a_service_that_the_register_does_not_know_is_absent_but_one_in_other_letters_is_not_dropped(
    desk: Path, door: Door, unknown: str, accepted: int
) -> None:
    (desk / "log.csv").write_text(f"Patient No,What,When,Team\np,a,2021-01-01,{unknown}\n")

    pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS, "--service-column", "Team")

    assert [event["data"] for event in door.events] == [{"activity": "a", "precision": "day"}] * accepted


def test_events_outside_of_traces_are_nobodys(desk: Path, door: Door) -> None:
    event = (
        '<event><string key="concept:name" value="a"/><date key="time:timestamp" value="2021-01-01T00:00:00Z"/></event>'
    )
    trace = f'<trace><string key="concept:name" value="1"/>{event}</trace>'
    (desk / "log.xes").write_text(f"<log>{trace}{event}</log>")

    ran = pathline("import", "log.xes", "--to", door.url, *BARE)

    assert ran.code == 1
    assert len(door.kept) == 1
    assert "case:concept:name" in (desk / "log.xes.rejects.csv").read_text()


LINK_MISTAKES = {
    "a method that is none": (("--method", "magic"), "record-key"),
    "too much confidence": (("--confidence", "5"), "between 0 and 1"),
    "an hour that is none": (("--at", "yesterday"), "RFC 3339"),
    "a column of rows": (("--case", "L"), "--case"),
}


@pytest.mark.parametrize(("more", "said"), LINK_MISTAKES.values(), ids=LINK_MISTAKES)
def test_a_linking_table_is_not_begun_with_flags_that_mean_nothing(
    desk: Path, door: Door, more: tuple[str, ...], said: str
) -> None:
    (desk / "l.csv").write_text("L,R\na,b\n")

    ran = pathline("import", "l.csv", "--to", door.url, *LINKS, *more)

    assert ran.code == 2
    assert said in ran.err
    assert door.bodies == []


def test_rows_of_a_linking_table_that_name_nobody_or_no_time_are_rejected(desk: Path, door: Door) -> None:
    (desk / "l.csv").write_text("L,R,T\na,b,1600000000\nc,,1600000000\nd,e,1e30\nf,g,nan\nh,i,\n")

    ran = pathline("import", "l.csv", "--to", door.url, *LINKS, "--time", "T", "--time-format", "unix")

    assert ran.code == 1
    assert {event["time"] for event in door.events} == {"1970-01-01T00:00:00Z", "2020-09-13T12:26:40Z"}
    rejects = (desk / "l.csv.rejects.csv").read_text().splitlines()[1:]
    assert [reject.split(",")[:3] for reject in rejects] == [
        ["3", "missing-attribute", "data.same"],
        ["4", "invalid-attribute", "time"],
        ["5", "invalid-attribute", "time"],
    ]


def test_init_makes_a_key_that_only_its_owner_reads_and_overwrites_nothing(desk: Path) -> None:
    first = pathline("init", "--org", "ward", "--key-file", "new", "--entry", "entry.json")
    again = pathline("init", "--org", "ward", "--key-file", "new", "--entry", "other.json")
    entry = pathline("init", "--org", "ward", "--key-file", "newer", "--entry", "entry.json")
    nowhere = pathline("init", "--org", "ward", "--key-file", "newer", "--entry", "none/entry.json")

    assert (first.code, again.code, entry.code, nowhere.code) == (0, 2, 2, 2)
    assert stat.S_IMODE((desk / "new").stat().st_mode) == 0o600
    assert (desk / "new").read_text().strip() not in first.out + first.err + (desk / "entry.json").read_text()
    for ran in (again, entry, nowhere):
        refused(ran.err)
    assert not (desk / "other.json").exists()
    assert not (desk / "newer").exists()


def test_nothing_need_be_writable_beside_the_source(desk: Path, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk / "closed").mkdir()
    (desk / "closed" / "log.csv").write_text(GOOD + "broken\n", newline="")
    # A mode would not do: root, as whom tests run in containers, may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed")

    ran = pathline("import", "closed/log.csv", "--to", door.url, *CSV_FLAGS)

    assert ran.code == 1
    assert (desk / "log.csv.rejects.csv").exists()
    assert [path.name for path in (desk / "closed").iterdir()] == ["log.csv"]


def test_a_reader_that_has_seen_enough_is_no_error_to_report(desk: Path) -> None:
    (desk / "log.ndjson").write_text("{}\n" * 20_000)
    check = subprocess.Popen(
        [sys.executable, "-m", "pathline.cli", "check", "log.ndjson"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert check.stdout is not None
    assert check.stderr is not None
    assert check.stdout.readline()
    check.stdout.close()
    assert check.stderr.read() == b""
    check.stderr.close()
    assert check.wait(30) == 1
