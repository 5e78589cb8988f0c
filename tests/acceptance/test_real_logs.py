"""Logs of real services, imported as they are: what is served equals what a recount of the files says."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from acceptance.importing import command, imported, init, killed, linking
from pathline import Pseudonyms
from support.gateways.process import Gateway, running
from support.repository import ROOT

DATA = ROOT.parent / "shared" / "data"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real logs are not beside the project in ../shared/data"),
]

LEFT, RIGHT = "case:concept:name_LEFT", "case:concept:name_RIGHT"
HALVES = {"even": "receipt_even.csv", "odd": "receipt_odd.csv"}

Edges = Counter[tuple[str, str]]
Event = dict[str, object]


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


def rows(file: str) -> list[dict[str, str]]:
    with (DATA / file).open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_a_hospital_log_killed_in_the_middle_resumed_and_imported_again_is_1050_pathways_of_15214_steps(
    gateway: Gateway, tmp_path: Path
) -> None:
    init(tmp_path, "hospital")
    columns = ["--case", "Case ID", "--case-value", "NA", "--activity", "Activity", "--time", "Complete Timestamp"]
    flags = ["--org", "hospital", "--key-file", "hospital.key", *columns, "--timezone", "Europe/Amsterdam"]
    state = tmp_path / "state"
    kept = ["--service-column", "org:group", "--state", str(state), "--rejects", str(tmp_path / "rejects.csv")]
    argv = command(gateway, DATA / "sepsis.csv", *flags, *kept)
    killed(tmp_path, argv, gateway, state, at=2_000)
    resumed = imported(tmp_path, [*argv, "--resume"])
    assert (resumed["read"], resumed["refused"]) == (15_214, 0)
    again = imported(tmp_path, argv)
    assert (again["accepted"], again["duplicate"]) == (0, 15_214)
    status = gateway.settled()
    assert (status["pathways"], status["interactions"]) == (1_050, 15_214)
    assert (status["parked"], status["conflicts"]) == (0, 0)


def test_the_halves_of_a_permit_log_and_their_links_are_1434_pathways_with_the_edges_of_a_recount(
    gateway: Gateway, tmp_path: Path
) -> None:
    names = _halves(gateway, tmp_path)
    table = linking(("even", LEFT), ("odd", RIGHT))
    imported(tmp_path, command(gateway, DATA / "case_relations.csv", *table, "--state", str(tmp_path / "state")))
    status = gateway.settled()
    assert (status["pathways"], status["interactions"], status["links"]) == (1_434, 8_577, 1_318)
    served = _served(gateway, names)
    assert served == _recount()
    ((most, times),) = served.most_common(1)
    assert (most[0][:4], most[1][:4], times) == ("T04 ", "T05 ", 1_177)


def test_links_of_the_halves_that_are_all_retracted_leave_every_pathway_as_it_was_in_whatever_order_all_is_told(
    gateway: Gateway, tmp_path: Path
) -> None:
    names = _halves(gateway, tmp_path)
    before = _pathways(gateway, names)
    assert (gateway.settled()["pathways"], len(before)) == (2_752, 2_752)

    links, retractions = _links(names, "once"), _retractions(names, "once")
    assert len(links) == len(retractions) == 1_318
    _published(gateway, links)
    assert gateway.settled()["pathways"] == 1_434
    _published(gateway, retractions)
    assert gateway.settled()["pathways"] == 2_752
    assert _pathways(gateway, names) == before

    told = _links(names, "again") + _retractions(names, "again")
    random.Random(1_318).shuffle(told)
    _published(gateway, told)
    assert gateway.settled()["pathways"] == 2_752
    assert _pathways(gateway, names) == before


def _halves(gateway: Gateway, folder: Path) -> dict[str, Pseudonyms]:
    """Both halves are imported."""
    names = {org: init(folder, org) for org in HALVES}
    columns = ["--case", "case:concept:name", "--activity", "concept:name", "--time", "time:timestamp"]
    ids = ["--id", "concept:instance", "--id-per-case", "--state", str(folder / "state")]
    for org, file in HALVES.items():
        imported(folder, command(gateway, DATA / file, "--org", org, "--key-file", f"{org}.key", *columns, *ids))
    gateway.settled()
    return names


def _pathways(gateway: Gateway, names: Mapping[str, Pseudonyms]) -> dict[str, object]:
    """Every pathway as it is served, but for its version, by its id."""
    found: dict[str, object] = {}
    for org, file in HALVES.items():
        for case in {row["case:concept:name"] for row in rows(file)}:
            body = {"org": org, "subject": names[org].subject(case)}
            pathway = gateway.http.post("/v1/pathways/search", json=body).json()["pathway"]
            if pathway not in found:
                found[pathway] = gateway.http.get(f"/v1/pathways/{pathway}").json() | {"version": None}
    return found


def _links(names: Mapping[str, Pseudonyms], time: str) -> list[Event]:
    sides = [(names["even"].subject(row[LEFT]), names["odd"].subject(row[RIGHT])) for row in rows("case_relations.csv")]
    return [
        _evidence(f"{time}-{n}", "linked", left, {"same": same, "method": "record-key", "confidence": 1.0})
        for n, (left, right) in enumerate(sides)
        for same in [[{"org": "even", "subject": left}, {"org": "odd", "subject": right}]]
    ]


def _retractions(names: Mapping[str, Pseudonyms], time: str) -> list[Event]:
    return [
        _evidence(
            f"undo-{time}-{n}", "retracted", names["even"].subject(row[LEFT]), {"evidence": link, "reason": "mistaken"}
        )
        for n, row in enumerate(rows("case_relations.csv"))
        for link in [{"source": "urn:pathline:registry:links", "id": f"{time}-{n}"}]
    ]


def _evidence(id: str, what: str, subject: str, data: object) -> Event:
    return {
        "specversion": "1.0",
        "id": id,
        "source": "urn:pathline:registry:links",
        "type": f"org.pathline.identity.{what}.v1",
        "subject": subject,
        "time": "2020-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "data": data,
    }


def _published(gateway: Gateway, events: Sequence[Event]) -> None:
    for start in range(0, len(events), 100):
        batch = events[start : start + 100]
        answer = gateway.http.post(
            "/v1/events", json=batch, headers={"content-type": "application/cloudevents-batch+json"}
        )
        assert answer.json() == {"accepted": len(batch), "duplicate": 0, "refused": []}


def _served(gateway: Gateway, names: dict[str, Pseudonyms]) -> Edges:
    """Directly-follows pairs, counted over the pathways as they are served, each found by one of its names."""
    edges: Edges = Counter()
    for told in _cases().values():
        org, case = told[0].org, told[0].case
        body = {"org": org, "subject": names[org].subject(case)}
        found = gateway.http.post("/v1/pathways/search", json=body).json()["pathway"]
        steps = gateway.http.get(f"/v1/pathways/{found}").json()["steps"]
        edges.update(pairwise(step["activity"] for step in steps))
    return edges


def _recount() -> Edges:
    """The same from the files."""
    edges: Edges = Counter()
    for told in _cases().values():
        edges.update(pairwise(row.what for row in told))
    return edges


class Row(NamedTuple):
    """A row of either half; rows sort as steps are promised to: by time, source, id."""

    time: str
    org: str
    id: str
    what: str
    case: str


def _cases() -> dict[str, list[Row]]:
    """The rows of each case in their order, those of linked cases together."""
    partner = {row[LEFT]: row[RIGHT] for row in rows("case_relations.csv")}
    cases: dict[str, list[Row]] = {}
    for org, file in HALVES.items():
        for row in rows(file):
            case = row["case:concept:name"]
            told = Row(row["time:timestamp"], org, row["concept:instance"], row["concept:name"], case)
            cases.setdefault(partner.get(case, case), []).append(told)
    return {case: sorted(told) for case, told in cases.items()}
