"""`verify` finds nothing wrong in any history, and names what was broken on purpose."""

from __future__ import annotations

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pathline_gateway.embedded import Machine
from support.examples import examples
from support.intake.history import (
    Event,
    corrected,
    distinguished,
    linked,
    ref,
    retracted,
    step,
    voided,
)
from support.intake.played import LIFE, find_faults, play
from support.postgres.fresh_database import drop_database, fresh_database

ORGS = ("east", "west")
orgs = st.sampled_from(ORGS)
people = st.integers(0, 2)
minutes = st.integers(0, 3)
ids = st.sampled_from(["1", "2", "3", "4", "5"])
refs = st.builds(ref, orgs, people)
pairs = st.tuples(refs, refs).filter(lambda pair: pair[0] != pair[1])
links = st.sampled_from(["l1", "l2", "l3", "l4"])

steps = st.builds(
    lambda org, id, n, minute, text, sequence: step(org, id, n, minute, text, sequence=sequence),
    *(orgs, ids, people, minutes, st.sampled_from(["Opened", "Closed"]), st.sampled_from([None, "1", "2"])),
)
told = st.one_of(
    steps,
    steps,
    st.builds(lambda org, id, target: voided(org, f"v-{id}", target), orgs, ids, ids),
    st.builds(
        lambda org, id, target, text, minute: corrected(org, f"c-{id}", target, text, minute),
        *(orgs, ids, ids, st.sampled_from(["", "Paid", "Moved"]), minutes),
    ),
    st.builds(
        lambda id, pair, sure, minute: linked(id, pair[0], pair[1], sure, minute),
        links,
        pairs,
        st.sampled_from([0.3, 1.0]),
        minutes,
    ),
    st.builds(lambda id, pair, minute: distinguished(f"d-{id}", pair[0], pair[1], minute), links, pairs, minutes),
    st.builds(
        lambda id, target, org: retracted(f"r-{id}", target, org), links, links, st.sampled_from(["registry", "east"])
    ),
    st.just(b"no event"),
)
histories = st.lists(st.tuples(st.lists(told, min_size=1, max_size=6), st.booleans()), max_size=6)


@given(history=histories)
@examples(40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_history_verifies(machine: Machine, history: list[tuple[list[Event | bytes], bool]]) -> None:
    database = await fresh_database(machine)
    connection = await asyncpg.connect(database)
    try:
        await play(database, connection, history)
        assert await find_faults(connection) == {}
    finally:
        await connection.close()
        await drop_database(machine, database)


CORRUPTIONS = {
    "a byte of a payload": (
        "update interaction set payload = set_byte(payload, length(payload) - 3, 88) where id = '1'",
        {"content"},
    ),
    "data that is no JSON": ("update interaction set payload = '\\x7b7d0a7b' where id = '2'", {"content", "pathways"}),
    "a digest": (
        "update event_identity set digest = '\\x00112233445566778899aabbccddeeff' where id = '2'",
        {"content"},
    ),
    "a column": ("update interaction set handoff = 'other:1' where id = '2'", {"columns"}),
    "a kind": ("update step_kind set service = 'other'", {"columns"}),
    "whether it decides who sees what": (
        "update interaction set is_access_deciding = true where id = '2'",
        {"columns"},
    ),
    "a byte of a name that is served": (
        "update interaction set payload = set_byte(payload, position('\"activity\"'::bytea in payload), 88)"
        " where id = '2'",
        {"rendered"},
    ),
    "white space that is served": (
        "update interaction set payload = set_byte(payload, position('\\x0a2c'::bytea in payload) - 1, 13)"
        " where id = '2'",
        {"content"},
    ),
    "an instant that is served": (
        "update interaction set payload = replace(encode(payload, 'escape'), ':null,', ':\"x\",')::bytea"
        " where id = '2'",
        {"rendered"},
    ),
    "a time": (
        "update interaction set time = time + interval '1 microsecond' where id = '2'",
        {"columns", "identities"},
    ),
    "a time of evidence": (
        "update evidence set time = time + interval '1 second' where id = 'c'",
        {"columns", "identities"},
    ),
    "a missing identity": ("delete from event_identity where id = '2'", {"identities"}),
    "a deleted interaction": ("delete from interaction where id = '2'", {"identities", "totals", "amendments"}),
    "an interaction twice": (
        "insert into interaction select * from interaction where id = '2'",
        {"identities", "totals"},
    ),
    "deleted evidence": ("delete from evidence where id = 'l1'", {"identities", "links"}),
    "another organisation's source": ("update source set org = 'west' where org = 'east'", {"sources"}),
    "a total": ("update row_counters set value = value + 1 where name = 'interactions'", {"totals"}),
    "the total of subjects": ("update row_counters set value = value + 1 where name = 'subjects'", {"totals"}),
    "the total of links": ("update row_counters set value = value - 1 where name = 'links'", {"totals"}),
    "the total of parked records": ("update row_counters set value = value + 1 where name = 'parked'", {"totals"}),
    "a ref that is stepped": ("update subject_ref set has_steps = not has_steps where org = 'north'", {"stepped"}),
    "a membership": ("delete from membership where ref = (select max(ref) from membership)", {"membership"}),
    "a membership in another's pathway": (
        "update membership set pathway = (select anchor_id from subject_ref where org = 'north')"
        " where valid_until is null",
        {"membership", "pathways"},
    ),
    "a dangling amendment": (
        "update amendment set target_ref = null where kind = 'corrected'",
        {"amendments", "pathways"},
    ),
    "an amendment of something else": ("update amendment set target_id = '1' where kind = 'corrected'", {"amendments"}),
    "a missing amendment": ("delete from amendment where kind = 'voided'", {"amendments", "stepped", "totals"}),
    "a link that says something else": ("update link_evidence set confidence = 0.4 where kind = 'same'", {"links"}),
    "a link that nobody sent": (
        "insert into link_evidence (source, id, kind, ref_a, ref_b, asserted_at)"
        " select 1, 'x', 'same', min(id), max(id), now() from subject_ref",
        {"links"},
    ),
    "a missing change": ("delete from change_log where seq = (select min(seq) from change_log)", {"changes"}),
    "a missing change of membership": ("delete from change_log where kind = 'membership'", {"changes"}),
    "entries that stand between others": (
        "insert into change_log (ref, batch, kind) select ref, batch, kind from change_log where seq = 1",
        {"changes"},
    ),
    "a position before a parked record": ("update consumer_position set next_offset = 1", {"parked"}),
    "a digest of no record": ("update consumer_position set last_digest = '\\x00'", {"positions"}),
    "a parked record without a header": ("update parked set header_values = '{}'", {"parked"}),
}


@pytest.mark.parametrize(("corrupt", "named"), CORRUPTIONS.values(), ids=CORRUPTIONS)
async def test_what_was_broken_is_named(
    database: str, connection: asyncpg.Connection, corrupt: str, named: set[str]
) -> None:
    await play(database, connection, LIFE)
    assert await find_faults(connection) == {}
    assert (await connection.execute(corrupt)).split()[-1] != "0"
    assert named <= (await find_faults(connection)).keys()
