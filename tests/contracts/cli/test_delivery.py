"""Delivery to a gateway that is slow, full, restarting or gone: nothing is lost, and nothing counts twice."""

import csv
import json
import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from pathline.cli.address import Address
from pathline.cli.http_destination import HttpDestination
from pathline.cli.receipt import TryLater
from pathline.cli.retry import RetryPolicy
from pathline.testing import SUBJECT, example
from pathline.vocabulary import NeedExpressed
from support.agency import CSV_FLAGS, csv_text, pathline, rows, started
from support.servers.ingest_door import Door, Fault

ACCEPTED_OF_10 = b'{"accepted":10,"duplicate":0,"refused":[]}'


@pytest.fixture
def log(desk: Path) -> Path:
    """A hundred rows."""
    path = desk / "log.csv"
    path.write_text(csv_text(rows(20)), newline="")
    return path


def counts(out: str) -> tuple[int, int, int]:
    said = json.loads(out)
    assert said["read"] == said["accepted"] + said["duplicate"] + said["refused"]
    return said["accepted"], said["duplicate"], said["refused"]


def rejected_lines(log: Path) -> list[int]:
    with log.with_name("log.csv.rejects.csv").open(newline="") as file:
        return [int(row["line"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408, None], ids=str)
def test_a_passing_failure_is_tried_again_until_it_passes(log: Path, door: Door, status: int | None) -> None:
    door.faults.extend([Fault(status)] * 3)

    ran = pathline("import", log.name, "--to", door.url, *CSV_FLAGS, "--batch", "10", "--json")

    assert (ran.code, ran.err, counts(ran.out)) == (0, "", (100, 0, 0))
    assert len(door.kept) == 100


def test_an_answer_that_is_lost_makes_duplicates_and_no_second_event(log: Path, door: Door) -> None:
    door.faults.extend([Fault(None, taken=True)] * 2)

    ran = pathline("import", log.name, "--to", door.url, *CSV_FLAGS, "--batch", "10", "--json")

    assert ran.code == 0
    assert counts(ran.out) == (80, 20, 0)
    assert (len(door.kept), door.conflicts) == (100, [])


def test_a_batch_that_is_too_large_goes_in_halves(log: Path, door: Door) -> None:
    door.most = 7
    door.refuse = lambda event: event["data"]["activity"].startswith("called")

    ran = pathline("import", log.name, "--to", door.url, *CSV_FLAGS, "--batch", "50", "--json")

    assert (ran.code, counts(ran.out)) == (1, (80, 0, 20))
    assert rejected_lines(log) == [2 + n + n // 5 for n in range(100) if n % 5 == 2]


def test_one_event_that_is_too_large_is_a_reject(log: Path, door: Door) -> None:
    door.most = 0

    ran = pathline("import", log.name, "--to", door.url, *CSV_FLAGS, "--json")

    assert (ran.code, counts(ran.out)) == (1, (0, 0, 100))
    assert "too-large" in (log.parent / "log.csv.rejects.csv").read_text()


REFUSALS = {
    "a caller whom it does not know": (Fault(401), "--token-file"),
    "a caller who may not": (Fault(403), "--token-file"),
    "another address": (Fault(404), "--to"),
    "a move": (Fault(308, {"location": "http://127.0.0.1:1/"}), "new address"),
    "a page instead of a receipt": (Fault(200, body=b"<html>"), "without a receipt"),
    "a receipt for other events": (Fault(202, body=ACCEPTED_OF_10), "cannot be trusted"),
    "a receipt that refuses what was not sent": (
        Fault(202, body=b'{"accepted":99,"duplicate":0,"refused":[{"index":400,"reason":"x"}]}'),
        "cannot be trusted",
    ),
}


@pytest.mark.parametrize(("fault", "said"), REFUSALS.values(), ids=REFUSALS)
def test_an_answer_that_trying_again_would_not_mend_ends_the_import_at_once(
    log: Path, door: Door, fault: Fault, said: str
) -> None:
    door.faults.append(fault)

    ran = pathline("import", log.name, "--to", door.url, *CSV_FLAGS)

    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert len(door.bodies) == 1


def test_patience_has_an_end_and_what_was_taken_until_then_is_not_sent_again(log: Path, door: Door) -> None:
    def fail_from_the_fourth(requests: int) -> None:
        if requests == 4:
            door.faults.extend([Fault(503)] * 50)

    door.before_answer = fail_from_the_fourth
    flags = ("--to", door.url, *CSV_FLAGS, "--batch", "10", "--in-flight", "1", "--retry-for", "0.3")
    gave_up = pathline("import", log.name, *flags)
    before = len(door.bodies)
    door.faults.clear()
    door.before_answer = lambda requests: None

    resumed = pathline("import", log.name, *flags, "--resume", "--json")

    assert gave_up.code == 3
    assert re.search(r"answers 503; gave up after 0\.\d s; run the same command with --resume", gave_up.err)
    assert (resumed.code, counts(resumed.out)) == (0, (100, 0, 0))
    assert len(door.bodies) - before == 6


def test_a_gateway_that_asks_for_more_time_than_there_is_is_quoted(log: Path, door: Door) -> None:
    door.faults.append(Fault(503, {"retry-after": "3600"}))

    ran = pathline("import", log.name, "--to", door.url, *CSV_FLAGS)

    assert ran.code == 3
    assert "tried again in 3600 s, and --retry-for allows 60 s" in ran.err


@pytest.mark.parametrize("after", ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"])
def test_retry_after_is_understood_in_all_its_forms(log: Path, door: Door, after: str) -> None:
    door.faults.append(Fault(503, {"retry-after": after}))

    assert pathline("import", log.name, "--to", door.url, *CSV_FLAGS).code == 0
    assert len(door.kept) == 100


def until(condition: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("requests", [1, 4, 9])
def test_an_import_killed_in_the_middle_and_resumed_is_the_whole_of_it(log: Path, door: Door, requests: int) -> None:
    held, release = threading.Event(), threading.Event()

    def hold(number: int) -> None:
        if number == requests:
            held.set()
            release.wait(30)

    door.before_answer = hold
    door.refuse = lambda event: event["data"]["activity"].startswith("called")
    flags = (log.name, "--to", door.url, *CSV_FLAGS, "--batch", "10", "--in-flight", "2")
    killed = started("import", *flags, cwd=log.parent)
    assert held.wait(30)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    release.set()

    resumed = pathline("import", *flags, "--resume", "--json")

    assert resumed.code == 1
    accepted, duplicate, refused = counts(resumed.out)
    assert (accepted + duplicate, refused) == (80, 20)
    assert duplicate <= 20
    assert (len(door.kept), door.conflicts) == (80, [])
    assert rejected_lines(log) == [2 + n + n // 5 for n in range(100) if n % 5 == 2]
    assert not list(log.parent.glob("*resume*"))


CHANGES = {
    "the file": (lambda log: log.write_text(csv_text(rows(21)), newline=""), (), "the file has changed"),
    "the mapping": (lambda log: None, ("--service", "desk"), "the mapping or the key"),
    "the gateway": (lambda log: None, ("--to", "http://127.0.0.1:1"), "the gateway is another"),
}


@pytest.mark.parametrize(("change", "more", "said"), CHANGES.values(), ids=CHANGES)
def test_what_was_begun_is_not_gone_on_with_as_something_else(
    log: Path, door: Door, change: object, more: tuple[str, ...], said: str
) -> None:
    def fail_after_the_first(requests: int) -> None:
        door.faults.extend([Fault(503)] * 50)

    door.before_answer = fail_after_the_first
    to = () if "--to" in more else ("--to", door.url)
    batches = ("--batch", "10", "--in-flight", "1", "--retry-for", "0")
    assert pathline("import", log.name, "--to", door.url, *CSV_FLAGS, *batches).code == 3
    change(log)  # type: ignore[operator]

    ran = pathline("import", log.name, *to, *CSV_FLAGS, *more, *batches, "--resume")

    assert ran.code == 2
    assert said in ran.err
    assert "without --resume" in ran.err


def test_a_slow_gateway_is_waited_for_with_as_many_requests_as_allowed(log: Path, door: Door) -> None:
    release = threading.Event()
    door.before_answer = lambda requests: requests > 1 or release.wait(30)
    importing = started(
        "import", log.name, "--to", door.url, *CSV_FLAGS, "--batch", "10", "--in-flight", "3", cwd=log.parent
    )
    until(lambda: door.bodies)
    release.set()
    out, err = importing.communicate(timeout=60)
    assert (importing.returncode, err) == (0, "")
    assert "accepted 100" in out


async def test_a_gateway_that_takes_a_request_and_never_answers_counts_as_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address.parse(f"http://127.0.0.1:{silent.getsockname()[1]}")
        door = HttpDestination.connect(address, token=None, in_flight=1, timeout=0.2)
        async with door.client:
            with pytest.raises(TryLater, match="does not answer"):
                await door.send([example(NeedExpressed).event])


@pytest.mark.parametrize(("patience", "answer"), [(0, 10), (3, 10), (30, 30), (600, 60)])
def test_an_answer_is_waited_for_no_longer_than_there_is_patience_within_reason(patience: int, answer: int) -> None:
    assert RetryPolicy(patience).response_timeout_s == answer


def test_ready_events_are_published_and_checked_as_they_are(desk: Path, door: Door) -> None:
    event = {
        "specversion": "1.0", "id": "c-1", "source": "urn:pathline:ward:desk", "time": "2026-03-01T09:00:00Z",
        "type": "org.pathline.activity.recorded.v1", "subject": SUBJECT, "data": {"activity": "call"},
    }  # fmt: skip
    bad = [{**event, "time": "soon"}, {**event, "data": {}}, {**event, "type": "org.pathline.no.such.v1"}, {"id": "c"}]
    own = {**event, "id": "c-2", "type": "au.example.thing.happened.v1"}
    (desk / "events.ndjson").write_text("\n".join(map(json.dumps, [event, *bad, own])))
    (desk / "events.json").write_text(json.dumps([event, *bad, own], indent=1))

    checked = [pathline("check", name, "--json") for name in ("events.ndjson", "events.json")]
    published = pathline("publish", "events.ndjson", "--to", door.url, "--json")

    for ran in checked:
        *refused, total = map(json.loads, ran.out.splitlines())
        assert (ran.code, total) == (1, {"read": 6, "good": 2, "bad": 4})
        assert [r["field"] for r in refused] == ["time", "data.activity", "type", "source"]
    assert published.code == 1
    assert counts(published.out) == (1, 0, 5)
    assert [kept["id"] for kept in door.events] == ["c-1"]
    assert "\n6,unknown-type" in (desk / "events.ndjson.rejects.csv").read_text()
