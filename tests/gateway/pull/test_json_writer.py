"""What is written from rows is what assembling and serving the steps says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pathline import instant
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.pathways.repository import PathwayMembers, StoredPathway, StoredStep, _sort_rows
from pathline_gateway.pathways.stored_form import StepKind, render_payload
from pathline_gateway.pull.json_writer import write_pathway
from pathline_gateway.pull.serialization import PathwayContent, serialize_pathway

REFS = {1: ("north", "v1.a"), 2: ("south", 'v1."b\\'), 3: ("north", "v1.c")}
SOURCES = {10: "urn:pathline:north:a", 11: "urn:pathline:south:\u00e9"}
TYPES = {5: "org.pathline.contact.made.v1", 6: "org.pathline.need.expressed.v1"}
MEMBERS = PathwayMembers(UUID(int=7), list(REFS), list(REFS.values()), has_amendments=False)

# Postgres keeps no NUL, and UTF-8 no surrogate.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
maybe = st.none() | texts
KINDS = {
    n: StepKind(SOURCES[10 + n % 2], TYPES[5 + n // 2 % 2], service, channel, initiator)
    for n, (service, channel, initiator) in enumerate(
        [(None, None, None), ("intake", "web", None), ("intake", "\u00e9", "x"), ("desk", None, "citizen")] * 2
    )
}

# Few, so that many are at one time.
times = st.integers(0, 3).map(
    lambda n: datetime(1, 1, 3, tzinfo=UTC) + timedelta(microseconds=n * 10**16 + n // 2 * 10)
)
data = st.dictionaries(texts, st.none() | texts | st.integers(-9, 9), max_size=2).flatmap(
    lambda said: st.sampled_from([orjson.dumps(said), orjson.dumps(said, option=orjson.OPT_INDENT_2)])
)


def as_postgres_writes_it(time: datetime) -> str:
    text = time.isoformat().removesuffix("+00:00")
    return f'"{text.rstrip("0") if "." in text else text}"'


def stored_row(
    ref: int,
    kind: int,
    id: str,
    time: datetime,
    recordedtime: datetime | None,
    activity: str | None,
    sequence: str | None,
    attributes: dict[str, str],
    data: bytes,
) -> StoredStep:
    if recordedtime is not None:
        attributes = attributes | {"recordedtime": instant.to_text(recordedtime)}
    payload = render_payload(recordedtime, activity, orjson.dumps(attributes), data)
    at = as_postgres_writes_it(time)
    return StoredStep(ref, 10 + kind % 2, id, 5 + kind // 2 % 2, at, sequence, None, kind, payload)


rows = st.builds(
    stored_row,
    ref=st.sampled_from(list(REFS)),
    kind=st.sampled_from(list(KINDS)),
    id=texts,
    time=times,
    recordedtime=st.none() | times,
    activity=maybe,
    sequence=maybe,
    attributes=st.dictionaries(texts, texts, max_size=2),
    data=data,
)


@given(st.lists(rows, max_size=12, unique_by=lambda row: (row.source, row.id)))
def test_written_is_served(given: list[StoredStep]) -> None:
    stored = StoredPathway(_sort_rows(given, SOURCES), SOURCES, TYPES, REFS, KINDS)
    handoffs = [{"handoff": "north:1"}]
    steps = assemble(stored.steps()).steps
    served = PathwayContent(MEMBERS.pathway, MEMBERS.refs, steps, handoffs=handoffs)
    told = orjson.dumps(serialize_pathway(served, "version"))
    assert write_pathway(MEMBERS, "version", stored, orjson.dumps(handoffs)) == told
