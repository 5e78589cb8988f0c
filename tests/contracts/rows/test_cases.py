"""The tables of cases, run against Python, the command line and the desk's scripts: one right answer for all."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest

from pathline.cli import times
from pathline.cli.sources.csv import csv_records
from pathline.cli.sources.record import Record
from pathline.pseudonym import Pseudonyms
from pathline.rows.headings import is_birth_date
from pathline.rows.identifier import WrongIdentifier, canonical_identifier, looks_like_name
from pathline.rows.row_id import row_time
from pathline.rows.service_code import make_code
from support.agency import pathline
from support.browser_scripts import BrowserScripts, ScriptFailure
from support.repository import ROW_CASES
from support.servers.ingest_door import Door, run_ingest_door


def table(name: str) -> Any:
    return json.loads((ROW_CASES / f"{name}.json").read_text("utf-8"))


IDENTIFIERS = table("identifiers")
ROWS = table("rows")
KEY = bytes.fromhex(ROWS["key_hex"])


@pytest.mark.parametrize(("text", "canonical"), IDENTIFIERS["identifiers"])
def test_an_identifier_is_the_same_for_all(scripts: BrowserScripts, text: str, canonical: str) -> None:
    assert canonical_identifier(text) == canonical
    assert scripts.call("canonicalIdentifier", text) == canonical
    assert scripts.call("subjectFor", KEY.hex(), "food-bank", 3, text) == Pseudonyms("food-bank", KEY, 3).subject(text)


@pytest.mark.parametrize(("text", "kind"), IDENTIFIERS["wrong"])
def test_what_is_no_identifier_is_nobody_to_all(scripts: BrowserScripts, text: str, kind: str) -> None:
    with pytest.raises(WrongIdentifier) as refused:
        canonical_identifier(text)
    with pytest.raises(ScriptFailure) as refused_there:
        scripts.call("canonicalIdentifier", text)
    assert (refused.value.kind, refused_there.value.kind) == (kind, kind)
    if kind in ("nothing", "uncertain", "rounded"):
        assert canonical_identifier(text, confirmed=True) == text.strip()
        assert scripts.call("canonicalIdentifier", text, True) == text.strip()


@pytest.mark.parametrize(("text", "is_name"), IDENTIFIERS["names"])
def test_what_looks_like_a_name_does_so_to_all(scripts: BrowserScripts, text: str, is_name: bool) -> None:
    assert (looks_like_name(text), scripts.call("looksLikeName", text)) == (is_name, is_name)


@pytest.mark.parametrize(("heading", "is_birth"), IDENTIFIERS["births"])
def test_a_day_of_birth_is_one_to_all(scripts: BrowserScripts, heading: str, is_birth: bool) -> None:
    assert (is_birth_date(heading), scripts.call("isBirthDate", heading)) == (is_birth, is_birth)


@pytest.mark.parametrize(("text", "code"), table("codes"))
def test_a_service_has_one_code(scripts: BrowserScripts, text: str, code: str) -> None:
    assert (make_code(text), scripts.call("makeCode", text)) == (code, code)


@pytest.mark.parametrize("case", table("times"), ids=lambda case: f"{case['text']} {case['zone']}")
def test_a_time_is_read_alike(scripts: BrowserScripts, case: dict[str, Any]) -> None:
    pattern = {"day": "%d/%m/%Y", "month": "%m/%d/%Y", None: None}[case.get("order")]
    read = times.time_reader(pattern, case["zone"])
    there = ("parseTime", case["text"], case["zone"], case.get("order") != "month")
    if case.get("wrong"):
        with pytest.raises(ValueError, match=r"names|is not|has an offset|must lie"):
            read(case["text"])
        with pytest.raises(ScriptFailure):
            scripts.call(*there)
        return
    parsed = read(case["text"])
    expected = (case["time"], case.get("precision"), case["at"])
    assert (parsed.text, parsed.precision, row_time(parsed.instant, parsed.precision)) == expected
    made = scripts.call(*there)
    assert (made["time"], made["precision"], made["at"]) == expected


@pytest.mark.parametrize("case", table("tables"), ids=lambda case: case["why"])
def test_a_table_is_read_alike(scripts: BrowserScripts, case: dict[str, Any]) -> None:
    read = list(csv_records(io.BytesIO(case["text"].encode()), ()))
    rows = [[one.line, list(one.fields.values())] for one in read if isinstance(one, Record)]
    assert (rows, [one.line for one in read if not isinstance(one, Record)]) == (case["rows"], case["refused"])
    made = scripts.call("readTable", case["text"])
    assert made["headings"] == case["headings"]
    assert [[row["line"], row["cells"]] for row in made["rows"]] == case["rows"]
    assert [row["line"] for row in made["refused"]] == case["refused"]


@pytest.fixture
def door() -> Any:
    with run_ingest_door() as door:
        yield door


@pytest.mark.parametrize("case", ROWS["tables"], ids=lambda case: case["why"])
def test_a_sheet_becomes_the_same_events_by_the_command_line_and_at_the_desk(
    scripts: BrowserScripts, door: Door, tmp_path: Path, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sheet.csv").write_text(case["text"], "utf-8")
    (tmp_path / "key").write_text(base64.urlsafe_b64encode(KEY).decode())
    ran = pathline(
        "import", "sheet.csv", "--to", door.url, "--org", ROWS["org"], "--key-file", "key", "--case", "Client",
        "--time", "Date", "--activity", "What", "--service-column", "Team", "--channel-column", "Via",
        "--timezone", ROWS["zone"],
    )  # fmt: skip
    rejects = tmp_path / "sheet.csv.rejects.csv"
    refused = [int(line.split(",")[0]) for line in rejects.read_text().splitlines()[1:]] if rejects.exists() else []
    assert (ran.code, len(door.events), refused) == (1 if refused else 0, case["events"], case.get("refused", []))
    settings = {
        "org": ROWS["org"], "epoch": 1, "source": f"urn:pathline:{ROWS['org']}:import", "zone": ROWS["zone"],
        "columns": {"client": "0", "date": "1", "activity": "2", "service": "3", "channel": "4"}, "dayFirst": True,
    }  # fmt: skip
    made = scripts.call("sheet", case["text"], KEY.hex(), settings)
    assert made["refused"] == case.get("refused", [])
    own = [{name: value for name, value in event.items() if name != "traceparent"} for event in door.events]
    assert sorted(made["events"], key=lambda event: event["id"]) == own
    for end in case.get("ids_end", []):
        assert any(event["id"].endswith(end) for event in own)


@pytest.mark.parametrize(("raw", "encoding", "text"), [
    (b"Zo\xeb", "utf-8", None), (b"Zo\xeb", "windows-1252", "Zo\u00eb"), (b"Zo\xc3\xab", "utf-8", "Zo\u00eb"),
    (b"\xef\xbb\xbfa", "utf-8", "a"), (b"a\0b\0", "utf-8", None), (b"a\0b\0", "utf-16le", "ab"),
    (b"PK\x03\x04a", "utf-8", None),
])  # fmt: skip
def test_bytes_of_another_encoding_are_never_guessed(
    scripts: BrowserScripts, raw: bytes, encoding: str, text: str | None
) -> None:
    assert scripts.call("decodeHex", raw.hex(), encoding).get("text") == text
