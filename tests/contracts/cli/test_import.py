"""`pathline import`: files of records become pseudonymous interactions, the same in every run."""

import csv
import gzip
import json
import os
from pathlib import Path

import pytest

from pathline.rows.service_code import make_code
from support.agency import CSV_FLAGS, ORG, csv_text, pathline, pseudonyms, rows, xes_text
from support.servers.ingest_door import Door


def test_a_semicolon_csv_arrives_as_its_rows_say(desk: Path, door: Door) -> None:
    log = rows(20)
    (desk / "log.csv").write_text(csv_text(log), newline="")

    ran = pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS, "--service", "surgery", "--json")

    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) | {"seconds": 0} == {
        "read": 100,
        "sent": 100,
        "accepted": 100,
        "duplicate": 0,
        "refused": 0,
        "conflict": 0,
        "seconds": 0,
        "rejects": None,
    }
    subject = pseudonyms().subject
    when = [row[2][:10].replace("/", "-") + "T09:00:00Z" for row in log]
    assert sorted((e["subject"], e["data"]["activity"], e["time"]) for e in door.events) == sorted(
        (subject(row[0]), row[1], at) for row, at in zip(log, when, strict=True)
    )
    assert {e["source"] for e in door.events} == {f"urn:pathline:{ORG}:log"}
    assert {e["data"]["service"] for e in door.events} == {"surgery"}
    assert not list(desk.glob("*.rejects.csv"))
    assert not list(desk.glob("*resume*"))


def test_importing_twice_under_another_name_or_packed_gives_the_same_identities(desk: Path, door: Door) -> None:
    text = csv_text(rows(20))
    (desk / "log.csv").write_text(text, newline="")
    (desk / "later.csv.gz").write_bytes(gzip.compress(text.encode()))

    first = pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS)
    second = pathline("import", "later.csv.gz", "--to", door.url, *CSV_FLAGS, "--json")

    assert (first.code, second.code) == (0, 0)
    assert json.loads(second.out)["duplicate"] == 100
    assert (len(door.kept), door.conflicts) == (100, [])


def test_a_file_that_has_grown_keeps_the_ids_of_its_rows(desk: Path, door: Door) -> None:
    for cases in (10, 20):
        (desk / "log.csv").write_text(csv_text(rows(cases)), newline="")
        assert pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS).code == 0

    assert (len(door.kept), door.conflicts) == (100, [])


def test_two_files_of_one_system_do_not_share_ids(desk: Path, door: Door) -> None:
    log = rows(4)
    for name, part in (("a.csv", log[:10]), ("b.csv", log[10:])):
        (desk / name).write_text(csv_text(part), newline="")
        assert pathline("import", name, "--to", door.url, *CSV_FLAGS).code == 0

    assert (len(door.kept), door.conflicts) == (20, [])


def test_ids_of_rows_of_one_person_and_time_have_the_order_of_the_file(desk: Path, door: Door) -> None:
    log = [("p", f"step {n}", "2021-03-01 09:00", "") for n in range(40)]
    (desk / "log.csv").write_text(csv_text(log), newline="")

    pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS)

    assert [event["data"]["activity"] for event in door.events] == [row[1] for row in log]


def test_rows_above_and_below_change_no_id_of_the_others(desk: Path, door: Door) -> None:
    """Next month's export has a row on top, and one at its end."""
    log = rows(10)
    for part in (log[5:40], log):
        (desk / "log.csv").write_text(csv_text(part), newline="")
        assert pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS).code == 0

    assert (len(door.kept), door.conflicts) == (50, [])


def test_a_corrected_row_has_the_id_of_what_was_sent(desk: Path, door: Door) -> None:
    log = rows(3)
    for name in ("log.csv", "corrected.csv"):
        (desk / name).write_text(csv_text(log), newline="")
        pathline("import", name, "--to", door.url, *CSV_FLAGS)
        log[4] = (log[4][0], "another", *log[4][2:])

    assert (len(door.kept), len(door.conflicts)) == (15, 1)


def test_a_run_with_conflicts_and_no_refusal_says_so_in_words_and_lists_them(desk: Path, door: Door) -> None:
    log = rows(3)
    for n, name in enumerate(("log.csv", "corrected.csv")):
        (desk / name).write_text(csv_text(log), newline="")
        ran = pathline("import", name, "--to", door.url, *CSV_FLAGS)
        assert (ran.code, ran.err) == (n, "")
        log[4] = (log[4][0], "another", *log[4][2:])
        log[7] = (log[7][0], "another", *log[7][2:])

    counts, conflicts, where = ran.out.splitlines()
    assert counts.startswith("read 15  sent 15  accepted 0  duplicate 15  refused 0  in ")
    assert conflicts == (
        "in conflict 2: they differ from what was sent before, which stays as it was; "
        "publish a correction (interaction.corrected) of each"
    )
    assert where == "lines and reasons: corrected.csv.rejects.csv"
    with (desk / "corrected.csv.rejects.csv").open() as listed:
        assert [(each["line"], each["reason"]) for each in csv.DictReader(listed)] == [
            ("6", "conflicting-duplicate"),
            ("9", "conflicting-duplicate"),
        ]
    assert not (desk / "log.csv.rejects.csv").exists()


def test_no_raw_identifier_and_no_key_is_sent_printed_or_left_on_disk(desk: Path, door: Door) -> None:
    log = [*rows(10), ("PAT-00099-x", "", "2021/03/01 09:00:00", ""), ("PAT-00098-x", "a", "never", "")]
    (desk / "log.csv").write_text(csv_text(log), newline="")
    door.refuse = lambda event: event["data"]["activity"].startswith("R")

    ran = pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS, "--service-column", "Team", "--id-per-case")
    checked = pathline("check", "log.csv", *CSV_FLAGS)

    assert (ran.code, checked.code) == (1, 1)
    written = b"".join(path.read_bytes() for path in desk.iterdir() if path.name not in ("log.csv", "key"))
    seen = b"".join(door.bodies) + written + (ran.out + ran.err + checked.out + checked.err).encode()
    assert b"PAT-" not in seen
    assert (desk / "key").read_bytes() not in seen


def test_an_id_column_is_taken_and_prefixed(desk: Path, door: Door) -> None:
    (desk / "log.csv").write_text(csv_text([("p", "a", "2021-01-01 00:00", "17")]))

    pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS, "--id", "Team", "--id-prefix", "task-")

    assert [event["id"] for event in door.events] == ["task-17"]


def test_ids_that_are_unique_only_within_a_case_are_made_unique_without_telling_the_case(
    desk: Path, door: Door
) -> None:
    log = [(case, "a", "2021-01-01 00:00", "1") for case in ("p-1", "p-2", " p-1 ")]
    (desk / "log.csv").write_text(csv_text(log))

    pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS, "--id", "Team", "--id-per-case")

    ids = [event["id"] for event in door.events]
    assert len(ids) == 2
    assert all(id_.startswith("1-") and "p-" not in id_ for id_ in ids)


def test_several_id_columns_never_collide(desk: Path, door: Door) -> None:
    log = [("p", "a/b", "2021-01-01 00:00", "c"), ("p", "a", "2021-01-01 00:00", "b/c")]
    (desk / "log.csv").write_text(csv_text(log))

    ran = pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS, "--id", "What", "--id", "Team")

    assert ran.code == 0
    assert {event["id"] for event in door.events} == {"a%2Fb/c", "a/b%2Fc"}


@pytest.mark.parametrize("flag", ["--id", "--activity", "--sequence", "--service-column", "--field=episode"])
def test_the_case_column_is_not_sent_as_anything_else(desk: Path, door: Door, flag: str) -> None:
    (desk / "log.csv").write_text(csv_text(rows(1)), newline="")
    said = (f"{flag}=Patient No",) if "=" in flag else (flag, "Patient No")

    at = CSV_FLAGS.index(flag) if flag in CSV_FLAGS else len(CSV_FLAGS)
    others = CSV_FLAGS[:at] + CSV_FLAGS[at + 2 :]

    ran = pathline("import", "log.csv", "--to", door.url, *others, *said)

    assert ran.code == 2
    assert "must not leave this machine" in ran.err
    assert door.bodies == []


def test_an_xes_log_needs_no_columns_named(desk: Path, door: Door) -> None:
    text = xes_text({"case 7": [("Ready &amp; set", "2021-03-01T09:00:00.250+01:00"), ("Go", "2021-03-02T09:00:00Z")]})
    (desk / "log.xes").write_text(text)
    (desk / "packed.xes.gz").write_bytes(gzip.compress(text.encode()))
    flags = ("--org", ORG, "--key-file", "key", "--service-column", "org:group")

    first = pathline("import", "log.xes", "--to", door.url, *flags)
    again = pathline("import", "packed.xes.gz", "--to", door.url, *flags, "--json")

    assert (first.code, json.loads(again.out)["duplicate"]) == (0, 2)
    subject = pseudonyms().subject("case 7")
    assert sorted((e["subject"], e["time"], e["data"]) for e in door.events) == [
        (subject, "2021-03-01T09:00:00.250000+01:00", {"service": "group-1", "activity": "Ready & set"}),
        (subject, "2021-03-02T09:00:00Z", {"service": "group-1", "activity": "Go"}),
    ]


def test_a_mapping_file_says_what_flags_say_and_flags_win(desk: Path, door: Door) -> None:
    (desk / "made").mkdir()
    os.rename("key", "made/key")
    (desk / "made" / "contacts.toml").write_text(
        """
        org = "ward"
        system = "calls"
        key-file = "key"
        case = "who"
        time = "at"
        timezone = "+10:00"
        id = "call"
        type = "org.pathline.contact.made.v1"
        service = "line"

        [fields]
        channel = "how"
        kind = "why"
        resolved = "done"
        needs = "about"
        "regarding.id" = "earlier"
        "on_behalf.subject" = "for"

        [set]
        "regarding.source" = "urn:pathline:ward:calls"
        on_behalf.role = "child"

        [values.channel]
        Telefon = "phone"
        """
    )
    call = {"who": 81, "at": "2021-01-01 10:00", "call": "c-9", "how": "Telefon", "why": "chase", "done": "yes"}
    (desk / "calls.ndjson").write_text(json.dumps({**call, "about": ["food"], "earlier": "c-1", "for": "PAT-2"}))

    ran = pathline("import", "calls.ndjson", "--to", door.url, "--mapping", "made/contacts.toml", "--service", "desk")

    assert ran.code == 0, ran.err
    (event,) = door.events
    assert (event["id"], event["time"]) == ("c-9", "2021-01-01T10:00:00+10:00")
    assert event["subject"] == pseudonyms().subject("81")
    assert event["data"] == {
        "service": "desk",
        "channel": "phone",
        "kind": "chase",
        "resolved": True,
        "needs": ["food"],
        "regarding": {"source": "urn:pathline:ward:calls", "id": "c-1"},
        "on_behalf": {"subject": pseudonyms().subject("PAT-2"), "role": "child"},
    }


def test_flat_records_in_ndjson_and_in_an_array_are_the_same(desk: Path, door: Door) -> None:
    records = [{"a": {"id": n}, "what": f"Schritt {n}", "at": 1600000000 + n, "null": None} for n in range(30)]
    (desk / "log.ndjson").write_text("\n\n".join(map(json.dumps, records)))
    (desk / "log.json").write_text(json.dumps(records, indent=3))
    flags = ("--org", ORG, "--key-file", "key", "--case", "a.id", "--activity", "what")

    for name in ("log.ndjson", "log.json"):
        ran = pathline("import", name, "--to", door.url, *flags, "--time", "at", "--time-format", "unix")
        assert ran.code == 0, ran.err

    assert (len(door.kept), door.conflicts) == (30, [])
    assert sorted(event["time"] for event in door.events)[2] == "2020-09-13T12:26:42Z"


def test_a_day_without_an_hour_is_sent_as_a_day(desk: Path, door: Door) -> None:
    (desk / "log.csv").write_text(csv_text([("p", "a", "2021-07-01", ""), ("p", "a", "2021-07-01 08:00", "")]))

    pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS[:-1], "Europe/Amsterdam")

    assert sorted((e["time"], e["data"].get("precision")) for e in door.events) == [
        ("2021-07-01T00:00:00+02:00", "day"),
        ("2021-07-01T08:00:00+02:00", None),
    ]


def test_the_token_travels_in_a_header_and_stands_in_no_message(desk: Path, door: Door) -> None:
    (desk / "log.csv").write_text(csv_text(rows(1)), newline="")
    (desk / "token").write_text("s3cret-token\n")

    ran = pathline("import", "log.csv", "--to", door.url, *CSV_FLAGS, "--token-file", "token")

    assert ran.code == 0
    assert door.authorizations == ["Bearer s3cret-token"]
    assert "s3cret" not in ran.out + ran.err


@pytest.mark.parametrize(("text", "code"), [("Group 1", "group-1"), ("Élan vital!", "elan-vital"), ("漢", "")])
def test_a_service_column_becomes_a_code(text: str, code: str) -> None:
    assert make_code(text) == code
