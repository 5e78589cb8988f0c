"""The short form of `make chaos`, and the embedded machine that is killed as soon as it has said 202."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from secrets import randbelow

import httpx
import pytest

from chaos.chaos import chaos
from pathline import Pseudonyms
from pathline.testing import example
from pathline.vocabulary import ContactMade
from support.gateways.process import Gateway

pytestmark = pytest.mark.chaos

KILLS = 6
EVENTS = 4_000
DEATHS = 6
SUBJECT = Pseudonyms("clinic", b"a key of a test, 32 bytes long!!").subject("someone")


@pytest.mark.long
@pytest.mark.usefixtures("kafka_installation")
@pytest.mark.timeout(600)
def test_whatever_dies_nothing_acknowledged_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    assert chaos(tmp_path, KILLS, EVENTS, randbelow(2**32), rate=500, disk=False) == []


def test_what_the_embedded_machine_has_accepted_is_there_after_every_kill(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path / "data")
    accepted: list[str] = []
    try:
        for death in range(DEATHS):
            ids = [f"{death}-{n}" for n in range(1 + 40 * death)]
            batch = [document(id) for id in [*ids, *accepted[-5:]]]
            answer = gateway.http.post("/v1/events", json=batch, headers={"content-type": BATCH})
            os.kill(gateway.process.pid, signal.SIGKILL)
            assert answer.status_code == 202, answer.text
            accepted += ids
            gateway.http.close()
            gateway.process.wait()
            gateway.start()
            assert served(gateway.http) == sorted(accepted)
            assert gateway.settled()["interactions"] == len(accepted)
    finally:
        gateway.stop()


BATCH = "application/cloudevents-batch+json"


def document(id: str) -> dict[str, object]:
    made = example(ContactMade, source="urn:pathline:clinic:desk", subject=SUBJECT, id=id)
    return {**made.event.attributes, "data": {"kind": "enquiry"}}


def served(http: httpx.Client) -> list[str]:
    """The ids of the steps of the one pathway."""
    found = http.post("/v1/pathways/search", json={"org": "clinic", "subject": SUBJECT}).json()["pathway"]
    return sorted(step["id"] for step in http.get(f"/v1/pathways/{found}").json()["steps"])
