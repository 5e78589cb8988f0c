"""One file, sent by the command line and by the desk, is stored once: the table of rows at a gateway's doors."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.agency import pathline
from support.browser_scripts import BrowserScripts
from support.desk_worker import BATCH, Worker
from support.gateways.secured import Secured
from support.repository import ROW_CASES

ROWS = json.loads((ROW_CASES / "rows.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserScripts]:
    running = BrowserScripts(tmp_path_factory.mktemp("scripts"))
    yield running
    running.close()


def test_a_file_that_both_send_is_stored_once_and_a_corrected_row_is_in_conflict(
    gateway: Secured, worker: Worker, scripts: BrowserScripts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATHLINE_TOKEN", gateway.token("publisher", ROWS["org"]))
    key = bytes.fromhex(ROWS["key_hex"])
    (tmp_path / "key").write_text(base64.urlsafe_b64encode(key).decode())
    worker.signed_in(f"publisher:{ROWS['org']}")
    settings = {
        "org": ROWS["org"], "epoch": 1, "source": f"urn:pathline:{ROWS['org']}:import", "zone": ROWS["zone"],
        "columns": {"client": "0", "date": "1", "activity": "2", "service": "3", "channel": "4"}, "dayFirst": True,
    }  # fmt: skip
    seen: set[str] = set()
    compared = 0
    for table in ROWS["tables"]:
        made = scripts.call("sheet", table["text"], key.hex(), settings)["events"]
        # What an earlier table said of the same person and day otherwise is no matter of this test.
        if not made or not seen.isdisjoint(event["id"] for event in made):
            continue
        seen |= {event["id"] for event in made}
        compared += 1
        ran = imported(gateway, tmp_path, table["text"])
        assert (ran["accepted"], ran["duplicate"], ran["conflict"]) == (len(made), 0, 0)
        answer = worker.http.post("/desk/spreadsheet", json=made, headers=BATCH | {"sec-fetch-site": "same-origin"})
        assert (answer.json()["accepted"], answer.json()["duplicate"]) == (0, len(made)), answer.text
    assert compared >= 3


def test_a_corrected_file_says_what_is_in_conflict(
    gateway: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATHLINE_TOKEN", gateway.token("publisher", ROWS["org"]))
    (tmp_path / "key").write_text(base64.urlsafe_b64encode(b"k" * 32).decode())
    rows = [f"9{n},2026-03-0{n + 1},visit,," for n in range(5)]
    head = "Client,Date,What,Team,Via\n"
    assert imported(gateway, tmp_path, head + "\n".join(rows))["accepted"] == 5
    rows[2] = rows[2].replace("visit", "call")
    ran = imported(gateway, tmp_path, head + "\n".join(["99,2026-04-01,visit,,", *rows]), code=1)
    assert {name: ran[name] for name in ("accepted", "duplicate", "refused", "conflict")} == {
        "accepted": 1, "duplicate": 5, "refused": 0, "conflict": 1,
    }  # fmt: skip
    assert "conflicting-duplicate" in (tmp_path / "sheet.csv.rejects.csv").read_text()


def imported(gateway: Secured, folder: Path, text: str, code: int | None = None) -> dict[str, Any]:
    """The summary of an import of this file."""
    (folder / "sheet.csv").write_text(text, "utf-8")
    ran = pathline(
        "import", "sheet.csv", "--to", gateway.url, "--org", ROWS["org"], "--key-file", "key", "--case", "Client",
        "--time", "Date", "--activity", "What", "--service-column", "Team", "--channel-column", "Via",
        "--timezone", ROWS["zone"], "--json",
    )  # fmt: skip
    assert code is None or ran.code == code, ran.err
    return dict(json.loads(ran.out))


@pytest.mark.parametrize("path", ["/v1/measures/handoff-completion", "/v1/organisations", "/v1/status", "/v1/parked"])
def test_a_parameter_that_nobody_knows_is_refused_everywhere(gateway: Secured, path: str) -> None:
    answer = gateway.ask(f"GET {path}", gateway.token("operator"), params={"neeed": "food"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:pathline:problem:unknown-parameter")


def test_who_is_refused_in_a_browser_reads_a_page_and_can_sign_out(gateway: Secured, worker: Worker) -> None:
    browser = {"accept": "text/html,application/xhtml+xml"}
    lost = worker.http.get("/nowhere", headers=browser)
    assert (lost.status_code, "There is no such page" in lost.text) in ((404, True), (401, False), (403, True))
    worker.signed_in(f"publisher:{ROWS['org']}")
    refused = worker.http.get("/console", headers=browser)
    assert (refused.status_code, "<h1>Your account may not see this</h1>" in refused.text) == (403, True)
    assert 'action="/sign-out"' in refused.text
    assert worker.http.get("/console").json()["status"] == 403


def test_what_lies_ahead_is_taken_with_a_word(gateway: Secured) -> None:
    event = {
        "specversion": "1.0", "id": "ahead-1", "source": f"urn:pathline:{ROWS['org']}:x",
        "type": "org.pathline.contact.made.v1", "subject": "v1.BBBBBBBBBBBBBBBBBBBBBA", "time": "2131-01-01T00:00:00Z",
        "data": {"kind": "enquiry"},
    }  # fmt: skip
    answer = published(gateway, event)
    assert (answer["accepted"], answer["notices"][0]["index"], answer["notices"][0]["field"]) == (1, 0, "time")


def published(gateway: Secured, event: dict[str, Any]) -> dict[str, Any]:
    """The door's answer to this event."""
    headers = BATCH | {"authorization": f"Bearer {gateway.token('publisher', ROWS['org'])}"}
    answer = gateway.http.post("/v1/events", json=[event], headers=headers)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())
