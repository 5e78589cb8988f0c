"""The short form of `make chaos`, and the embedded machine that is killed as soon as it has said 202."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from secrets import randbelow

import httpx
import pytest

from chaos import topics_out
from chaos.chaos import chaos
from pathline import Pseudonyms
from pathline.testing import example
from pathline.vocabulary import ContactMade
from support.gateways.process import Gateway

pytestmark = pytest.mark.chaos

KILLS = 6
EVENTS = 4_000
DEATHS = 6
E1, E2 = (b"urn:s", b"1"), (b"urn:s", b"2")
SUBJECT = Pseudonyms("clinic", b"a key of a test, 32 bytes long!!").subject("someone")


@pytest.mark.long
@pytest.mark.usefixtures("kafka_installation")
@pytest.mark.timeout(600)
def test_whatever_dies_nothing_acknowledged_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    assert chaos(tmp_path, KILLS, EVENTS, randbelow(2**32), rate=500, disk=False) == []


@pytest.mark.long
@pytest.mark.usefixtures("kafka_installation")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("transactions", ["on", "off"])
def test_a_subscription_s_topic_has_no_gap_whatever_dies_and_nothing_twice_in_transactions(
    tmp_path: Path, transactions: str
) -> None:
    assert topics_out.chaos(tmp_path, KILLS, EVENTS, randbelow(2**32), 500, transactions) == []


@pytest.mark.parametrize(
    ("seen", "exactly_once", "wrong"),
    [
        ([(b"a", 1, E1), (b"b", 2, E2)], True, []),
        ([(b"a", 1, E1)], True, ["1 numbers are missing"]),
        ([(b"a", 1, E1), (b"a", 1, E1), (b"b", 2, E2)], False, []),
        ([(b"a", 1, E1), (b"a", 1, E1), (b"b", 2, E2)], True, ["1 records came again"]),
        ([(b"a", 2, E2), (b"a", 1, E1)], False, ["a pathway's events came first in the wrong order"]),
        ([(b"a", 1, E2), (b"b", 2, E2)], True, ["1 records are of another event than their number says"]),
    ],
)
def test_what_a_topic_has_wrong_is_found(seen: list[topics_out.Seen], exactly_once: bool, wrong: list[str]) -> None:
    assert topics_out.faults([E1, E2], seen, exactly_once=exactly_once) == wrong


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
