"""An agency changes its key, or loses it: pathways go on by links, or by the tokens that people carry."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.importing import PATHLINE, init
from pathline import Pseudonyms
from support.gateways.process import Gateway, running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


def typed(folder: Path, gateway: Gateway, verb: str, file: str, *flags: str) -> dict[str, object]:
    to = ["--to", f"http://127.0.0.1:{gateway.port}", "--quiet", "--json"]
    done = subprocess.run([PATHLINE, verb, file, *to, *flags], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def steps(gateway: Gateway, org: str, subject: str) -> list[str]:
    found = gateway.http.post("/v1/pathways/search", json={"org": org, "subject": subject}).json()["pathway"]
    return [step["activity"] for step in gateway.http.get(f"/v1/pathways/{found}").json()["steps"]]


def log(folder: Path, name: str, what: str, hour: int) -> str:
    rows = [f"person {n},{what},2026-03-01T{hour:02}:{n:02}:00Z" for n in range(30)]
    (folder / name).write_text("\n".join(["Who,What,When", *rows]) + "\n")
    return name


def test_pathways_go_on_over_a_change_of_keys(tmp_path: Path, gateway: Gateway) -> None:
    old = init(tmp_path, "clinic")
    columns = ("--org", "clinic", "--case", "Who")
    telling = (*columns, "--activity", "What", "--time", "When")
    typed(tmp_path, gateway, "import", log(tmp_path, "before.csv", "Seen", 9), *telling, "--key-file", "clinic.key")
    (tmp_path / "clinic.key").rename(tmp_path / "old.key")
    new = Pseudonyms("clinic", init(tmp_path, "clinic").key, 2)
    typed(
        tmp_path, gateway, "import", log(tmp_path, "after.csv", "Seen again", 10),
        *telling, "--key-file", "clinic.key", "--epoch", "2",
    )  # fmt: skip
    gateway.settled()
    assert steps(gateway, "clinic", old.subject("person 7")) == ["Seen"]
    rotation = (*columns, "--key-file", "old.key", "--new-key-file", "clinic.key")
    for _ in range(2):
        typed(tmp_path, gateway, "rotate", "before.csv", *rotation)
    status = gateway.settled()
    assert (status["links"], status["pathways"], status["parked"]) == (30, 30, 0)
    for subject in (old.subject("person 7"), new.subject("person 7")):
        assert steps(gateway, "clinic", subject) == ["Seen", "Seen again"]


def test_after_a_lost_key_a_person_who_carries_a_token_finds_what_was_before(gateway: Gateway) -> None:
    at = [Pseudonyms("shelter", bytes([n]) * 32, n).subject("guest 1") for n in (1, 2)]
    court = Pseudonyms("court", b"c" * 32).subject("case 1")
    told = [("shelter", at[0], "Arrived"), ("court", court, "Heard"), ("shelter", at[1], "Came back")]
    for n, (org, subject, activity) in enumerate(told):
        event = {
            "specversion": "1.0",
            "id": str(n),
            "source": f"urn:pathline:{org}:desk",
            "type": "org.pathline.activity.recorded.v1",
            "subject": subject,
            "time": f"2026-03-0{n + 1}T09:00:00Z",
            "data": {"activity": activity},
        }
        headers = {"content-type": "application/cloudevents+json"}
        assert gateway.http.post("/v1/events", content=json.dumps(event), headers=headers).status_code == 202

    def token(org: str, subject: str) -> str:
        return str(gateway.http.post("/v1/identity/tokens", json={"org": org, "subject": subject}).json()["token"])

    def linked(*tokens: str) -> None:
        assert gateway.http.post("/v1/identity/links", json={"tokens": list(tokens)}).status_code == 201

    linked(token("shelter", at[0]), token("court", court))  # while the old key was there
    assert steps(gateway, "shelter", at[1]) == ["Came back"]
    linked(token("shelter", at[1]), token("court", court))
    assert steps(gateway, "shelter", at[1]) == ["Arrived", "Heard", "Came back"]
