"""Makes what an older version leaves behind: a dump of its database, and what it answered. Both are committed.

    PYTHONPATH=tests python -m gateway.migrations.make_dump COMMAND PLACE

COMMAND is the `pathline-gateway` of that version; PLACE gets its two files.
The people are the invented ones of `tests/support/lives`. Beside their events there are organisations, linkers, a
lawful basis, a concealed reference, an item for review, parked records, and subscriptions: pulled, paused, replayed,
and posted to a sink that took five events and then failed.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from support.repository import LIVES

NOW = "2026-06-01T00:00:00Z"
BATCH = {"content-type": "application/cloudevents-batch+json"}
SINK_TAKES = 5


class Sink(BaseHTTPRequestHandler):
    """Agrees to be posted to; takes some events, then fails."""

    taken = 0

    def do_OPTIONS(self) -> None:
        self.send_response(200)
        self.send_header("WebHook-Allowed-Origin", "*")
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        Sink.taken += 1
        self.send_response(204 if Sink.taken <= SINK_TAKES else 500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Old:
    """The gateway of the older version, spoken to as an operator."""

    def __init__(self, port: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def publish(self, events: list[Any]) -> None:
        answer = self.http.post("/v1/events", content=json.dumps(events), headers=BATCH)
        assert answer.status_code in (200, 202), answer.text


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def subscription(organisation: str, **more: Any) -> dict[str, Any]:
    return {"protocol": "PULL", "config": {"organisation": organisation, "purpose": "care"}, **more}


def fill(old: Old, sink: str) -> dict[str, str]:
    """Everything is said to the gateway; the subscriptions by name."""
    for org in ("housing", "income-support", "registry", "food-bank"):
        old.http.post("/v1/organisations", json={"org": org, "name": org})
    old.post("/v1/linkers", {"org": "registry", "of": "food-bank"})
    old.post("/v1/concealed", {"org": "food-bank", "service": "safe-house"})
    basis = {"reader": "housing", "basis": "law", "instrument": "An Act, section 5", "purpose": "care"}
    old.post("/v1/lawful-bases", {**basis, "nouns": ["contact"]})
    made = {
        "pulled": old.post("/v1/subscriptions", subscription("income-support")),
        "filtered": old.post(
            "/v1/subscriptions",
            subscription("registry", filters=[{"prefix": {"type": "org.pathline.handoff"}}]),
        ),
        "posted": old.post("/v1/subscriptions", {**subscription("income-support"), "protocol": "HTTP", "sink": sink}),
        "paused": old.post("/v1/subscriptions", subscription("registry")),
    }
    names = {name: each["id"] for name, each in made.items()}
    old.post(f"/v1/subscriptions/{names['paused']}/pause")
    for life in LIVES:
        old.publish([json.loads(line) for line in (life / "events.ndjson").read_text().splitlines()])
    return names


def answers(old: Old, names: dict[str, str]) -> dict[str, Any]:
    """What it says of all of them."""
    people = []
    for life in LIVES:
        expected = json.loads((life / "expected.json").read_text())
        for pathway in expected["pathways"]:
            people += pathway["subjects"]
    found: dict[str, Any] = {}
    for ref in people:
        answer = old.http.post("/v1/pathways/search", json=ref)
        if answer.status_code == 200:
            id = answer.json()["pathway"]
            found[id] = old.get(f"/v1/pathways/{id}")
    return {
        "status": {k: v for k, v in old.get("/v1/status").items() if k in ("interactions", "pathways", "parked")},
        "pathways": found,
        "subscriptions": {
            name: {"id": id, "status": old.get(f"/v1/subscriptions/{id}/status")} for name, id in names.items()
        },
        "events": old.get(f"/v1/subscriptions/{names['pulled']}/events", limit=1000),
        "review": old.get("/v1/identity/review"),
        "parked": old.get("/v1/parked"),
    }


def main(command: str, place: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sink = f"http://127.0.0.1:{server.server_port}/events"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        data, log = Path(folder, "data"), Path(folder, "log")
        with log.open("w") as output:
            process = subprocess.Popen(
                [command, "up", "--embedded", "--dev-auth", "off", "--data", data, "--port", "0"],
                env={**os.environ, "PATHLINE_NOW": NOW},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            until(lambda: process.poll() is None and "ready http" in log.read_text(), 120)
            ready = re.search(r"ready http://127\.0\.0\.1:(\d+)", log.read_text())
            assert ready is not None
            old = Old(int(ready[1]))
            names = fill(old, sink)
            until(lambda: bool(old.get("/v1/status")["lag"] == 0))
            until(lambda: Sink.taken > SINK_TAKES + 5)
            old.post(f"/v1/subscriptions/{names['filtered']}/replay", {"from": "n0"})
            page = old.get(f"/v1/subscriptions/{names['pulled']}/events", limit=7)
            old.get(f"/v1/subscriptions/{names['pulled']}/events", after=page["next"], limit=1)
            time.sleep(3)
            (place / "answers.json").write_text(json.dumps(answers(old, names), indent=1, ensure_ascii=False) + "\n")
            (place / "dump.sql.gz").write_bytes(gzip.compress(dumped(data), mtime=0))
        finally:
            process.terminate()
            process.wait(60)


def dumped(data: Path) -> bytes:
    """As SQL that any Postgres of this version reads."""
    from pathline_gateway.embedded.postgres import find_wheel_programs

    program = find_wheel_programs() / "pg_dump"
    words: list[str | Path] = [
        "--host",
        data.resolve() / "postgres",
        "--username",
        "pathline",
        "--no-owner",
        "--no-privileges",
        "--inserts",
    ]
    return subprocess.run(
        [program, *words, "--rows-per-insert=200", "pathline"], check=True, capture_output=True
    ).stdout


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
