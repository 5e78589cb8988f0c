"""`pathline rotate`: everybody's pseudonym of one key epoch is linked with that of the next, once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pathline import Pseudonyms
from pathline.cli.identifier_column import IdentifierColumn
from pathline.cli.links import LinkMapping, Side
from pathline.cli.sources.record import Record
from support.agency import ORG, pathline, pseudonyms
from support.repository import ROOT
from support.servers.ingest_door import Door

PEOPLE = [f"PAT-{n:05}" for n in range(40)]
FLAGS = ("--org", ORG, "--case", "Patient No", "--key-file", "key", "--quiet", "--json")
VECTORS = json.loads((ROOT / "contracts/vectors/rotations.json").read_text())["vectors"]


@pytest.fixture
def people(desk: Path) -> Path:
    file = desk / "people.csv"
    file.write_text("\n".join(["Patient No,Name", *(f"{who},somebody" for who in PEOPLE)]) + "\n")
    return file


def rotated(people: Path, door: Door, *flags: object) -> dict[str, Any]:
    ran = pathline("rotate", people, "--to", door.url, *FLAGS, *flags)
    assert ran.code == 0, ran.err
    return dict(json.loads(ran.out))


def test_everybody_is_linked_under_the_agencys_own_source_and_a_second_run_says_the_same(
    people: Path, door: Door
) -> None:
    rotated(people, door)
    first = {event["id"]: event for event in door.events}
    assert len(first) == len(PEOPLE)
    old, new = pseudonyms(), Pseudonyms(ORG, pseudonyms().key, 2)
    assert {tuple(side["subject"] for side in event["data"]["same"]) for event in first.values()} == {
        (old.subject(who), new.subject(who)) for who in PEOPLE
    }
    assert {(event["source"], event["type"], event["data"]["method"]) for event in first.values()} == {
        (f"urn:pathline:{ORG}:rotation", "org.pathline.identity.linked.v1", "record-key")
    }
    assert not any(who in json.dumps(door.events) for who in (*PEOPLE, "somebody"))
    rotated(people, door)
    assert {event["id"]: event for event in door.events} == first
    assert door.conflicts == []


def test_the_next_key_may_be_another_and_an_epoch_may_be_left_out(people: Path, door: Door, desk: Path) -> None:
    assert pathline("init", "--org", ORG, "--key-file", "next").code == 0
    rotated(people, door, "--new-key-file", "next", "--epoch", 2, "--new-epoch", 5)
    new = Pseudonyms.from_text(ORG, (desk / "next").read_text(), 5)
    assert {event["data"]["same"][1]["subject"] for event in door.events} == {new.subject(who) for who in PEOPLE}
    assert {event["subject"][:3] for event in door.events} == {"v2."}


def test_a_row_that_names_nobody_is_among_the_rejects(people: Path, door: Door) -> None:
    people.write_text(people.read_text() + " ,nobody\n")
    ran = pathline("rotate", people, "--to", door.url, *FLAGS)
    assert ran.code == 1
    assert "'Patient No' is blank" in people.with_name("people.csv.rejects.csv").read_text()
    assert len(door.events) == len(PEOPLE)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--epoch", 3, "--new-epoch", 3), "--new-epoch must be over 3"),
        (("--epoch", 9999), "epoch must lie between 1 and 9999"),
        (("--new-key-file", "missing"), "missing: No such file"),
        (("--activity", "Name"), "--activity has no meaning"),
        (("--time", "Name"), "--time has no meaning"),
        (("--at", "yesterday"), "--at"),
    ],
)
def test_what_cannot_be_meant_is_one_line(people: Path, door: Door, flags: tuple[object, ...], said: str) -> None:
    ran = pathline("rotate", people, "--to", door.url, *FLAGS, *flags)
    assert ran.code == 2
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
    assert door.events == []


def test_the_column_must_be_named(people: Path, door: Door) -> None:
    ran = pathline("rotate", people, "--to", door.url, "--org", ORG, "--key-file", "key")
    assert (ran.code, "--case is required" in ran.err) == (2, True)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["why"])
def test_a_vector_is_what_a_rotation_publishes(vector: dict[str, Any]) -> None:
    old, new = (
        Side(
            IdentifierColumn(("who",), "data.same"),
            Pseudonyms(vector["org"], bytes.fromhex(side["key_hex"]), side["epoch"]),
        )
        for side in (vector["old"], vector["new"])
    )
    mapping = LinkMapping(vector["event"]["source"], old, new)
    event = mapping.build_interaction(Record(1, {"who": vector["identifier"]})).event
    assert event.data is not None
    assert event.data.decode() == vector["data_text"]
    assert {**event.attributes, "data": json.loads(event.data)} == vector["event"]
