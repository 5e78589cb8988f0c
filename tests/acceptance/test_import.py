"""`pathline import` into a real gateway: twice is once, a kill in the middle loses nothing, two halves are joined."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from acceptance.importing import command, imported, init, killed, linking
from pathline import Pseudonyms
from support.examples import number
from support.gateways.process import Gateway, running

ACTIVITIES = ("Registration", "Triage", "Blood test; CRP", 'Admission "normal"', "二回目", "Release")
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CASES = number(200)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


Row = tuple[str, str, str]


def log(seed: int) -> list[Row]:
    """Cases of different length, interleaved, with ties in time."""
    dice = Random(seed)
    rows: list[tuple[datetime, Row]] = []
    for case in range(CASES):
        at = START + timedelta(minutes=dice.randrange(10_000))
        for _ in range(dice.randint(1, 18)):
            at += timedelta(minutes=dice.choice((0, 1, 7, 300)))
            rows.append((at, (f"Case {case}", dice.choice(ACTIVITIES), f"{at:%Y/%m/%d %H:%M:%S}")))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def written(path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows([header, *rows])


def flags(org: str) -> list[str]:
    columns = ["--case", "Case", "--activity", "What", "--time", "When", "--timezone", "UTC", "--service", "ward"]
    return ["--org", org, "--key-file", f"{org}.key", *columns, "--batch", "50"]


def activities(gateway: Gateway, org: str, subject: str) -> list[str]:
    found = gateway.http.post("/v1/pathways/search", json={"org": org, "subject": subject}).json()["pathway"]
    return [step["activity"] for step in gateway.http.get(f"/v1/pathways/{found}").json()["steps"]]


@pytest.mark.long
def test_an_import_killed_in_the_middle_and_resumed_is_whole_and_a_second_one_changes_nothing(
    gateway: Gateway, tmp_path: Path
) -> None:
    rows = log(7)
    names = init(tmp_path, "hospital")
    written(tmp_path / "log.csv", ("Case", "What", "When"), rows)
    before = gateway.settled()
    argv = command(gateway, "log.csv", *flags("hospital"), "--in-flight", "2")
    killed(tmp_path, argv, gateway, tmp_path / "log.csv.pathline-resume.json", at=300)
    assert 0 < gateway.settled()["interactions"] - before["interactions"] < len(rows)
    resumed = imported(tmp_path, [*argv, "--resume"])
    assert resumed["read"] == len(rows)
    again = imported(tmp_path, argv)
    assert (again["duplicate"], again["accepted"], again["refused"]) == (len(rows), 0, 0)
    status = gateway.settled()
    assert status["interactions"] - before["interactions"] == len(rows)
    assert status["pathways"] - before["pathways"] == CASES
    assert status["parked"] == before["parked"]
    for case in range(0, CASES, 9):
        told = [(when, what) for name, what, when in rows if name == f"Case {case}"]
        served = activities(gateway, "hospital", names.subject(f"Case {case}"))
        assert Counter(served) == Counter(what for _, what in told)
        if len({when for when, _ in told}) == len(told):
            assert served == [what for _, what in sorted(told)]


@pytest.mark.scaled
def test_two_halves_and_their_linking_table_are_joined_as_a_recount_says(gateway: Gateway, tmp_path: Path) -> None:
    rows = [
        (name, what, f"{START + timedelta(minutes=n):%Y/%m/%d %H:%M:%S}") for n, (name, what, _) in enumerate(log(8))
    ]
    halves = {"even": rows[::2], "odd": rows[1::2]}
    names = {org: init(tmp_path, org) for org in halves}
    before = gateway.settled()
    for org, half in halves.items():
        own = [(f"{org}-{name}", what, when) for name, what, when in half]
        written(tmp_path / f"{org}.csv", ("Case", "What", "When"), own)
        imported(tmp_path, command(gateway, f"{org}.csv", *flags(org)))
    both = sorted({name for name, *_ in halves["even"]} & {name for name, *_ in halves["odd"]})
    linked = both[::2]
    written(tmp_path / "links.csv", ("L", "R"), [(f"even-{name}", f"odd-{name}") for name in linked])
    table = command(gateway, "links.csv", *linking(("even", "L"), ("odd", "R")))
    for _ in range(2):
        imported(tmp_path, table)
    status = gateway.settled()
    refs = {(org, name) for org, half in halves.items() for name, *_ in half}
    assert status["links"] - before["links"] == len(linked)
    assert status["pathways"] - before["pathways"] == len(refs) - len(linked)
    assert _edges(gateway, names, refs) == _recount(halves, set(linked))


def _edges(gateway: Gateway, names: dict[str, Pseudonyms], refs: set[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Directly-follows pairs, counted over the pathways as they are served."""
    found = set()
    for org, name in refs:
        body = {"org": org, "subject": names[org].subject(f"{org}-{name}")}
        found.add(gateway.http.post("/v1/pathways/search", json=body).json()["pathway"])
    edges: Counter[tuple[str, str]] = Counter()
    for pathway in found:
        steps = gateway.http.get(f"/v1/pathways/{pathway}").json()["steps"]
        edges.update(pairwise(step["activity"] for step in steps))
    return edges


def _recount(halves: dict[str, list[Row]], linked: set[str]) -> Counter[tuple[str, str]]:
    """The same from the files."""
    cases: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for org, half in halves.items():
        for name, what, when in half:
            cases.setdefault(("both" if name in linked else org, name), []).append((when, what))
    edges: Counter[tuple[str, str]] = Counter()
    for told in cases.values():
        edges.update(pairwise(what for _, what in sorted(told)))
    return edges
