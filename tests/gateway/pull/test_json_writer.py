"""What is written from rows is what assembling and serving the steps says."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.pathways.repository import PathwayMembers, StoredPathway, StoredStep, _sort_rows
from pathline_gateway.pull.json_writer import write_pathway
from pathline_gateway.pull.serialization import PathwayContent, serialize_pathway

REFS = {1: ("north", "v1.a"), 2: ("south", 'v1."b\\'), 3: ("north", "v1.c")}
SOURCES = {10: "urn:pathline:north:a", 11: "urn:pathline:south:\u00e9"}
TYPES = {5: "org.pathline.contact.made.v1", 6: "org.pathline.need.expressed.v1"}
MEMBERS = PathwayMembers(UUID(int=7), list(REFS), list(REFS.values()), has_amendments=False)

# Postgres keeps no NUL, and UTF-8 no surrogate.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
maybe = st.none() | texts


def as_postgres_writes_it(time: datetime) -> str:
    text = time.isoformat()
    return f'"{text.rstrip("0") if "." in text else text}"'


# Few, so that many are at one time.
times = st.integers(0, 3).map(lambda n: datetime(1, 1, 3) + timedelta(microseconds=n * 10**16 + n // 2 * 10))
instants = times.map(as_postgres_writes_it)
data = st.dictionaries(texts, st.none() | texts | st.integers(-9, 9), max_size=2).flatmap(
    lambda said: st.sampled_from([orjson.dumps(said), orjson.dumps(said, option=orjson.OPT_INDENT_2)])
)
payloads = st.tuples(st.dictionaries(texts, texts, max_size=2).map(orjson.dumps), data).map(b"\n".join)
rows = st.builds(
    StoredStep,
    ref=st.sampled_from(list(REFS)),
    source=st.sampled_from(list(SOURCES)),
    id=texts,
    type=st.sampled_from(list(TYPES)),
    time=instants,
    recordedtime=st.none() | instants,
    service=st.sampled_from([None, "intake", "desk"]),
    channel=maybe,
    activity=maybe,
    initiator=maybe,
    actor=maybe,
    sequence=st.none() | texts,
    trace_id=st.none(),
    span_id=st.none(),
    handoff=maybe,
    payload=payloads,
)


@given(st.lists(rows, max_size=12, unique_by=lambda row: (row.source, row.id)))
def test_written_is_served(given: list[StoredStep]) -> None:
    stored = StoredPathway(_sort_rows(given, SOURCES), SOURCES, TYPES, REFS)
    handoffs = [{"handoff": "north:1"}]
    steps = assemble(stored.steps()).steps
    served = PathwayContent(MEMBERS.pathway, MEMBERS.refs, steps, handoffs=handoffs)
    told = orjson.dumps(serialize_pathway(served, "version"))
    assert orjson.loads(write_pathway(MEMBERS, "version", stored, orjson.dumps(handoffs))) == orjson.loads(told)
